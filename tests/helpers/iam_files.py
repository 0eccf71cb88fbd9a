"""Makes small databases in the layout of IAM-OnDB, with writing of its own."""

import gzip
import io
import tarfile
from pathlib import Path

# Form -> (split, writer or "", texts of its lines)
FORMS = {
    "a01-000u": ("trainset", "10001", ["A first line", "and a second"]),
    "a01-000x": ("testset_v", "10002", ["Another hand"]),
    "b02-010": ("testset_t", "", ["No writer known", "Genius & food"]),
}


def line_xml(strokes: list[list[tuple[float, float]]]) -> str:
    """A ``lineStrokes`` file of these strokes, points as (x, y) with y downwards."""
    parts = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        "<WhiteboardCaptureSession>",
        '  <WhiteboardDescription><SensorLocation corner="top_left"/></WhiteboardDescription>',
        "  <StrokeSet>",
    ]
    for points in strokes:
        parts.append('    <Stroke colour="black" start_time="0.1" end_time="0.2">')
        parts += [f'      <Point x="{x}" y="{y}" time="0.15"/>' for x, y in points]
        parts.append("    </Stroke>")
    return "\n".join([*parts, "  </StrokeSet>", "</WhiteboardCaptureSession>", ""])


def strokes_of(form: str, number: int) -> list[list[tuple[float, float]]]:
    """The strokes of a line: a dot, then a stroke of three points."""
    shift = 10 * number + len(form)
    return [[(100 + shift, 50)], [(120, 60), (123, 64 + shift), (125, 58)]]


def database_files() -> dict[str, str]:
    """All files of the database by path, without the lists."""
    files = {}
    for form, (_, writer, texts) in FORMS.items():
        folder = f"{form[:3]}/{form[:7]}"
        for number in range(1, len(texts) + 1):
            path = f"lineStrokes/{folder}/{form}-{number:02d}.xml"
            files[path] = line_xml(strokes_of(form, number))
        lines = "\n".join(texts)
        files[f"ascii/{folder}/{form}.txt"] = f"OCR: \n\nIn print\n\nCSR: \n\n{lines}\n"
        if writer:
            head = f'<S><General><Form id="{form}" writerID="{writer}"/></General></S>'
            files[f"original/{folder}/strokes{form[7:]}.xml"] = head
    return files


def write_lists(folder: Path) -> None:
    """The lists of forms, laid out as the official ones are."""
    for split in ("trainset", "testset_v", "testset_t"):
        forms = [form for form, (its_split, _, _) in FORMS.items() if its_split == split]
        (folder / f"{split}.txt").write_text("".join(f" {form}\n" for form in forms))


def write_folders(folder: Path, files: dict[str, str] | None = None) -> Path:
    """The database unpacked, with its lists."""
    for name, text in (database_files() if files is None else files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    write_lists(folder)
    return folder


def write_tarballs(folder: Path, files: dict[str, str] | None = None) -> Path:
    """The database as it is downloaded, with its lists."""
    tops = ("lineStrokes", "ascii", "original")
    names = dict(zip(tops, ("lineStrokes-all", "ascii-all", "original-xml-part"), strict=True))
    files = database_files() if files is None else files
    for top, name in names.items():
        members = {path: text for path, text in files.items() if path.startswith(f"{top}/")}
        (folder / f"{name}.tar.gz").write_bytes(gzip.compress(tar(members)))
    write_lists(folder)
    return folder


def tar(members: dict[str, str]) -> bytes:
    """A tar archive, not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in members.items():
            info = tarfile.TarInfo(path)
            data = text.encode()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
