"""Settings of the search for a line's text."""

from dataclasses import dataclass

from handwriting.errors import UserError
from handwriting.limits import MOST_BEAM, MOST_WEIGHT


@dataclass(frozen=True)
class ReadingSettings:
    """Settings of the search for a text and of its scores; ``reading.decoding`` defines them.

    Args:
        beam: hypotheses kept for each line; 1 follows the best character each time.
        length_normalisation: exponent alpha of the length that a finished text's score is divided
            by, 0 for none.
        coverage: weight of the coverage term (Wu et al. 2016, eq. 14), 0 for none.
        ctc_weight: weight lambda of the CTC score, 0 to 1; the attention decoder has the rest.
        language_weight: weight beta of the language model.

    Raises:
        UserError: for a number out of its range.
    """

    beam: int = 1
    length_normalisation: float = 1.0
    coverage: float = 0.0
    ctc_weight: float = 0.0
    language_weight: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.beam <= MOST_BEAM:
            raise UserError(f"beam: should be 1 to {MOST_BEAM:,}, got {self.beam}")
        for name in ("length_normalisation", "coverage", "language_weight"):
            value = getattr(self, name)
            if not 0 <= value <= MOST_WEIGHT:
                raise UserError(f"{name}: should be 0 to {MOST_WEIGHT:g}, got {value}")
        if not 0 <= self.ctc_weight <= 1:
            raise UserError(f"ctc_weight: should be 0 to 1, got {self.ctc_weight}")
