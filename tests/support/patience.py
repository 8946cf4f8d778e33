"""How long a test waits for what has to happen: a hang fails in the end, and nothing fails because it is slow."""

PATIENCE_S = 600
