"""Times of the recogniser in training and in reading, beside a bare encoder.

    python -m benchmarks.recognition [--threads 2] [--bfloat16] [--data data] ...

Bare means one bidirectional ``torch.nn.LSTM`` of as many layers and cells as the model's encoder,
over the frames that the convolutions make of the batch, padding included, with the sum of the
outputs as loss. In training a step is forward, loss, backward and gradient clip. Reading is greedy,
from features to texts, beside the bare encoder's forward pass, both without gradients.

An untrained model ends its texts nowhere sensible. Here ``EndingTexts`` ends each where the true
text ends: the model does all of its work and writes as many characters as a trained one would.

With ``--uncompiled`` the model also runs without its compiled recurrences. ``--processor-time``
counts the seconds that this process computed, whatever else the machine did; it is meant for one
thread.

All take turns, so that what else the machine does falls on all alike; ratios are of the medians.
Without ``--data`` the lines are random, of lengths that are spread as in a batch of IAM-OnDB:
features of half of the longest line's points and more (0.74 of them on the average), texts of 0.43
of the longest and more.

Shapes: ``B`` lines, ``N`` feature points, ``F`` features, ``N'`` encoder frames, ``U`` characters,
``C`` vocabulary.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from base.batch import Batch, RecognitionBatch
from benchmarks.compiled import uncompiled
from benchmarks.report import Report, about_run, result_file
from data_loader.loader_settings import LoaderSettings
from data_loader.readers.auto import AutoReader
from data_loader.recognition_data_loader import RecognitionDataLoader
from handwriting.command_line import OneLineParser
from handwriting.errors import run_command
from handwriting.ink.features import InkFeatures
from handwriting.text.vocabulary import Vocabulary
from model.custom_layers.packed_decoder import PackedDecoder
from model.greedy import greedy_text
from model.loss import Seq2SeqNLL
from model.recognition import Seq2SeqRecognition
from utils.memory import keep_freed_memory

# As many symbols as in IAM-OnDB.
VOCABULARY = Vocabulary(map(chr, range(33, 113)))
NUM_FEATURES = InkFeatures().size
# Mean over the longest of a batch of 32 lines of IAM-OnDB: 277 of 361 points, 30 of 42 characters.
SHORTEST_INK = 0.5
SHORTEST_TEXT = 0.43
Call = Callable[[RecognitionBatch], Any]


class EndingState(NamedTuple):
    """The model's state, and the logits ``[B, U]`` of the end of text that are still to come:
    infinite, and positive where the text ends."""

    state: Any
    ends: Tensor


class EndingTexts:
    """A recogniser whose texts end after given numbers of characters, and not before.

    Args:
        model: what reads.
        lengths: int64 ``[B]``, of the texts.
    """

    def __init__(self, model: Seq2SeqRecognition, lengths: Tensor) -> None:
        self.model = model
        positions = torch.arange(int(lengths.max()) + 1, device=lengths.device)
        self.ends = torch.where(positions < lengths.unsqueeze(1), -torch.inf, torch.inf)

    def packed(self) -> "EndingDecoder":
        return EndingDecoder(self.model.packed(), self.ends, self.model.vocabulary.eos)


class EndingDecoder(NamedTuple):
    """The decoder of ``EndingTexts``: the model's, the ends ``[B, U]`` as in the state, and the
    number of the end of text."""

    decoder: PackedDecoder
    ends: Tensor
    eos: int

    def initial_state(self, encoded: Any) -> EndingState:
        return EndingState(self.decoder.initial_state(encoded), self.ends)

    def step(
        self, previous: Tensor, state: EndingState, encoded: Any
    ) -> tuple[Tensor, EndingState]:
        logits, after = self.decoder.step(previous, state.state, encoded)
        logits[:, self.eos] = state.ends[:, 0]
        return logits, EndingState(after, state.ends[:, 1:])


class Bare(nn.Module):
    """A bidirectional LSTM over random inputs of the size that the model's convolutions give."""

    def __init__(self, model: Seq2SeqRecognition, num_layers: int) -> None:
        super().__init__()
        self.subsampling = [model.encoder.subsampling]  # In a list, it is not a part of this.
        size = model.encoder.output_size // 2
        inputs = model.encoder.subsampling.convolutions[-1].out_channels
        self.layers = nn.LSTM(inputs, size, num_layers, bidirectional=True)

    def inputs(self, batch: RecognitionBatch) -> Tensor:
        """``[N', B, I]``."""
        with torch.no_grad():
            frames, _ = self.subsampling[0](batch.features, batch.feature_lengths)
        return torch.randn_like(frames)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layers(inputs)[0]
        return outputs


