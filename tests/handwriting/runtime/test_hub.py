"""Models on a hub, without a network: the package's calls are stood in for by a local folder."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handwriting import Error, Reader, Writer
from handwriting.commands import main
from handwriting.errors import DataError, UserError
from handwriting.runtime.hub import MOST_BYTES, Repository, parse_repository
from handwriting.runtime.hub_push import push
from handwriting.runtime.weights_folder import FILES, RECOGNISER, WRITER, weights_folder

PLACE = Repository("lena/hands")
needs_package = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None,
    reason='needs huggingface_hub: pip install "handwriting[hub]"',
)


class StandIn:
    """A hub that keeps each repository in a folder.

    Attributes:
        root: of the repositories.
        fault: raised by every call, if not None.
        calls: the names of the calls.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.fault: Exception | None = None
        self.calls: list[str] = []
        self.sizes: dict[str, int] = {}

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.fault is not None:
            raise self.fault

    def model_info(self, repo: str, **_: Any) -> SimpleNamespace:
        self._called("model_info")
        files = [path for path in (self.root / repo).rglob("*") if path.is_file()]
        return SimpleNamespace(
            siblings=[
                SimpleNamespace(
                    rfilename=file.name, size=self.sizes.get(file.name, file.stat().st_size)
                )
                for file in files
            ]
        )

    def snapshot_download(
        self, repo: str, *, allow_patterns: list[str], local_files_only: bool = False, **_: Any
    ) -> str:
        self.calls.append("snapshot_download")
        target = self.cache / repo
        if local_files_only:
            if self.fault is not None and not target.is_dir():
                raise self.fault
            return str(target)
        target.mkdir(parents=True, exist_ok=True)
        for file in (self.root / repo).iterdir():
            if any(fnmatch(file.name, pattern) for pattern in allow_patterns):
                shutil.copy(file, target)
        return str(target)

    def create_repo(self, repo: str, *, private: bool, exist_ok: bool) -> str:
        assert exist_ok
        self._called("create_repo private" if private else "create_repo")
        (self.root / repo).mkdir(parents=True, exist_ok=True)
        return f"https://hub.example/{repo}"

    def file_exists(self, repo: str, name: str, revision: str | None) -> bool:
        return (self.root / repo / name).is_file()

    def create_commit(self, repo: str, operations: list[Any], **_: Any) -> None:
        self._called("create_commit")
        for each in operations:
            data = each.path_or_fileobj
            data = Path(data).read_bytes() if isinstance(data, str) else data
            (self.root / repo / each.path_in_repo).write_bytes(data)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    package = pytest.importorskip(
        "huggingface_hub", reason='needs huggingface_hub: pip install "handwriting[hub]"'
    )
    stand_in = StandIn(tmp_path / "hub", tmp_path / "cache")
    monkeypatch.setattr(package, "HfApi", lambda **_: stand_in)
    monkeypatch.setattr(package, "snapshot_download", stand_in.snapshot_download)
    return stand_in


@pytest.fixture
def repository(hub: StandIn, exported: Path) -> Path:
    """The folder of a repository with tiny models, and with files that nobody should take."""
    folder = hub.root / PLACE.name
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(exported / name, folder)
    for name in ("pytorch_model.bin", "weights.pkl", "modeling.py"):
        (folder / name).write_bytes(b"harm")
    return folder


@needs_package
def test_weights_are_taken_from_a_hub(repository: Path, exported: Path, hub: StandIn) -> None:
    strokes = Writer(exported).write_lines(["rain"], seed=2)[0].strokes
    assert (Writer("hub:lena/hands").write_lines(["rain"], seed=2)[0].strokes == strokes).all()
    read = [each.read_lines([strokes])[0].text for each in (Reader(exported), Reader(str(PLACE)))]
    assert read[0] == read[1]
    # Nothing but the models: no pickle, no code.
    assert sorted(file.name for file in (hub.cache / PLACE.name).iterdir()) == sorted(FILES)


