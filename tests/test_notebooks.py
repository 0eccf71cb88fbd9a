"""The notebooks run from top to bottom, in a short form."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from iam_files import write_folders, write_lists
from patience import A_HANG

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=int(sys.argv[2]), kernel_name="python3").execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
print(sum("image/png" in output.get("data", {}) for output in outputs), "pictures")
"""


def run(name: str, **environment: str) -> str:
    """What the notebook's run says at its end."""
    values = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    # The limit is each cell's: the client then ends its kernel, too.
    command = [sys.executable, "-c", RUN, str(NOTEBOOKS / name), str(int(A_HANG))]
    done = subprocess.run(command, cwd=NOTEBOOKS, env=values, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_show_data_writing_a_window_and_reading() -> None:
    assert run("examples.ipynb", HANDWRITING_NOTEBOOK_STEPS="2") == "6 pictures\n"


def test_the_recogniser_is_taught_a_hand() -> None:
    assert run("adapt.ipynb", HANDWRITING_NOTEBOOK_MINUTES="0.02") == "1 pictures\n"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Runs to show, of one epoch of a tiny model."""
    settings = [
        'data_loader.args.source={"type": "synthetic", "args": {"num_lines": 60}}',
        "data_loader.args.limit=4",
        f"data_loader.args.cache_dir={tmp_path / 'prepared'}",
        "arch.args.hidden_size=8",
        "arch.args.num_layers=1",
        "trainer.epochs=1",
        "trainer.tensorboard=false",
        f"trainer.save_dir={tmp_path / 'saved'}",
    ]
    arguments = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "train.py", "-c", "config_unconditional.json", *arguments]
    subprocess.run(command, cwd=NOTEBOOKS.parent, check=True, capture_output=True)
    return tmp_path / "saved"


# Of the shipped weights that generate: samples and density; samples, window, styles and density;
# then a page, and it read again.
PICTURES = 9


def test_the_results_show_the_shipped_weights_and_the_curves_and_samples_of_runs(
    trained: Path, tmp_path: Path
) -> None:
    """With data: a small database."""
    write_folders(tmp_path / "data")
    write_lists(tmp_path / "data")
    printed = run(
        "results.ipynb",
        HANDWRITING_SAVED=str(trained),
        HANDWRITING_DATA=str(tmp_path / "data"),
        HANDWRITING_NOTEBOOK_OPTIONS="--limit 2",
    )
    assert printed == f"{PICTURES + 2} pictures\n"


def test_the_results_say_so_where_there_are_neither_data_nor_runs(tmp_path: Path) -> None:
    nowhere = str(tmp_path)
    printed = run("results.ipynb", HANDWRITING_SAVED=nowhere, HANDWRITING_DATA=nowhere)
    assert printed == f"{PICTURES} pictures\n"


def test_the_package_writes_reads_and_takes_a_hand_without_a_clone() -> None:
    assert run("package.ipynb", PYTHONPATH=str(NOTEBOOKS.parent)) == "0 pictures\n"
