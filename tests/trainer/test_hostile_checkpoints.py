"""A checkpoint with one thing changed is refused in one line, or harmless, and writes nowhere."""

import copy
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from patience import A_HANG
from tiny_checkpoint import RECOGNISER, make_checkpoint
from torch import Tensor

import experiments
from handwriting.errors import CheckpointError, ConfigError, UserError
from parse_config import ConfigParser
from trainer import slim
from trainer.assembly import build_trainer
from trainer.checkpointing import FORMAT_VERSION, KEYS, RESUME_KEYS, load_checkpoint
from trainer.distributed import Distributed
from trainer.loaded_model import load_model, open_data
from trainer.run_lock import HOLDER, LOCK, RunLock
from trainer.trainer import NonFiniteLoss, Trainer

ROOT = Path(__file__).parents[2]
Change = Callable[[dict[str, Any]], None]


def config(folder: Path) -> dict[str, Any]:
    model = {"hidden_size": 8, "num_layers": 2, "num_mixtures": 2}
    source = {
        "type": "synthetic",
        "args": {"num_lines": 40, "num_writers": 5, "max_characters": 20},
    }
    loader = {"source": source, "cache_dir": str(folder / "prepared"), "batch_size": 4, "limit": 6}
    return {
        "name": "tiny",
        "seed": 1,
        "arch": {"type": "UnconditionalHandwriting", "args": model},
        "data_loader": {"type": "HandwritingDataLoader", "args": loader},
        "optimizer": {"type": "Adam", "args": {"lr": 0.01}},
        "loss": {"type": "mixture_nll"},
        "metrics": ["nll"],
        "lr_scheduler": {"type": "StepLR", "args": {"step_size": 3}},
        "trainer": {
            "epochs": 1,
            "save_dir": str(folder / "saved"),
            "sample_period": None,
            "averaging": 0.9,
            "weight_noise": 0.01,
            "tensorboard": False,
        },
    }


