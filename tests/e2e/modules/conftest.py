"""One visit for each file: nothing that is called here changes the appliance."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Visit
from tests.support.page_modules import BARE, unscripted


@pytest.fixture(scope="module")
def visit(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Somebody at an appliance without cameras."""
    with unscripted(browser, tmp_path_factory.mktemp("modules")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(visit: Visit) -> Page:
    """Where the modules are called."""
    return visit.open(BARE)
