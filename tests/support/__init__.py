"""Helpers that several test files share; `pythonpath = ["tests"]` makes them importable as `support`.

One of each: a clock, an emulated account and a stub server, a deployment, a process, receivers of alerts, and
factories of records, batches and findings. A helper of one test file stays in that file.
"""
