"""The most that options, and the settings in a model's file, may ask for."""

MOST_BIAS = 100.0
"""Of a writer; the pen's spread falls with its power of e."""

MOST_DRAWS = 1000
"""Of each piece of a text, to keep the best of."""

MOST_BEAM = 1000
"""Hypotheses of a recogniser for each line."""

MOST_WEIGHT = 100.0
"""Of each part of a reading's score, and of the power of a text's length."""

MOST_WORKERS = 1000
"""Processes that work beside a command."""
