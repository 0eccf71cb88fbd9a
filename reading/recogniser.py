"""A trained recogniser, loaded from its checkpoint to read lines."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base.base_model import BaseModel
from handwriting.command_line import option_name, print_notes
from handwriting.errors import UserError
from handwriting.text.vocabulary import Vocabulary
from model.decoder_protocols import LanguageModel
from reading.line_reader import LineReader
from reading.options import OPTIONS
from reading.settings import GREEDY, DecodingSettings
from trainer.loaded_model import LoadedModel, load_model

TASK = "recognition"
_SYNTHETIC = "synthetic"
_SEARCHES = "auto"


@dataclass(frozen=True)
class LoadedRecogniser:
    """A recogniser to judge written lines with.

    Attributes:
        reader: reads lines with it.
        about: plain values for a report: ``recogniser`` (its path), its progress, ``trained_on``.
    """

    reader: LineReader
    about: dict[str, Any]


def load_recogniser(path: Path, device: str, progress: bool = False) -> LoadedRecogniser:
    """Load the recogniser of a checkpoint, and print what it was trained on.

    Raises:
        UserError: it is not the checkpoint of a recogniser.
    """
    trained = load_model(path, device)
    reader = line_reader(trained, f"--recogniser {path}", progress=progress)
    source = trained.config["data_loader"]["args"]["source"]
    about = {"recogniser": str(path), **trained.progress, "trained_on": _named(source)}
    print(f"recogniser: {path}, epoch {about['epoch']}, trained on {about['trained_on']}")
    print_notes(_doubts(source["type"]))
    return LoadedRecogniser(reader, about)


def line_reader(
    trained: LoadedModel,
    source: str,
    settings: DecodingSettings = GREEDY.settings,
    language_model: LanguageModel | None = None,
    batch_size: int | None = None,
    progress: bool = False,
) -> LineReader:
    """A reader of lines with a trained recogniser; ``UserError`` naming ``source``, where the model
    is from, when it is none."""
    if trained.model.task != TASK or trained.vocabulary is None or trained.features is None:
        raise UserError(
            f"{source}: needs a model that reads handwriting, whose task is {TASK!r}, got one"
            f" whose task is {trained.model.task!r}"
        )
    more: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    return LineReader(
        trained.model,
        trained.vocabulary,
        trained.features,
        settings,
        language_model,
        progress=progress,
        **more,
    )


def _named(source: dict[str, Any]) -> str:
    folder = source["args"].get("data_dir")
    return f"{source['type']} ({folder})" if folder else str(source["type"])


def _doubts(source: str) -> list[str]:
    if source == _SYNTHETIC:
        return [
            "the recogniser was trained on the built-in synthetic corpus, not on real ink: how it"
            " reads says little of how people would"
        ]
    if source == _SEARCHES:
        return [
            "the recogniser's config names the source 'auto': that it was real ink, and not the"
            " built-in corpus, is for you to know"
        ]
    return []


# Options of the evaluation of models that write.
_NOT_FOR_READING = ("bias", "steps", "samples_only")


def check_task_options(options: argparse.Namespace, model: BaseModel) -> None:
    """``UserError`` where an option is not for the model's task."""
    names: tuple[str, ...]
    if model.task == TASK:
        names, why = _NOT_FOR_READING, "is for models that write, the checkpoint's model reads"
    else:
        names, why = OPTIONS, f"is for recognisers, got a {type(model).__name__}"
    for name in names:
        if getattr(options, name, None) is not None:
            raise UserError(f"{option_name(name)}: {why}")
    if options.language_weight is not None and options.language_model is None:
        raise UserError("--language-weight: there is no --language-model that it is the weight of")


def language_model(options: argparse.Namespace, trained: LoadedModel) -> LanguageModel | None:
    """The language model on the recogniser's device; None where none is asked for.

    Raises:
        UserError: the checkpoint is not one of a language model, or of one over other characters.
    """
    if options.language_model is None:
        return None
    device = str(next(trained.model.parameters()).device)
    model = load_model(options.language_model, device).model
    if model.task != "language" or not isinstance(model, LanguageModel):
        raise UserError(
            f"--language-model: should be the checkpoint of a language model, got one of a"
            f" {type(model).__name__} ({options.language_model})"
        )
    if trained.vocabulary is not None:
        _check_knows(model, trained.vocabulary)
    return model


def _check_knows(model: Any, vocabulary: Vocabulary | None) -> None:
    """``UserError``, before any work is done, where a language model lacks characters."""
    model.for_vocabulary(vocabulary)
