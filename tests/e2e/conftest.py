"""A browser for each module of tests, and for each test an appliance of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Visit, chromium, visiting
from tests.support.stage import Stage, staged


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium. Not for the whole session: while it is open, no other event loop can run in this thread."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """An appliance with one camera that runs."""
    with staged(tmp_path) as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Iterator[Visit]:
    """Somebody signed in at a desk; complains at the end of any error and any foreign host."""
    with visiting(browser, stage.url) as opened:
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page, open."""
    return visit.open()
