"""Types from signatures: what each annotation admits, and what comes back out of ``build``."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
import torch
from pydantic import Field, ValidationError

from base.registry import Registry
from base.schema import NotExpressible, arguments_type, block_type, build


@dataclass(frozen=True)
class Limits:
    low: Annotated[int, Field(ge=0)] = 1
    high: int = 5
    marks: tuple[float, ...] = field(default_factory=lambda: (0.5,))

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low should be at most high, which is {self.high}")


def takes(annotation: Any, default: Any = ...) -> Callable:
    """A function of one argument ``x``, annotated so, that returns it."""

    def function(x):
        return x

    function.__annotations__ = {"x": annotation}
    function.__defaults__ = None if default is ... else (default,)
    return function


def accepts(annotation: Any, value: Any) -> bool:
    model = arguments_type(takes(annotation))
    try:
        model.model_validate_json(json.dumps({"x": value}))
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("annotation", "right", "wrong"),
    [
        (int, [3, -1, 0], ["3", True, 1.0, None, [3]]),
        (float, [3, 0.5], ["3", True, None, float("nan"), float("inf"), 10**400]),
        (str, ["", "3"], [3, None, True]),
        (bool, [True, False], [1, 0, "true", None]),
        (int | None, [None, 2], ["2", 2.5]),
        (Annotated[int, Field(gt=0)], [1], [0, -1, True]),
        (Annotated[int, Field(gt=0)] | None, [1, None], [0]),
        (Literal["min", "max"], ["min"], ["mid", 1, None]),
        (tuple[float, int], [[1, 2]], [[1], [1, 2, 3], [1, 2.5], 1]),
        (list[int], [[], [1, 2]], [[1.5], 1, {"0": 1}]),
        (Iterable[int], [[3]], [["3"]]),
        (dict[str, int], [{"a": 1}], [{"a": "1"}, [1]]),
        (float | torch.Tensor, [1, 0.5], ["1", [1.0]]),
        (float | list[float], [1, [0.5, 2]], ["1", ["1"]]),
        (tuple[float | torch.Tensor, float], [[1, 2]], [[1]]),
        (Limits, [{}, {"low": 2}], [{"low": -1}, {"low": 9}, {"lo": 1}, [1, 2], 3, None]),
    ],
)
def test_an_annotation_admits_its_own_values_and_no_others(annotation, right, wrong):
    assert [accepts(annotation, value) for value in right] == [True] * len(right)
    assert [accepts(annotation, value) for value in wrong] == [False] * len(wrong)


@pytest.mark.parametrize(
    "annotation", [torch.Tensor, Callable[[int], int], Any, torch.Tensor | None, object]
)
def test_an_argument_that_json_cannot_express_is_left_out_or_a_fault(annotation):
    assert not arguments_type(takes(annotation, None)).model_fields
    with pytest.raises(NotExpressible, match="x: JSON cannot express"):
        arguments_type(takes(annotation))


def test_faults_of_a_signature_are_found_at_once():
    def bare(x=1):
        return x

    with pytest.raises(TypeError, match="bare, x: no annotation"):
        arguments_type(bare)
    with pytest.raises(TypeError, match="a default does not fit its annotation"):
        arguments_type(takes(int, "3"))
    with pytest.raises(TypeError, match="a default does not fit its annotation"):
        arguments_type(takes(Annotated[int, Field(gt=0)], 0))
    with pytest.raises(TypeError, match="takes no seed"):
        arguments_type(takes(int), frozenset(["seed"]))


def test_annotations_may_be_text():
    def function(x: "list[int]", y: "Callable[[int], int] | None" = None):
        return x

    assert list(arguments_type(function).model_fields) == ["x"]


def test_what_is_built_gets_the_types_that_it_asks_for():
    readers, loaders = Registry("source"), Registry("loader")

    @readers.register()
    class Files:
        def __init__(self, folder: str = "data") -> None:
            self.folder = folder

    @readers.register(provided=("seed",))
    class Made:
        def __init__(self, seed: int) -> None:
            self.seed = seed

    @loaders.register(provided=("seed", "rank"))
    class Loader:
        def __init__(
            self,
            source: Annotated[object, readers],
            others: list[Annotated[object, readers]],
            sizes: list[int],
            pair: tuple[float, float] = (1, 2),
            limits: Limits = Limits(high=7),  # noqa: B008
            seed: int = 0,
            rank: int = 0,
        ) -> None:
            self.__dict__.update(locals())

    args = {
        "source": {"type": "Made"},
        "others": [{"type": "Files"}, {"type": "Files", "args": {"folder": "b"}}],
        "sizes": [1, 2],
        "limits": {"low": 3, "marks": [1]},
    }
    raw = json.dumps({"type": "Loader", "args": args})
    block = block_type(loaders).model_validate_json(raw)
    loader = build(block, {"seed": 4, "vocabulary": "abc"})

    assert loader.source.seed == 4
    assert [other.folder for other in loader.others] == ["data", "b"]
    assert loader.sizes == [1, 2]
    assert loader.pair == (1.0, 2.0)
    assert isinstance(loader.others, list)
    assert loader.limits == Limits(low=3, high=5, marks=(1.0,))
    assert (loader.seed, loader.rank) == (4, 0)


def test_a_default_that_is_a_dataclass_is_the_default_of_each_field_left_out():
    model = arguments_type(takes(Limits, Limits(low=3)))
    assert model().instance() == Limits(low=3)
    assert model().model_dump(mode="json") == {"x": {"low": 3, "high": 5, "marks": [0.5]}}


def test_settings_are_frozen_all_the_way_down():
    args = arguments_type(takes(list[int])).model_validate_json('{"x": [1, 2]}')
    with pytest.raises(ValidationError, match="frozen"):
        args.x = (3,)
    assert args.x == (1, 2)
    assert isinstance(args.x, tuple)
    args.instance().append(3)
    assert args.x == (1, 2)


def test_a_registry_without_components_is_a_fault():
    with pytest.raises(TypeError, match="no model is registered"):
        block_type(Registry("model"))


def test_switches_of_torch_that_are_off_are_not_written():
    model = arguments_type(torch.optim.SGD, frozenset(["params"]))
    written = model.model_validate_json('{"nesterov": true}').model_dump(mode="json")
    assert written["nesterov"] is True
    assert {"lr", "momentum", "weight_decay"} <= written.keys()
    assert not {"foreach", "maximize", "fused"} & written.keys()
    assert model.model_validate_json(json.dumps(written)).model_dump(mode="json") == written
