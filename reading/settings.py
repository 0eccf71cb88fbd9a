"""Settings of decoding; ``reading.decoding`` defines the scores."""

from dataclasses import dataclass

from handwriting.runtime.reading_settings import MOST_BEAM, MOST_WEIGHT
from handwriting.runtime.reading_settings import ReadingSettings as DecodingSettings

__all__ = ["GREEDY", "MOST_BEAM", "MOST_WEIGHT", "Decoding", "DecodingSettings"]


@dataclass(frozen=True)
class Decoding:
    """A way to read lines.

    Attributes:
        key: what its columns are called after.
        name: for people.
        settings: how texts are searched and scored.
    """

    key: str
    name: str
    settings: DecodingSettings


GREEDY = Decoding("greedy", "greedy", DecodingSettings())
