"""Tests here need the compiled operators, but for those that say what happens without."""

import pytest

from model.custom_layers.cpu import extension


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled operators, whatever the environment says; skips where there are none."""
    monkeypatch.setenv(extension.SWITCH, "1")
    if not extension.is_available():
        pytest.skip("needs a C++ compiler and ninja")
