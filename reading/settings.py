"""Settings of decoding; ``reading.decoding`` defines the scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handwriting.limits import MOST_BEAM, MOST_WEIGHT
from handwriting.runtime.reading_settings import ReadingSettings as DecodingSettings

if TYPE_CHECKING:
    from reading.constraints import Constraint

__all__ = [
    "GREEDY",
    "MOST_BEAM",
    "MOST_WEIGHT",
    "TEXT_ALONE",
    "Decoding",
    "DecodingSettings",
    "Request",
]


@dataclass(frozen=True)
class Request:
    """Request of more than the text of a line, or of some texts alone.

    Attributes:
        alternatives: readings of each line in all, at most as many as the beam finds.
        places: find where in the line each character is.
        constraint: to the texts that may be read; None for all.
    """

    alternatives: int = 1
    places: bool = False
    constraint: "Constraint | None" = None


TEXT_ALONE = Request()


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
