"""Findings to people: a message per finding, the channels that carry it, and the outbox that records deliveries."""
