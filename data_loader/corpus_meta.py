"""The contents of a prepared corpus's ``meta.json``, checked before anything is done with them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Count = Annotated[int, Field(ge=0, le=2**53)]
Counts = dict[str, Count]
Pair = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=2, max_length=2)
]


class _Part(BaseModel):
    """A dict with these keys; others of it are not looked at."""

    model_config = ConfigDict(strict=True, frozen=True)


class OffsetsMeta(_Part):
    """The offsets that a model predicts: their number, means and standard deviations."""

    steps: Count
    mean: Pair
    std: Pair


class SplitMeta(_Part):
    """Counts of a split's lines."""

    lines: Count
    points: Count
    writers: Count
    lines_without_writer: Count
    characters: dict[Annotated[str, Field(min_length=1, max_length=1)], Count]
    dropped: Counts
    offsets: OffsetsMeta


class SkippedMeta(_Part):
    """Lines that the reader left out."""

    counts: Counts
    messages: list[str]


class CorpusMeta(_Part):
    """All that is looked at."""

    reader: str
    lines: Count
    points: Count
    changes: Counts
    writers: Count
    writers_in_several_splits: Count
    splits: dict[str, SplitMeta]
    skipped: SkippedMeta
    files: Counts
    checksums: Counts


def check_meta(meta: Any) -> None:
    """Check the contents of ``meta.json``.

    Raises:
        ValueError: in one line, with the first field that is not as it should be.
    """
    try:
        CorpusMeta.model_validate(meta)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(
            ascii(part)[1:-1] if isinstance(part, str) else str(part) for part in first["loc"]
        )
        raise ValueError(f"meta.json: {field[:200]}: {first['msg']}") from None
