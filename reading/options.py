"""The options of ``experiments.py`` for recognisers: how lines are read.

An option that was not given is None.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from base.base_model import BaseModel
from evaluation.recognition import GREEDY, Decoding, RecognitionEvaluator
from handwriting.errors import UserError
from reading.decoding import DecodingSettings
from trainer.loaded_model import Trained, load_trained
from utils.command_line import number_from_zero, option_name, whole_number

TASK = "recognition"
OPTIONS = (
    "beam",
    "length_normalisation",
    "coverage",
    "ctc_weight",
    "language_model",
    "language_weight",
)
BEAM = 8
LANGUAGE_WEIGHT = 0.5
# Options of the evaluation of models that write.
_NOT_FOR_READING = ("bias", "steps", "samples_only")


def add_options(add: Callable[..., Any]) -> None:
    """Add the options with a parser's ``add_argument``."""
    add(
        "--beam",
        type=whole_number(1),
        metavar="N",
        help=f"texts that beam search keeps for each line (default: {BEAM}, where one of the"
        " options below is given; the numbers of greedy reading are printed in any case)",
    )
    add(
        "--length-normalisation",
        type=number_from_zero,
        metavar="X",
        help="power of a text's length that its score is divided by (default: 1)",
    )
    add("--coverage", type=number_from_zero, metavar="X", help="weight of ink left unread")
    add(
        "--ctc-weight",
        type=_share,
        metavar="X",
        help="weight of the encoder's own reading, from 0 to 1 (default: 0)",
    )
    add(
        "--language-model",
        type=Path,
        metavar="CHECKPOINT",
        help="a trained language model that reads along",
    )
    add(
        "--language-weight",
        type=number_from_zero,
        metavar="X",
        help=f"of the language model (default: {LANGUAGE_WEIGHT:g} where there is one)",
    )


def refuse_unless_recogniser(options: argparse.Namespace, model: BaseModel) -> None:
    """``UserError`` where an option is not for the model's task."""
    if model.task == TASK:
        names, why = _NOT_FOR_READING, "is for models that write, the checkpoint's model reads"
    else:
        names, why = OPTIONS, f"is for recognisers, got a {type(model).__name__}"
    for name in names:
        if getattr(options, name, None) is not None:
            raise UserError(f"{option_name(name)}: {why}")
    if options.language_weight is not None and options.language_model is None:
        raise UserError("--language-weight: there is no --language-model that it is the weight of")


def decodings(options: argparse.Namespace) -> tuple[Decoding, ...]:
    """Greedy decoding, and what the options ask for on top of it, one thing added at a time; the
    last one has everything."""
    if all(getattr(options, name) is None for name in OPTIONS):
        return (GREEDY,)
    beam = {
        "beam": BEAM if options.beam is None else options.beam,
        **_given(options, ("length_normalisation", "coverage")),
    }
    steps = [("beam", f"beam {beam['beam']}", beam)]
    if options.ctc_weight:
        steps.append(("ctc", f"CTC {options.ctc_weight:g}", {"ctc_weight": options.ctc_weight}))
    if options.language_model is not None:
        weight = _language_weight(options)
        words = f"language model {weight:g}"
        steps.append(("language", words, {"language_weight": weight}))
    found, key, label, settings = [GREEDY], [], [], {}
    for part, words, changes in steps:
        key, label, settings = [*key, part], [*label, words], {**settings, **changes}
        found.append(Decoding("_".join(key), " + ".join(label), DecodingSettings(**settings)))
    return tuple(found)


def language_model(options: argparse.Namespace, trained: Trained) -> Any:
    """The language model on the recogniser's device; None where none is asked for.

    Raises:
        UserError: the checkpoint is not one of a language model, or of one over other characters.
    """
    if options.language_model is None:
        return None
    device = str(next(trained.model.parameters()).device)
    model = load_trained(options.language_model, device).model
    if model.task != "language":
        raise UserError(
            f"--language-model: should be the checkpoint of a language model, got one of a"
            f" {type(model).__name__} ({options.language_model})"
        )
    model.for_vocabulary(trained.vocabulary)  # says what is wrong, before any work is done
    return model


def recognition_evaluator(trained: Trained, options: argparse.Namespace) -> RecognitionEvaluator:
    """The evaluator of a recogniser, with the decodings that are asked for."""
    return RecognitionEvaluator(
        trained.model,
        trained.normalisation,
        trained.vocabulary,
        trained.features,
        decodings=decodings(options),
        language_model=language_model(options, trained),
    )


def _language_weight(options: argparse.Namespace) -> float:
    return LANGUAGE_WEIGHT if options.language_weight is None else options.language_weight


def _given(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _share(text: str) -> float:
    """The type of an argument that is a number from 0 to 1."""
    value = number_from_zero(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"a number from 0 to 1, got {text!r}")
    return value
