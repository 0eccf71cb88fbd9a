"""Exported models, run with NumPy alone: writing and reading without torch."""
