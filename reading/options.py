"""The options of recognisers: how lines are read, and which ink; one not given is None."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handwriting.command_line import given, number, whole_number
from handwriting.formats.registry import READ_SUFFIXES, listed
from reading.settings import GREEDY, MOST_BEAM, MOST_WEIGHT, Decoding, DecodingSettings
from utils.shipped import checkpoint_path

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
INK_LINES = ("auto", "one")


def add_options(add: Callable[..., Any]) -> None:
    """Add the options with a parser's ``add_argument``."""
    add(
        "--beam",
        type=whole_number(1, MOST_BEAM),
        metavar="N",
        help=f"texts that beam search keeps for each line (default: {BEAM}, where one of the"
        " options below is given; the numbers of greedy reading are printed in any case)",
    )
    add(
        "--length-normalisation",
        type=number(0, MOST_WEIGHT),
        metavar="X",
        help="power of a text's length that its score is divided by (default: 1)",
    )
    add(
        "--coverage",
        type=number(0, MOST_WEIGHT),
        metavar="X",
        help="penalty on ink that no character was read from (default: 0)",
    )
    add(
        "--ctc-weight",
        type=number(0, 1),
        metavar="X",
        help="weight of the encoder's own reading, from 0 to 1 (default: 0)",
    )
    add(
        "--language-model",
        type=checkpoint_path,
        metavar="CHECKPOINT",
        help="a trained language model whose scores are added",
    )
    add(
        "--language-weight",
        type=number(0, MOST_WEIGHT),
        metavar="X",
        help=f"weight of the language model (default: {LANGUAGE_WEIGHT:g} where there is one)",
    )


def decodings(options: argparse.Namespace) -> tuple[Decoding, ...]:
    """Greedy decoding, and what the options ask for on top of it, one thing added at a time; the
    last one has everything."""
    if all(getattr(options, name) is None for name in OPTIONS):
        return (GREEDY,)
    beam = {
        "beam": BEAM if options.beam is None else options.beam,
        **given(options, ("length_normalisation", "coverage")),
    }
    steps = [("beam", f"beam {beam['beam']}", beam)]
    if options.ctc_weight:
        steps.append(("ctc", f"CTC {options.ctc_weight:g}", {"ctc_weight": options.ctc_weight}))
    if options.language_model is not None:
        weight = _language_weight(options)
        words = f"language model {weight:g}"
        steps.append(("language", words, {"language_weight": weight}))
    found = [GREEDY]
    key: list[str] = []
    label: list[str] = []
    settings: dict[str, Any] = {}
    for part, words, changes in steps:
        key, label, settings = [*key, part], [*label, words], {**settings, **changes}
        found.append(Decoding("_".join(key), " + ".join(label), DecodingSettings(**settings)))
    return tuple(found)


def _language_weight(options: argparse.Namespace) -> float:
    return LANGUAGE_WEIGHT if options.language_weight is None else options.language_weight


def add_ink_options(add: Callable[..., Any]) -> None:
    """Add the options of reading a file with a parser's ``add_argument``."""
    add(
        "--ink",
        type=Path,
        metavar="FILE",
        help=f"print the text of the handwriting in a {listed(READ_SUFFIXES)} file; with"
        " --out, also write the text with its confidence, and two pictures",
    )
    add(
        "--ink-lines",
        choices=INK_LINES,
        help="auto: ink that the file does not divide into lines is divided by where its strokes"
        " are; one: all of it is one line (default: auto)",
    )


def reads(options: argparse.Namespace) -> bool:
    """Whether the command is to read ink from a file, not to evaluate."""
    return options.ink is not None
