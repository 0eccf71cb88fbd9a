"""``python -m handwriting``: the command ``handwriting``."""

from handwriting.commands import run

if __name__ == "__main__":
    run()
