"""These tests boot hosts, so they run only when they are asked for: `make test-fleet`."""

from pathlib import Path

import pytest

from tests.fleet import figures

_HERE = Path(__file__).resolve().parent
_LIMIT_S = 1800


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out unless this folder, or something in it, was named."""
    named = [Path(str(config.invocation_params.dir), argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(_HERE) for path in named) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Setting a whole site up counts as part of its first test."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(_LIMIT_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures, last."""
    lines = figures.table()
    if lines:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))
        figures.write()
