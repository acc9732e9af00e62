"""The modules of the page, called from a page that runs none of them by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.support.browser import Visit, visiting
from tests.support.stage import staged

BARE = "/viewer/icon.svg"
"""A page of the same origin without a script."""


@contextmanager
def unscripted(browser: Browser, folder: Path) -> Iterator[Visit]:
    """A visit without sign-in at an appliance without cameras."""
    with staged(folder, cameras=()) as stage, visiting(browser, stage.url) as visit:
        visit.forgive("404")  # the icon that a browser asks for beside any file
        yield visit


def run(page: Page, module: str, body: str, arg: Any = None) -> Any:
    """The value of `body`, in which `m` is the module and `arg` the argument."""
    return page.evaluate(f"async arg => {{ const m = await import('/viewer/{module}'); {body} }}", arg)
