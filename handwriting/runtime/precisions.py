"""Numbers that the weights of an exported model may be stored in."""

PRECISIONS = ("int8", "float16", "float32")
"""The first is the default."""
