"""An appliance for each file, at whose session desk nobody is yet when a test begins."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Visit, visiting
from tests.support.desk_stage import DeskStage, at_the_desk


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskStage]:
    """One for all of them, with two sensors."""
    with at_the_desk(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


@pytest.fixture
def stage(appliance: DeskStage) -> DeskStage:
    """An appliance with two sensors and nobody yet."""
    appliance.clear()
    return appliance


@pytest.fixture
def visit(browser: Browser, stage: DeskStage) -> Iterator[Visit]:
    """The operator, signed in."""
    with visiting(browser, stage.url) as opened:
        opened.sign_in(stage.password)
        yield opened


@pytest.fixture
def page(visit: Visit) -> Page:
    """The desk, open."""
    return visit.open("/viewer/sessions.html")
