"""Several sources as one."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from line_helpers import ListReader, loader_parts, wavy_lines

from base.base_reader import NoSource
from base.registry import READERS
from data_loader.cleaning import Cleaning
from data_loader.corpus import prepare_corpus
from data_loader.data_loaders import HandwritingDataLoader
from data_loader.readers.composed import ComposedReader
from data_loader.readers.mixed import MixedReader, MixedSource
from data_loader.readers.unipen import UnipenReader
from handwriting.errors import ConfigError, DataError
from parse_config import ConfigParser


def mixed(shares: tuple[float | None, float | None] = (None, None)) -> MixedReader:
    few, many = ListReader(wavy_lines(20)), ListReader(wavy_lines(60))
    return MixedReader(
        (
            MixedSource("few", few, shares[0]),
            MixedSource("many", many, shares[1], Cleaning(min_characters=1)),
        )
    )


def test_lines_say_their_source_and_ids_of_two_sources_never_meet(tmp_path: Path) -> None:
    corpus = prepare_corpus(mixed(), Cleaning(), tmp_path)
    assert corpus.sources == ["few", "many"]
    plain = {line.source_id: line for line in wavy_lines(60)}
    for line in corpus.lines():
        source, _, source_id = line.source_id.partition("/")
        assert source == line.source
        assert np.array_equal(line.strokes, plain[source_id].strokes)
        assert line.writer == (
            f"{source}/{plain[source_id].writer}" if plain[source_id].writer else ""
        )
    assert len({line.source_id for line in corpus.lines()}) == len(corpus)


def test_each_source_is_cleaned_by_its_own_rules() -> None:
    lines = wavy_lines(12)
    longest = max(len(line.strokes) for line in lines)
    reader = MixedReader(
        (
            MixedSource("whole", ListReader(lines)),
            MixedSource("short", ListReader(lines), cleaning=Cleaning(max_points=longest - 1)),
        )
    )
    found = [line.source for line in reader.read()]
    assert found.count("whole") == 12 > found.count("short")
    (reason,) = reader.skipped.counts
    assert reason.startswith("short: more than") and reader.skipped.counts[reason] == (
        12 - found.count("short")
    )


def test_the_corpus_is_made_anew_where_a_part_changes_and_not_for_shares() -> None:
    one = mixed().fingerprint()
    assert mixed((1.0, 2.0)).fingerprint() == one
    other = MixedReader(
        tuple(replace(part, cleaning=Cleaning(smooth=1.0)) for part in mixed().sources)
    )
    assert other.fingerprint() != one


@pytest.mark.parametrize("shares", [(1.0, 1.0), (3.0, 1.0)])
def test_an_epoch_has_its_sources_in_their_shares(
    shares: tuple[float, float], tmp_path: Path
) -> None:
    parts = loader_parts(batch_size=4, epoch_lines=40, cache_dir=str(tmp_path), seed=5)
    loader = HandwritingDataLoader(mixed(shares), **parts)
    counts = {"few": 0, "many": 0}
    seen: dict[int, int] = {}
    for epoch in range(6):
        loader.train.set_epoch(epoch)
        batches = list(loader.train)
        assert len(batches) == len(loader.train) == 10
        for index in np.concatenate([batch.line_indices.numpy() for batch in batches]):
            counts[loader.corpus.source(index)] += 1
            seen[int(index)] = seen.get(int(index), 0) + 1
    total = sum(shares)
    assert counts == {"few": 240 * shares[0] / total, "many": 240 * shares[1] / total}
    for source in counts:
        times = [
            seen.get(int(index), 0)
            for index in loader.corpus.split("trainset")
            if loader.corpus.source(index) == source
        ]
        assert max(times) - min(times) <= 1  # every line of a source comes equally often


def test_an_epoch_depends_on_its_number_alone(tmp_path: Path) -> None:
    def lines(epoch: int) -> list[list[int]]:
        parts = loader_parts(batch_size=4, epoch_lines=24, cache_dir=str(tmp_path), seed=5)
        train = HandwritingDataLoader(mixed((1.0, 1.0)), **parts).train
        train.set_epoch(epoch)
        return [batch.line_indices.tolist() for batch in train]

    assert lines(3) == lines(3) != lines(2)


def test_two_processes_share_each_batch(tmp_path: Path) -> None:
    def batches(**process: int) -> list[list[int]]:
        parts = loader_parts(
            batch_size=4, epoch_lines=24, cache_dir=str(tmp_path), seed=5, **process
        )
        return [
            b.line_indices.tolist() for b in HandwritingDataLoader(mixed((2.0, 1.0)), **parts).train
        ]

    whole = batches()
    for rank in (0, 1):
        assert batches(rank=rank, world_size=2) == [batch[rank::2] for batch in whole]


@pytest.mark.parametrize(
    ("names", "shares", "message"),
    [
        (("a", "a"), (None, None), "two have the name 'a'"),
        (("A b", "c"), (None, None), r"sources.0.name: should be lower-case .* got 'A b'"),
        (("a", "b"), (1.0, None), "all have a share or none has"),
        ((), (), "at least one source"),
    ],
)
def test_wrong_sources(names: tuple[str, ...], shares: tuple[float, ...], message: str) -> None:
    reader = ListReader(wavy_lines(3))
    parts = tuple(MixedSource(n, reader, s) for n, s in zip(names, shares, strict=True))
    with pytest.raises(ConfigError, match=message):
        MixedReader(parts)


def test_a_config_names_the_sources_with_their_cleaning() -> None:
    block = {
        "type": "mixed",
        "args": {
            "sources": [
                {"name": "built-in", "source": {"type": "synthetic", "args": {"num_lines": 30}}},
                {
                    "name": "own", "share": None,
                    "source": {"type": "inkml", "args": {"data_dir": "mine"}},
                    "cleaning": {"smooth": 0.5},
                },
            ]
        },
    }  # fmt: skip
    raw = {
        "name": "mix", "seed": 1, "arch": {"type": "UnconditionalHandwriting"},
        "data_loader": {"type": "HandwritingDataLoader", "args": {"source": block}},
        "optimizer": {"type": "Adam"}, "loss": {"type": "mixture_nll"},
        "trainer": {"monitor": "min loss"},
    }  # fmt: skip
    config = ConfigParser.from_dict(raw)
    reader = config.build(READERS, config.config.data_loader.args.source)
    assert [type(part.source).name for part in reader.sources] == ["synthetic", "inkml"]
    assert reader.sources[1].cleaning.smooth == 0.5
    raw["data_loader"]["args"]["source"]["args"]["sources"][1]["cleaning"]["smoth"] = 1
    with pytest.raises(ConfigError, match=r"source\.args\.sources\.1\.cleaning\.smoth: unknown"):
        ConfigParser.from_dict(raw)


def test_validation_batches_are_of_one_source_each(tmp_path: Path) -> None:
    loader = HandwritingDataLoader(mixed(), **loader_parts(batch_size=4, cache_dir=str(tmp_path)))
    assert loader.groups == ["few", "many"]
    batches = list(loader.evaluation("trainset"))
    assert len(batches) == len(loader.evaluation("trainset"))
    seen = []
    for batch in batches:
        (group,) = {loader.group(int(index)) for index in batch.line_indices}
        seen.append(group)
    assert seen == sorted(seen)
    lines = sorted(int(index) for batch in batches for index in batch.line_indices)
    assert lines == loader.corpus.split("trainset").tolist()


def test_a_limit_leaves_lines_of_every_source(tmp_path: Path) -> None:
    loader = HandwritingDataLoader(mixed(), **loader_parts(cache_dir=str(tmp_path)))
    batches = loader.evaluation("trainset", limit=8)
    found = [loader.group(int(index)) for batch in batches for index in batch.line_indices]
    assert found.count("few") == found.count("many") == 4


def _with_unipen(folder: Path, optional: bool) -> MixedReader:
    """Lines that are there, and UNIPEN in a folder that is empty."""
    unipen = UnipenReader(data_dir=str(folder))
    return MixedReader(
        (
            MixedSource("here", ListReader(wavy_lines(12)), 0.5),
            MixedSource("unipen", unipen, 0.3, optional=optional),
            MixedSource("numbers", ComposedReader(unipen, num_lines=5), 0.2, optional=optional),
        )
    )


def test_an_optional_source_that_is_not_there_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reader = _with_unipen(tmp_path, optional=True)
    with caplog.at_level(logging.INFO):
        assert {line.source for line in reader.read()} == {"here"}
    assert "unipen" in caplog.text and "numbers" in caplog.text
    assert reader.shares == {"here": 0.5}
    alone = MixedReader((MixedSource("here", ListReader(wavy_lines(12)), 0.5),))
    assert reader.fingerprint() == alone.fingerprint()


def test_a_source_that_is_not_optional_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NoSource, match="UNIPEN"):
        list(_with_unipen(tmp_path, optional=False).read())


def test_one_source_at_least_must_be_there(tmp_path: Path) -> None:
    unipen = UnipenReader(data_dir=str(tmp_path))
    with pytest.raises(NoSource):
        MixedReader((MixedSource("unipen", unipen, optional=True),)).locate()


def test_the_first_epochs_have_short_lines_alone_of_every_source(tmp_path: Path) -> None:
    """As many lines as later ones, in the same shares, and none of them joined."""
    parts = loader_parts(
        batch_size=4, epoch_lines=24, cache_dir=str(tmp_path), short_epochs=2, short_points=60
    )
    loader = HandwritingDataLoader(mixed((1.0, 2.0)), concatenate_share=1.0, **parts)
    lengths = {}
    for epoch in (1, 2, 3):
        loader.train.set_epoch(epoch)
        batches = list(loader.train)
        indices = np.concatenate([batch.line_indices.numpy() for batch in batches])
        sources = [loader.corpus.source(int(index)) for index in indices]
        assert (sources.count("few"), sources.count("many")) == (8, 16)
        lengths[epoch] = max(int(batch.stroke_lengths.max()) for batch in batches)
    assert max(lengths[1], lengths[2]) <= 60 < lengths[3]


def test_a_source_without_short_lines_is_named(tmp_path: Path) -> None:
    parts = loader_parts(
        batch_size=4, epoch_lines=24, cache_dir=str(tmp_path), short_epochs=1, short_points=2
    )
    loader = HandwritingDataLoader(mixed((1.0, 2.0)), **parts)
    with pytest.raises(DataError, match="short_epochs: no short line in few, many"):
        loader.train  # noqa: B018
