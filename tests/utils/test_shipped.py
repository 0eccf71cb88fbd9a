"""Short names of the shipped weights."""

from pathlib import Path

import pytest

from utils.shipped import MODELS, checkpoint_path, shipped_names


def test_a_short_name_is_a_shipped_file_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("recognition", "language_model"):
        assert checkpoint_path(name) == MODELS / "pretrained" / f"{name}.pth"
    assert checkpoint_path("research/recognition") == MODELS / "research" / "recognition.pth"
    assert all(checkpoint_path(name).is_file() for name in shipped_names())


def test_a_name_means_research_weights_where_there_are_no_others() -> None:
    alone = {name.removeprefix("research/") for name in shipped_names() if "/" in name}
    for name in alone - set(shipped_names()):
        assert checkpoint_path(name) == MODELS / "research" / f"{name}.pth"
    assert checkpoint_path("unconditional").is_file()


def test_a_file_comes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conditional").touch()
    assert checkpoint_path("conditional") == Path("conditional")


@pytest.mark.parametrize("text", ["absent", "../conditional", "a/b/c", "conditional.pth", "/x"])
def test_anything_else_is_a_path_as_it_stands(text: str) -> None:
    assert checkpoint_path(text) == Path(text)
