"""Contributors of UNIPEN's ``train_r01_v07``, judged by samples of all of them.

A group is tagged H (good resolution, plausible labels), M (coarser ink, one or two writers, or an
odd style) or L (screen pixels for ink); some are of no use, as a whole or at one level.
"""

MEDIUM = frozenset(
    ["anj", "dar", "gmd", "huj", "ibm", "imt", "kai", "lav", "mot", "pcl", "sie", "tos"]
)
LOW = frozenset(["apa", "app", "lou", "ugi"])

TAGS = ("H", "M", "L")

LOW_RESOLUTION = 3.5
"""Points per mm below which a file of hpb is L: a part of this group is at 84 points per inch."""

_PARTLY_LOW = frozenset(["hpb"])

UNUSABLE = {
    "atu": "pen lifts are not marked",
    "val": "segments name the wrong ink",
}
"""Groups of which nothing is read, and why."""

_UNUSABLE_LEVELS = {
    ("ibm", "characters"): "a third of several strokes lack one",
    ("att", "lines"): "the words are far apart in a form",
}
_UNUSABLE_LABELS = {
    ("gmd", "i"): "the dot is missing",
    ("gmd", "j"): "the dot is missing",
    ("kai", "@"): "it stands for the stroke between two characters",
}


def tags_of(group: str) -> tuple[str, ...]:
    """The tags that files of a group may have; H where the group is not known."""
    if group in LOW:
        return ("L",)
    return ("M",) if group in MEDIUM else ("H", "L") if group in _PARTLY_LOW else ("H",)


def tag_of(group: str, points_per_mm: float) -> str:
    """The tag of a file whose ink has this resolution."""
    first, *others = tags_of(group)
    return "L" if others and 0 < points_per_mm < LOW_RESOLUTION else first


def problem_of(group: str, level: str, label: str) -> str:
    """Why a segment is of no use: a reason to count it under; empty where it is of use.

    Args:
        group: the contributor, three letters.
        level: ``characters``, ``words`` or ``lines``.
        label: the text.
    """
    if not label:
        return "segment without a label"
    if "XXX" in label:
        return "label with XXX, which marks what could not be read"
    if (group, level) in _UNUSABLE_LEVELS:
        return f"{level} of {group}: {_UNUSABLE_LEVELS[group, level]}"
    if level == "characters" and (group, label) in _UNUSABLE_LABELS:
        return f"{label} of {group}: {_UNUSABLE_LABELS[group, label]}"
    return ""