@needs_package
def test_every_way_to_name_weights_takes_a_hub(
    repository: Path, hub: StandIn, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    main(["hands", "--weights", "hub:lena/hands@main"])
    monkeypatch.setenv("HANDWRITING_WEIGHTS", "hub:lena/hands")
    main(["hands"])
    assert capsys.readouterr().out == "lena\nlena\n"
    assert weights_folder(Path("hub:lena/hands")) == hub.cache / PLACE.name


@needs_package
def test_what_was_downloaded_is_used_without_a_network(repository: Path, hub: StandIn) -> None:
    from huggingface_hub.errors import OfflineModeIsEnabled

    Writer("hub:lena/hands")
    hub.fault = OfflineModeIsEnabled("offline mode is enabled")
    assert Writer("hub:lena/hands").hands == ("lena",)


@needs_package
def test_a_model_of_a_stranger_is_checked(repository: Path, exported: Path) -> None:
    shutil.copy(exported / RECOGNISER, repository / WRITER)
    with pytest.raises(DataError, match="writer.safetensors: task: should be 'conditional'"):
        Writer("hub:lena/hands")
    (repository / WRITER).write_bytes(b"\x80\x04harm")
    with pytest.raises(DataError, match="is no safetensors file"):
        Writer("hub:lena/hands")


@needs_package
def test_a_repository_without_models_or_with_huge_ones_is_not_downloaded(
    repository: Path, hub: StandIn
) -> None:
    hub.sizes[WRITER] = MOST_BYTES
    with pytest.raises(UserError, match="hub:lena/hands: models should have 2 GB at most, got 2.0"):
        Writer("hub:lena/hands")
    for name in FILES:
        (repository / name).unlink()
    with pytest.raises(UserError, match="has no exported models, none of writer.safetensors"):
        Writer("hub:lena/hands")
    assert "snapshot_download" not in hub.calls


def answers(name: str, status: int = 0) -> Callable[[], Exception]:
    """Makes an error as the package raises it."""

    def make() -> Exception:
        from huggingface_hub import errors

        kind: Any = getattr(errors, name)
        if not status:
            return kind("no more\nthan this")
        response = SimpleNamespace(headers={}, status_code=status, request=None)
        return kind("said\nso", response=response)

    return make


FAULTS = [
    (answers("RepositoryNotFoundError", 404), "no such repository, or not one that you may see"),
    (answers("RevisionNotFoundError", 404), "has no such revision"),
    (answers("GatedRepoError", 403), "is for those who accept its terms"),
    (answers("HfHubHTTPError", 403), r"no permission \(HTTP 403\); log in with a token that may"),
    (answers("HfHubHTTPError", 500), r"the hub refuses \(said so\)"),
    (answers("OfflineModeIsEnabled"), "the hub cannot be reached"),
    (answers("LocalTokenNotFoundError"), "is for those who are logged in: hf auth login"),
    (
        lambda: ConnectionRefusedError(111, "Connection refused"),
        r"the hub cannot be reached \(.*refused\)",
    ),
]


@needs_package
@pytest.mark.parametrize(("make", "message"), FAULTS)
def test_what_a_hub_refuses_is_one_line(
    hub: StandIn, exported: Path, make: Callable[[], Exception], message: str
) -> None:
    hub.fault = make()
    for call in (lambda: Writer("hub:a/b"), lambda: push(exported, Repository("a/b"))):
        with pytest.raises(Error, match=f"hub:a/b: {message}") as fault:
            call()
        assert "\n" not in str(fault.value)


@needs_package
def test_other_errors_are_the_programs_own(hub: StandIn) -> None:
    hub.fault = KeyError("model")
    with pytest.raises(KeyError):
        Writer("hub:a/b")


@needs_package
def test_nothing_listens() -> None:
    """The package itself, at a port where nobody answers."""
    import subprocess

    program = "from handwriting import Writer; Writer('hub:a/b')"
    program = f"from handwriting.errors import run_command\ndef f():\n  {program}\nrun_command(f)"
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "PATH": "", "HF_HOME": "nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: hub:a/b: the hub cannot be reached (")
    assert done.stderr.count("\n") == 1