def main() -> None:
    """Print the medians, their ratios and how many lines a second these are."""
    options = _options()
    keep_freed_memory()  # as ``train.py`` does
    torch.manual_seed(0)
    if options.threads:
        torch.set_num_threads(options.threads)
    training, reading, vocabulary = _batches(options)
    model = Seq2SeqRecognition(
        vocabulary,
        training[0].features.shape[2],
        encoder_size=options.encoder_size,
        encoder_layers=options.encoder_layers,
        decoder_size=options.decoder_size,
        attention=options.attention,
        attention_size=options.attention_size,
    ).to(options.device)
    bare = Bare(model, options.encoder_layers).to(options.device)
    precision = "bfloat16" if options.bfloat16 else "float32"
    print(f"{torch.get_num_threads()} threads, {precision}, {model.num_parameters:,} parameters")
    training_calls, reading_calls = (
        make(model, bare, batches, options)
        for make, batches in ((_training, training), (_reading, reading))
    )
    rows = _measure("training", training, *training_calls, options)
    rows += _measure("reading", reading, *reading_calls, options)
    if options.json:
        _report(rows, options).save(options.json)


def _training(
    model: Seq2SeqRecognition,
    bare: Bare,
    batches: Sequence[RecognitionBatch],
    options: argparse.Namespace,
) -> tuple[Call, Call]:
    """A training step of each on a batch."""
    criterion = Seq2SeqNLL(model.vocabulary, ctc_weight=0.5, label_smoothing=0.1)
    inputs = {id(batch): bare.inputs(batch) for batch in batches}

    def step(module: nn.Module, loss: Call) -> Call:
        def run(batch: RecognitionBatch) -> None:
            module.zero_grad(set_to_none=True)
            with _precision(options):
                value = loss(batch)
            value.backward()
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)

        return run

    return (
        step(bare, lambda batch: bare(inputs[id(batch)]).sum()),
        step(model, lambda batch: criterion(model.train()(batch), batch)["loss"]),
    )


def _reading(
    model: Seq2SeqRecognition,
    bare: Bare,
    batches: Sequence[RecognitionBatch],
    options: argparse.Namespace,
) -> tuple[Call, Call]:
    """The bare encoder's forward pass of a batch, and the model's reading of it."""
    inputs = {id(batch): bare.inputs(batch) for batch in batches}

    @torch.no_grad()
    def encode(batch: RecognitionBatch) -> None:
        with _precision(options):
            bare(inputs[id(batch)])

    @torch.no_grad()
    def read(batch: RecognitionBatch) -> list[str]:
        model.eval()
        with _precision(options):
            encoded = model.encode(batch.features, batch.feature_lengths)
            return greedy_text(EndingTexts(model, batch.text_lengths), encoded, model.vocabulary)

    return encode, read


def _precision(options: argparse.Namespace) -> torch.autocast:
    return torch.autocast(options.device, torch.bfloat16, enabled=options.bfloat16)


def _measure(
    name: str,
    batches: Sequence[RecognitionBatch],
    bare: Call,
    model: Call,
    options: argparse.Namespace,
) -> list[list[str]]:
    """Time both, print it, and return the rows of a table."""
    calls = {"bare": bare, "model": model}
    if options.uncompiled:
        calls["model uncompiled"] = _uncompiled(model)
    times = _interleaved(calls, batches, options)
    points = statistics.mean(batch.features.shape[1] for batch in batches)
    characters = statistics.mean(batch.text_lengths.float().mean().item() for batch in batches)
    print(
        f"{name}: {len(batches[0])} lines a batch, {points:.0f} points with padding,"
        f" {characters:.1f} characters"
    )
    for key, values in times.items():
        runs = " ".join(f"{value:.3f}" for value in values)
        print(f"  {key:6} median {statistics.median(values):.3f} s  ({runs})")
    medians = {key: statistics.median(values) for key, values in times.items()}
    ratio = medians["model"] / medians["bare"]
    pairs = [own / other for own, other in zip(times["model"], times["bare"], strict=True)]
    print(f"  model / bare: {ratio:.2f} of the medians, {statistics.median(pairs):.2f} of pairs")
    lines = [len(batches[at % len(batches)]) for at in range(len(times["model"]))]
    rate = sum(lines) / sum(times["model"])
    print(f"  {rate:.0f} lines a second: {options.lines / rate:.0f} s for {options.lines} lines")
    sizes = [str(len(batches[0])), f"{points:.0f}"]
    without = []
    if options.uncompiled:
        slower = medians["model uncompiled"]
        print(f"  model uncompiled / model: {slower / medians['model']:.2f} of the medians")
        relative = f"{slower / medians['bare']:.2f}"
        seconds = f"{slower:.3f}"
        without = [[f"{name}, model uncompiled", *sizes, seconds, relative, "", ""]]
    more = [f"{ratio:.2f}", f"{rate:.0f}", f"{options.lines / rate:.0f}"]
    return [
        [f"{name}, bare encoder", *sizes, f"{medians['bare']:.3f}", "1.00", "", ""],
        [f"{name}, model", *sizes, f"{medians['model']:.3f}", *more],
        *without,
    ]


