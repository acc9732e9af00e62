"""`ONLY` of the commands that measure: some parts, all of them, or a plain word on one that is none."""

from collections.abc import Callable

import pytest

from tests.bench import __main__ as bench
from tests.eval import __main__ as vision
from tests.eval.affect import __main__ as affect
from tests.support.only import wanted_parts


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        (None, ["one", "two"]),
        ("", ["one", "two"]),
        (",", ["one", "two"]),
        ("two", ["two"]),
        (" two ,one", ["two", "one"]),
    ],
)
def test_some_or_all(monkeypatch: pytest.MonkeyPatch, named: str | None, wanted: list[str]) -> None:
    monkeypatch.delenv("ONLY", raising=False)
    if named is not None:
        monkeypatch.setenv("ONLY", named)
    assert wanted_parts(("one", "two")) == wanted


@pytest.mark.parametrize("command", [bench.main, vision.main, affect.main])
def test_a_part_that_is_none_is_named_before_anything_is_measured(
    command: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONLY", "tea")
    monkeypatch.setattr("sys.argv", ["command"])
    assert command() == 1
    told = capsys.readouterr()
    assert told.err.startswith("ONLY=tea: expected some of ")
    assert not told.out
