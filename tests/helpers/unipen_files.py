"""Makes small UNIPEN files and distributions, with writing of its own."""

from pathlib import Path

DOC = ".VERSION 1.0\n.COORD X Y T\n.HIERARCHY TEXT WORD CHARACTER\n.X_POINTS_PER_INCH 254\n"


def pen(points: list[tuple[float, float]], keyword: str = "PEN_DOWN") -> str:
    """A component of points (x, y), with a time beside each."""
    rows = "".join(f"\t{x} {y} {10 * number}\n" for number, (x, y) in enumerate(points))
    return f".{keyword}\n{rows}"


def word(x: float, y: float, width: float = 30) -> str:
    """A zigzag of the given width and height 10 that begins at (x, y), as one component."""
    return pen([(x + width * k / 8, y + 10 * (k % 2)) for k in range(9)])


def segment(level: str, place: str, label: str, quality: str = "?") -> str:
    """A ``.SEGMENT`` with its label escaped."""
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'.SEGMENT {level} {place} {quality} "{escaped}"\n'


def add_file(
    root: Path, name: str, ink: str, writer: str, segments: dict[str, str], doc: str = DOC
) -> None:
    """A file of a distribution in ``root``.

    Args:
        root: what is called ``train_r01_v07``.
        name: path inside each category, such as ``abc/one.dat``.
        ink: statements of the ink.
        writer: the writer's id, or empty for none.
        segments: the segments' statements by category.
        doc: statements of the group's description.
    """
    group, _, rest = name.partition("/")
    write(root / "include" / group / "group.doc", doc)
    of_writer = f".WRITER_ID {writer}\n" if writer else ""
    write(root / "include" / group / "data" / rest, of_writer + ink)
    included = f".VERSION 1.0\n.INCLUDE {group}/group.doc\n.INCLUDE {group}/data/{rest}\n"
    for category, statements in segments.items():
        write(root / "data" / category / name, included + statements)


def write(path: Path, text: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