def _uncompiled(call: Call) -> Call:
    def run(batch: RecognitionBatch) -> Any:
        with uncompiled():
            return call(batch)

    return run


def _report(rows: list[list[str]], options: argparse.Namespace) -> Report:
    title = (
        f"Recogniser, {options.encoder_layers} x {options.encoder_size} in both directions,"
        f" {'bfloat16' if options.bfloat16 else 'float32'}"
    )
    of_all = f"s for {options.lines:,} lines"
    columns = ["", "lines", "points", "s", "/ bare", "lines/s", of_all]
    return Report(title, columns, rows, rows, about_run(options.device))


def _interleaved(
    calls: dict[str, Call], batches: Sequence[RecognitionBatch], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Seconds of each call with one batch after the other, in turns, after one that is not
    counted."""
    clock = time.process_time if options.processor_time else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(-1, options.repeats):
        for name, call in calls.items():
            start = clock()
            call(batches[turn % len(batches)])
            if options.device == "cuda":
                torch.cuda.synchronize()
            if turn >= 0:
                times[name].append(clock() - start)
    return times


def _batches(
    options: argparse.Namespace,
) -> tuple[list[RecognitionBatch], list[RecognitionBatch], Vocabulary]:
    """Batches for training and for reading, and their vocabulary."""
    sizes = (options.batch_size, options.reading_batch_size)
    if options.data is None:
        training, reading = ([_random_batch(size, options)] for size in sizes)
        vocabulary = VOCABULARY
    else:
        reader, features = AutoReader(options.data), InkFeatures(fit_lines=True)
        loader = RecognitionDataLoader(
            reader, features, settings=LoaderSettings(batch_size=sizes[0])
        )
        training = _of_recognition(islice(loader.train, options.repeats))
        validation = _of_recognition(loader.evaluation(loader.validation_split, sizes[1]))
        # They come sorted by length; these are spread over all lengths.
        reading = validation[:: -(-len(validation) // options.repeats)]
        vocabulary = loader.vocabulary
    on_device = [[batch.to(options.device) for batch in part] for part in (training, reading)]
    return on_device[0], on_device[1], vocabulary


def _of_recognition(batches: Iterable[Batch]) -> list[RecognitionBatch]:
    return [batch for batch in batches if isinstance(batch, RecognitionBatch)]


def _random_batch(num_lines: int, options: argparse.Namespace) -> RecognitionBatch:
    shares = torch.linspace(0, 1, num_lines)
    # In an order of their own: a line of much ink need not be one of many characters.
    feature_lengths, text_lengths = (
        (longest * (shortest + (1 - shortest) * shares[torch.randperm(num_lines)])).long()
        for longest, shortest in (
            (options.points, SHORTEST_INK),
            (options.characters, SHORTEST_TEXT),
        )
    )
    return RecognitionBatch(
        strokes=torch.zeros(num_lines, 1, 3),
        stroke_lengths=torch.ones(num_lines, dtype=torch.int64),
        text=torch.randint(4, len(VOCABULARY), (num_lines, options.characters)),
        text_lengths=text_lengths,
        line_indices=torch.arange(num_lines),
        features=torch.randn(num_lines, options.points, NUM_FEATURES),
        feature_lengths=feature_lengths,
    )


def _options() -> argparse.Namespace:
    parser = OneLineParser(
        description=__doc__.split("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--encoder-size", type=int, default=192, help="cells of each direction")
    parser.add_argument("--encoder-layers", type=int, default=3)
    parser.add_argument("--decoder-size", type=int, default=256)
    parser.add_argument("--attention", choices=("location", "additive"), default="location")
    parser.add_argument("--attention-size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32, help="lines, in training")
    parser.add_argument("--reading-batch-size", type=int, default=64)
    parser.add_argument("--points", type=int, default=380, help="of the longest line's ink")
    parser.add_argument("--characters", type=int, default=42, help="of the longest line's text")
    parser.add_argument("--data", help="take lines from this folder instead of random ones")
    parser.add_argument("--lines", type=int, default=5364, help="of an epoch")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's choice")
    parser.add_argument(
        "--uncompiled", action="store_true", help="beside the model without compiled recurrences"
    )
    parser.add_argument(
        "--processor-time", action="store_true", help="seconds that were computed, of one thread"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="autocast both to bfloat16")
    parser.add_argument(
        "--json", type=result_file, metavar="FILE", help="also write what was measured"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
