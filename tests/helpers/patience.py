"""How long a test waits for another process before it says that it hangs."""

A_HANG = 1800.0
"""Seconds. The slowest process here needs under one minute on two quiet cores: a machine would have
to be thirty times as busy before work that goes on were taken for a hang."""
