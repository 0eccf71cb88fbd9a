"""The contents of a prepared corpus's ``meta.json``, checked before anything is done with them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("should be a text")
    return value


def _character(value: Any) -> Any:
    if len(_text(value)) != 1:
        raise ValueError("should be a single character")
    return value


# Texts of a corpus may have halves of surrogate pairs, which pydantic's str has not.
Text = Annotated[Any, AfterValidator(_text)]
Character = Annotated[Any, AfterValidator(_character)]

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
    characters: dict[Character, Count]
    dropped: Counts
    offsets: OffsetsMeta


class SkippedMeta(_Part):
    """Lines that the reader left out."""

    counts: Counts
    messages: list[Text]


class CorpusMeta(_Part):
    """All that is looked at."""

    reader: str
    lines: Count
    points: Count
    changes: Counts
    writers: Count
    writers_in_several_splits: Count
    splits: dict[str, SplitMeta]
    split_names: list[Text]
    source_names: list[Text]
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
