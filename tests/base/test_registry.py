import sys

import pytest

from base.registry import Registry, did_you_mean, nearest


def test_a_component_is_found_under_its_own_name_or_the_name_given():
    registry = Registry("model")

    @registry.register()
    class Plain:
        pass

    @registry.register("other", provided=("seed",))
    def make(seed: int) -> int:
        return seed

    assert registry["Plain"] is Plain
    assert registry["other"] is make
    assert list(registry) == ["Plain", "other"]
    assert len(registry) == 2
    assert "make" not in registry
    assert registry.provided("other") == {"seed"}
    assert registry.provided("Plain") == frozenset()


def test_a_name_belongs_to_one_component():
    registry = Registry("model")
    registry.add(dict, "net")
    registry.add(dict, "net")
    with pytest.raises(ValueError, match="model 'net' is registered twice"):
        registry.add(list, "net")


def test_an_unknown_name_is_answered_with_the_nearest():
    registry = Registry("optimizer")
    registry.add(dict, "Adam")
    with pytest.raises(KeyError, match="unknown optimizer 'Adem', did you mean 'Adam'?"):
        registry["Adem"]


def test_nearest_takes_upper_and_lower_case_as_one():
    assert nearest("ADAM", ["Adam", "SGD"]) == "Adam"
    assert nearest("batchsize", ["limit", "batch_size"]) == "batch_size"
    assert nearest("zzz", ["Adam", "SGD"]) is None
    assert nearest(3, ["Adam"]) is None
    assert did_you_mean("zzz", ["Adam"]) == ""


def test_a_module_that_registers_is_imported_when_a_component_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("base.registry.LATE", registry := Registry("model"), raising=False)
    code = "from base.registry import LATE\n\n@LATE.register()\nclass Late:\n    pass\n"
    (tmp_path / "late_component.py").write_text(code)
    registry.expect("late_component")
    assert "late_component" not in sys.modules
    for ask in (list, len, lambda each: "Late" in each, lambda each: each["Late"]):
        assert ask(registry)
    assert sys.modules["late_component"].Late is registry["Late"]
    assert registry.provided("Late") == frozenset()


def test_a_module_that_cannot_be_imported_is_an_error_each_time(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_component.py").write_text("raise ValueError('broken')")
    registry = Registry("model")
    registry.expect("broken_component")
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            registry["any"]