def quiet(parser: ConfigParser) -> Trainer:
    trainer = build_trainer(parser, Distributed())
    trainer.draw_history = lambda rows, path: None
    return trainer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of a user, with a run and other files; the working folder of these tests."""
    folder = tmp_path_factory.mktemp("home")
    before = Path.cwd()
    os.chdir(folder)
    quiet(ConfigParser.from_dict(config(folder), device="cpu")).train()
    (folder / "config.json").write_text(json.dumps(config(folder)))
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine")
    for name in (".building-site", f".building-{os.getpid()}-0123abcd"):
        (folder / "notes" / name).mkdir()
        (folder / "notes" / name / "mine.txt").write_text("mine")
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    """The folder of the run."""
    (checkpoint,) = home.glob("saved/models/tiny/*/checkpoint.pth")
    return checkpoint.parent


@pytest.fixture(scope="module")
def whole(run: Path) -> dict[str, Any]:
    return load_checkpoint(run / "checkpoint.pth", resumable=True)


@pytest.fixture
def stranger(run: Path, tmp_path: Path) -> Path:
    """A checkpoint of someone else, in a folder as that of its run."""
    folder = tmp_path / "got" / "models" / "tiny" / run.name
    folder.mkdir(parents=True)
    return folder / "checkpoint.pth"


def resume(path: Path, *settings: str) -> Trainer:
    flags = [word for setting in settings for word in ("--set", setting)]
    return quiet(ConfigParser.from_args(["-r", str(path), "--device", "cpu", *flags]))


def go_on(path: Path) -> None:
    resume(path, "trainer.epochs=2").train()


def begin(path: Path) -> None:
    """Begin a new run from its weights; the working folder has a config."""
    quiet(ConfigParser.from_args(["-c", "config.json", "-w", str(path), "--device", "cpu"]))


def make_slim(path: Path) -> None:
    small = path.with_name("small.pth")
    small.unlink(missing_ok=True)
    slim.main([str(path), str(small)])


def read(path: Path) -> None:
    load_model(path, "cpu")


def export(path: Path) -> None:
    experiments.main(["-r", str(path), "--export-onnx", "--out", str(path.with_name("onnx"))])


def save(path: Path, checkpoint: dict[str, Any]) -> Path:
    torch.save(checkpoint, path)
    return path


def tree(folder: Path) -> dict[str, bytes | None]:
    """All files of a folder, but for the default cache and the empty file that is locked."""
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None
        for each in sorted(folder.rglob("*"))
        if each.name != LOCK and each.relative_to(folder).parts[0] != "data"
    }


def line_of(error: UserError, path: Path) -> str:
    text = str(error)
    assert "\n" not in text
    assert str(path) in text
    assert len(text) < 1000 + len(str(path))
    return text


def refusal(use: Callable[[Path], None], path: Path) -> str:
    """What ``use`` says as it refuses a checkpoint; nothing is there that was not before."""
    before = tree(path.parents[3])
    with pytest.raises(UserError) as caught:
        use(path)
    assert tree(path.parents[3]) == before
    return line_of(caught.value, path)


def test_the_one_that_was_not_changed_is_used(whole: dict[str, Any], stranger: Path) -> None:
    for use in (make_slim, read, go_on):
        use(save(stranger, whole))


def test_every_key_is_needed_and_of_its_type(whole: dict[str, Any], stranger: Path) -> None:
    for key in KEYS + RESUME_KEYS:
        resuming = key in RESUME_KEYS
        uses = (go_on,) if resuming else (go_on, read, make_slim)
        without = {name: value for name, value in whole.items() if name != key}
        for use in uses:
            text = refusal(use, save(stranger, without))
            assert key in text or "format version" in text or "weights only" in text
        for value in (1.5, "text", [None], {"a": 1}, torch.zeros(2)):
            if (key, type(value)) in (("monitored", float), ("scaler", dict)):
                continue
            for use in uses:
                text = refusal(use, save(stranger, {**whole, key: value}))
                assert key in text or (key == "format_version" and "no format version" in text)


def at(*keys: Any, value: Any) -> Change:
    """A change of the value below some keys."""

    def change(checkpoint: dict[str, Any]) -> None:
        for key in keys[:-1]:
            checkpoint = checkpoint[key]
        checkpoint[keys[-1]] = value

    return change


def weight(value: float, key: str = "model") -> Change:
    def change(checkpoint: dict[str, Any]) -> None:
        next(iter(checkpoint[key].values())).view(-1)[0] = value

    return change


def extra(value: Any) -> Change:
    return at("model", "extra", value=value)


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value, value]
    return value


NAN, INF = float("nan"), float("inf")
SIZE = "arch.args.hidden_size"
WRONG: dict[str, tuple[Change, str]] = {
    "a weight NaN": (weight(NAN), "model."),
    "a weight infinite": (weight(INF), "model."),
    "an averaged weight NaN": (weight(NAN, "averaged"), "averaged."),
    "std 0": (at("normalisation", "std", value=[0.0, 1.0]), "normalisation.std.0"),
    "std negative": (at("normalisation", "std", value=[1.0, -1.0]), "normalisation.std.1"),
    "std huge": (at("normalisation", "std", value=[1.0, 1e30]), "normalisation.std.1"),
    "std NaN": (at("normalisation", "std", value=[NAN, 1.0]), "normalisation.std.0"),
    "std of one": (at("normalisation", "std", value=[1.0]), "normalisation.std"),
    "std true": (at("normalisation", "std", value=[True, 1.0]), "normalisation.std.0"),
    "mean infinite": (at("normalisation", "mean", value=[INF, 0.0]), "normalisation.mean.0"),
    "no normalisation": (at("normalisation", value=None), "normalisation"),
    "a character twice": (at("vocabulary", "characters", value=["a", "b", "a"]), "vocabulary"),
    "two characters": (at("vocabulary", "characters", value=["ab"]), "vocabulary"),
    "half a character": (at("vocabulary", "characters", value=["\ud800"]), "vocabulary"),
    "no characters": (at("vocabulary", "characters", value="ab"), "vocabulary"),
    "epoch true": (at("epoch", value=True), "epoch"),
    "epoch negative": (at("epoch", value=-1), "epoch"),
    "step huge": (at("step", value=10**30), "step"),
    "best NaN": (at("best", "value", value=NAN), "best.value"),
    "name above": (at("run", "name", value="../../x"), "run.name"),
    "name absolute": (at("run", "name", value="/tmp/x"), "run.name"),
    "name of dots": (at("run", "name", value=".."), "run.name"),
    "name long": (at("run", "name", value="x" * 5000), "run.name"),
    "name empty": (at("run", "name", value=""), "run.name"),
    "name with a line": (at("run", "name", value="tiny\n"), "run.name"),
    "name with NUL": (at("run", "name", value="a\0b"), "run.name"),
    "id above": (at("run", "id", value="../../../x"), "run.id"),
    "id with a folder": (at("run", "id", value="a\\b"), "run.id"),
    "id a number": (at("run", "id", value=7), "run.id"),
    "width huge": (at("arch", "args", "hidden_size", value=10**9), SIZE),
    "width other": (at("arch", "args", "hidden_size", value=16_384), "does not fit|do not fit"),
    "layers huge": (at("arch", "args", "num_layers", value=10**9), "arch.args.num_layers"),
    "mixtures huge": (at("arch", "args", "num_mixtures", value=10**9), "arch.args.num_mixtures"),
    "an unknown model": (at("arch", "type", value="Nothing"), "arch.type"),
    "a weight too many": (extra(torch.zeros(1)), "model.extra"),
    "no tensor": (extra("text"), "model"),
    "spread from one number": (extra(torch.zeros(1).expand(10**6, 10**6)), "model.extra"),
    "sparse": (extra(torch.zeros(3, 3).to_sparse()), "import"),
    "meta": (extra(torch.zeros(3, device="meta")), "import"),
    "lists of lists": (at("config", "more", value=nested(30)), "config.more"),
    "deep lists": (at("config", "more", value=json.loads("[" * 90 + "]" * 90)), "config.more"),
    "config without a loader": (at("config", "data_loader", value=None), "config.data_loader"),
    "loader without settings": (at("config", "data_loader", "args", value=[]), "config.data_load"),
    "seed as text": (at("config", "seed", value="1"), "config.seed"),
}
WRONG_TO_RESUME: dict[str, tuple[Change, str]] = {
    "optimizer of others": (at("optimizer", "param_groups", 0, "params", value=[0]), "optimizer"),
    "optimizer without groups": (at("optimizer", "param_groups", value=[]), "optimizer"),
    "two groups": (at("optimizer", "param_groups", value=[{"params": []}] * 2), "optimizer"),
    "lr as text": (at("optimizer", "param_groups", 0, "lr", value="0.1"), "optimizer"),
    "lr NaN": (at("optimizer", "param_groups", 0, "lr", value=NAN), "optimizer"),
    "moment missing": (at("optimizer", "state", 0, value={}), "optimizer: .*state.0"),
    "moment short": (at("optimizer", "state", 0, "exp_avg", value=torch.zeros(1)), "optimizer"),
    "state of nothing": (at("optimizer", "state", 99, value={}), "optimizer"),
    "schedule a method": (at("scheduler", "step", value=5), ""),
    "schedule's epoch": (at("scheduler", "last_epoch", value="x"), "scheduler"),
    "schedule's rates": (at("scheduler", "_last_lr", value=[]), "scheduler"),
    "no schedule": (at("scheduler", value=None), "scheduler"),
    "noise of others": (at("weight_noise", "noise", value={}), "weight_noise"),
    "noise's generator": (at("weight_noise", "generator", value=torch.zeros(2)), "weight_noise"),
    "position": (at("sampler", "position", value=-1), "sampler.position"),
    "sums": (at("running", "sums", value={"loss": NAN}), "running.sums.loss"),
    "no random states": (at("random", value=[]), "random"),
    "NumPy's place": (at("random", 0, "numpy", 1, value=10**6), "random.0.numpy"),
    "Python's state": (at("random", 0, "python", 1, value=torch.zeros(3).long()), "random"),
    "torch's state": (at("random", 0, "torch", value=torch.zeros(9).byte()), "random"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_refused_by_every_command(
    what: str, whole: dict[str, Any], home: Path, stranger: Path
) -> None:
    change, field = WRONG[what]
    checkpoint = copy.deepcopy(whole)
    change(checkpoint)
    save(stranger, checkpoint)
    before = tree(home)
    for use in (go_on, read, make_slim, export, begin):
        text = refusal(use, stranger)
        assert any(each in text for each in field.split("|")), text
    assert tree(home) == before


@pytest.mark.parametrize("what", WRONG_TO_RESUME)
def test_a_wrong_state_is_not_resumed(what: str, whole: dict[str, Any], stranger: Path) -> None:
    change, field = WRONG_TO_RESUME[what]
    checkpoint = copy.deepcopy(whole)
    change(checkpoint)
    save(stranger, checkpoint)
    if not field:  # what a schedule does not have is left out
        go_on(stranger)
        return
    with pytest.raises(UserError, match=field) as caught:
        go_on(stranger)
    line_of(caught.value, stranger)


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*where, key)
        yield from places(item, (*where, key))


REPLACEMENTS = (
    *(None, True, -1, 0, 10**40, 0.5, NAN, -INF, "", "../../x", "a" * 10_000, "\x1b[2J\n"),
    *([], [None], {}, {"a": {"b": 1}}, {1: 2}),
    *(
        torch.tensor(NAN),
        torch.zeros(0),
        torch.zeros(3, 2).bool(),
        torch.ones(2).cfloat(),
    ),
)


def mutated(whole: dict[str, Any], chance: random.Random) -> tuple[dict[str, Any], tuple[Any, ...]]:
    checkpoint = copy.deepcopy(whole)
    where = chance.choice(sorted(places(checkpoint), key=str))
    inner: Any = checkpoint
    for key in where[:-1]:
        inner = inner[key]
    if chance.random() < 0.15:
        del inner[where[-1]]
    else:
        inner[where[-1]] = chance.choice(REPLACEMENTS)
    return checkpoint, where


def test_any_change_is_refused_in_one_line_or_harmless(
    whole: dict[str, Any], home: Path, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes at random places, resumed for one epoch or read; nothing of the user's is touched.

    More of them with ``HANDWRITING_CHANGES=10000``.
    """
    chance = random.Random(int(os.environ.get("HANDWRITING_SEED", "1")))
    before = tree(home)
    refused = 0
    for number in range(int(os.environ.get("HANDWRITING_CHANGES", "120"))):
        checkpoint, where = mutated(whole, chance)
        save(stranger, checkpoint)
        try:
            (read if number % 3 == 0 else go_on)(stranger)
        except (CheckpointError, ConfigError, UserError) as error:
            assert "\n" not in str(error), where
            assert str(error).isprintable(), where
            refused += 1
        except NonFiniteLoss:
            pass  # its learning rate, for example, is another one
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
    assert refused > 20
    # One in its run's folder may prepare other corpora where there are corpora alone.
    after = tree(home)
    assert {name: after.get(name, "gone") for name in before} == before
    assert {Path(name).parts[0] for name in after.keys() - before.keys()} <= {"prepared"}