def test_the_package_is_asked_for(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    message = r'hub:a/b: needs the package huggingface_hub: pip install "handwriting\[hub\]"'
    with pytest.raises(UserError, match=message):
        Reader("hub:a/b")
    with pytest.raises(UserError, match=message):
        main(["hub", "push", str(exported), "a/b"])


@pytest.mark.parametrize("name", ["a", "a/b/c", "a/b@", "../b", "a/..", "a/b@../c", "https://a/b"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(UserError, match=r"hub: should be OWNER/NAME or OWNER/NAME@REVISION, got '"):
        weights_folder(f"hub:{name}")


def test_names_of_repositories() -> None:
    assert parse_repository("lena/hands") == parse_repository("hub:lena/hands") == PLACE
    assert str(parse_repository("a/b@v1/x")) == "hub:a/b@v1/x"


@needs_package
def test_a_folder_is_sent_and_used(
    hub: StandIn, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["hub", "push", str(exported), "lena/new", "--license", "cc-by-4.0", "--private"])
    assert capsys.readouterr().out == (
        f"sent to https://hub.example/lena/new: {', '.join(FILES)}, README.md;"
        " to use them: --weights hub:lena/new\n"
    )
    # No vectors, nothing else of the folder.
    sent = hub.root / "lena" / "new"
    assert sorted(file.name for file in sent.iterdir()) == ["README.md", *sorted(FILES)]
    assert hub.calls == ["create_repo private", "create_commit"]
    assert Writer("hub:lena/new").hands == ("lena",)


@needs_package
def test_a_card_that_is_made_up(hub: StandIn, exported: Path) -> None:
    yaml = pytest.importorskip("yaml")
    done = push(exported, PLACE)
    assert done.notes == ("the card, README.md, names no license: give --license or a card",)
    card = (hub.root / PLACE.name / "README.md").read_text(encoding="utf-8")
    _, header, text = card.split("---\n", 2)
    assert yaml.safe_load(header) == {
        "library_name": "handwriting",
        "tags": [
            *("online-handwriting", "digital-ink", "handwriting-synthesis"),
            "handwriting-recognition",
        ],
    }
    assert "| `hands.safetensors` | hands to write in | 1 hand |" in text
    assert 'handwriting write "Dear Anna," --weights hub:lena/hands' in text
    # A card that someone wrote there since is not overwritten by one that nobody did.
    (hub.root / PLACE.name / "README.md").write_text("better")
    assert push(exported, PLACE).notes == ("the card, README.md, is left as it is there",)
    assert (hub.root / PLACE.name / "README.md").read_text() == "better"


@needs_package
def test_a_card_of_ones_own_goes_with_the_models(
    hub: StandIn, exported: Path, tmp_path: Path
) -> None:
    card = tmp_path / "card.md"
    card.write_text("---\nlicense: mit\n---\n# Mine\n", encoding="utf-8")
    assert push(exported, PLACE, card).notes == ()
    assert (hub.root / PLACE.name / "README.md").read_bytes() == card.read_bytes()
    folder = tmp_path / "own"
    shutil.copytree(exported, folder)
    shutil.copy(card, folder / "README.md")
    assert "README.md" in push(folder, PLACE).files
    with pytest.raises(UserError, match="license: is for a card that is made up"):
        push(folder, PLACE, license="mit")


def test_what_cannot_be_used_is_not_sent(exported: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("# No header\n")
    with pytest.raises(UserError, match="card.md: a model card begins with a YAML header"):
        push(exported, PLACE, card)
    with pytest.raises(UserError, match="license: should be a name such as cc-by-4.0, got 'x: y'"):
        push(exported, PLACE, license="x: y")
    with pytest.raises(UserError, match="none: is no folder of exported models"):
        push(tmp_path / "none", PLACE)
    with pytest.raises(UserError, match="has no exported models, none of writer.safetensors"):
        push(tmp_path, PLACE)
    (tmp_path / WRITER).write_bytes(b"\x80\x04harm")
    with pytest.raises(UserError, match="is no safetensors file"):
        push(tmp_path, PLACE)


def test_an_action_is_needed() -> None:
    with pytest.raises(UserError, match="hub: give an action: push"):
        main(["hub"])