def test_compressed_entries_are_refused_before_they_are_read(
    whole: dict[str, Any], stranger: Path
) -> None:
    save(stranger.with_name("plain.pth"), whole)
    with (
        zipfile.ZipFile(stranger.with_name("plain.pth")) as old,
        zipfile.ZipFile(stranger, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            with new.open(entry.filename, "w", force_zip64=True) as file:
                file.write(old.read(entry))
        with new.open("checkpoint/data/999", "w", force_zip64=True) as file:
            for _ in range(200):
                file.write(bytes(1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "compressed entries" in refusal(read, stranger)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_sizes_of_a_recogniser_are_bounded(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "a" / "b" / "c" / "reader.pth", task="recognition")
    checkpoint = load_checkpoint(path)
    for name in sorted(RECOGNISER):
        changed = copy.deepcopy(checkpoint)
        changed["arch"]["args"][name] = [10**9] if name == "channels" else 10**9 + 1
        assert f"arch.args.{name}" in refusal(read, save(path, changed))
    changed = copy.deepcopy(checkpoint)
    changed["vocabulary"] = None
    assert "vocabulary: is needed" in refusal(read, save(path, changed))


def test_a_resumed_run_goes_on_where_its_checkpoint_lies(
    whole: dict[str, Any], home: Path, run: Path, stranger: Path, tmp_path: Path
) -> None:
    """Whatever folder it names."""
    save(stranger, whole)  # its save_dir is the user's own, and so are its name and id
    before = tree(home)
    go_on(stranger)
    assert tree(home) == before
    assert load_checkpoint(stranger)["epoch"] == 2
    (tmp_path / "a" / "b").mkdir(parents=True)
    elsewhere = save(tmp_path / "a" / "b" / "c.pth", whole)
    with pytest.raises(UserError, match=r"c\.pth: run: is not in the folder of its run"):
        go_on(elsewhere)
    assert tree(home) == before
    with pytest.raises(UserError, match=r"trainer\.save_dir: has a run of this name already"):
        resume(elsewhere, f"trainer.save_dir={home / 'saved'}")
    assert tree(home) == before
    resume(elsewhere, "trainer.epochs=2", f"trainer.save_dir={tmp_path / 'mine'}").train()
    assert (tmp_path / "mine" / "models" / "tiny" / run.name / "checkpoint.pth").is_file()
    assert tree(home) == before


@pytest.mark.parametrize("where", ["in its run's folder", "elsewhere"])
def test_a_cache_that_a_checkpoint_names_is_not_written_into(
    where: str, whole: dict[str, Any], home: Path, stranger: Path, tmp_path: Path
) -> None:
    path = stranger if where == "in its run's folder" else tmp_path / "loose.pth"
    checkpoint = copy.deepcopy(whole)
    checkpoint["config"]["data_loader"]["args"]["cache_dir"] = str(home / "notes")
    save(path, checkpoint)
    before = tree(home / "notes")
    loader = open_data(load_model(path, "cpu"), None, "")
    assert loader.corpus.folder.parent == Path("data/prepared")
    if path == stranger:
        go_on(path)
    assert tree(home / "notes") == before
    beside = str(path.parent / "prepared")
    checkpoint["config"]["data_loader"]["args"]["cache_dir"] = beside
    loader = open_data(load_model(save(path, checkpoint), "cpu"), None, "")
    assert str(loader.corpus.folder.parent) == beside


@pytest.mark.parametrize("is_there", [True, False])
def test_no_folder_is_filled_that_a_checkpoint_names(
    is_there: bool, whole: dict[str, Any], stranger: Path, tmp_path: Path
) -> None:
    """An empty one is anyone's, and so is a name that is free."""
    named = tmp_path / "elsewhere"
    if is_there:
        named.mkdir()
    checkpoint = copy.deepcopy(whole)
    checkpoint["config"]["data_loader"]["args"]["cache_dir"] = str(named)
    save(stranger, checkpoint)
    loader = open_data(load_model(stranger, "cpu"), None, "")
    go_on(stranger)
    assert loader.corpus.folder.parent == Path("data/prepared")
    assert (list(named.iterdir()) == []) if is_there else not named.exists()


def test_links_in_the_folder_of_a_run_are_not_written_through(
    whole: dict[str, Any], stranger: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    save(stranger, whole)
    log = tmp_path / "got" / "log" / "tiny" / stranger.parent.name
    log.mkdir(parents=True)
    for path in (stranger.parent / HOLDER, log / "metrics.jsonl"):
        path.symlink_to(mine)
    go_on(stranger)
    assert mine.read_text() == "mine"


HOLDING = """
import sys, time
from pathlib import Path
from trainer.run_lock import RunLock
lock = RunLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(1000)
"""


def test_a_run_has_one_writer(whole: dict[str, Any], stranger: Path) -> None:
    save(stranger, whole)
    command = [sys.executable, "-c", HOLDING, str(stranger.parent)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        try:
            before = tree(stranger.parents[3])
            with pytest.raises(UserError) as caught:
                go_on(stranger)
        finally:
            other.kill()
    assert tree(stranger.parents[3]) == before
    text = str(caught.value)
    assert "\n" not in text and str(stranger.parent) in text
    assert f"process {other.pid} on " in text and "is training this run since 20" in text
    go_on(stranger)  # its lock went with it
    assert not (stranger.parent / HOLDER).exists()


def test_of_two_processes_that_resume_a_run_one_is_refused(
    whole: dict[str, Any], stranger: Path
) -> None:
    save(stranger, whole)
    flags = ["--device", "cpu", "--set", "trainer.epochs=100000"]
    command = [sys.executable, str(ROOT / "train.py"), "-r", str(stranger), *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        end = time.monotonic() + A_HANG
        rows = stranger.parents[3] / "log" / "tiny" / stranger.parent.name / "metrics.jsonl"
        while not (rows.is_file() and rows.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        try:
            with pytest.raises(UserError, match=f"process {first.pid} on .* is training this run"):
                go_on(stranger)
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=A_HANG)
        finally:
            first.kill()
    assert first.returncode == 130
    epochs = [json.loads(line)["epoch"] for line in rows.read_text().splitlines()]
    assert len(set(epochs)) == len(epochs) == load_checkpoint(stranger, resumable=True)["epoch"] - 1


def test_a_lock_is_released_as_training_ends(tmp_path: Path) -> None:
    lock = RunLock(tmp_path / "run").acquire()
    assert lock.acquire() is lock
    with pytest.raises(UserError, match=f"process {os.getpid()} on"):
        RunLock(tmp_path / "run").acquire()
    lock.release()
    RunLock(tmp_path / "run").acquire().release()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: cannot be locked for writing"):
        RunLock(tmp_path / "file").acquire()


def test_tensors_that_share_memory_are_as_they_were(tmp_path: Path, whole: dict[str, Any]) -> None:
    """Such as tied weights."""
    shared: Tensor = torch.arange(6.0)
    model = {"a": shared, "b": shared, "c": shared[2:4], "d": shared.view(2, 3).T}
    path = save(tmp_path / "a.pth", {**whole, "model": model, "averaged": None})
    assert torch.equal(load_checkpoint(path)["model"]["d"], model["d"])
    assert FORMAT_VERSION == 1
