"""A real browser at the page, that notes what a person would not see: errors, and whom the page speaks to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK = (1440, 900)
PHONE = (390, 844)
_WAIT_MS = 10_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One browser profile at one appliance. `errors` and `hosts` are what its pages complained of and spoke to."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self._context = browser.new_context(**options)
        self._context.set_default_timeout(_WAIT_MS)
        self._context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self._context.on("console", lambda message: self._note(message.type, message.text))
        self._context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self._forgiven = ["willReadFrequently"]  # the test reads a canvas, not the page
        self.url = url
        self.hosts: set[str] = set()
        self.errors: list[str] = []

    def forgive(self, *words: str) -> None:
        """Errors with these words are what the test is about."""
        self._forgiven += words

    def sign_in(self, password: str) -> None:
        """Sign in without the form."""
        answer = self._context.request.post(f"{self.url}/v1/session", data={"password": password})
        assert answer.ok, answer.text()

    def open(self, path: str = "/viewer/") -> Page:
        """A new tab at the page."""
        page = self._context.new_page()
        page.goto(self.url + path)
        return page

    def close(self) -> None:
        """Leave; fail the test on an error nobody forgave and on a foreign host."""
        self._context.close()
        assert not self.errors, f"the page complained: {self.errors}"
        assert self.hosts <= {urlsplit(self.url).netloc}, f"spoke to {self.hosts}"

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(words in text for words in self._forgiven):
            self.errors.append(f"{kind}: {text}")


@contextmanager
def visiting(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = DESK,
    scheme: Literal["dark", "light"] = "dark",
    **options: Any,
) -> Iterator[Visit]:
    """A visit that ends with the block."""
    viewport = {"width": size[0], "height": size[1]}
    visit = Visit(browser, url, viewport=viewport, color_scheme=scheme, **options)
    try:
        yield visit
    except BaseException:
        visit._context.close()
        raise
    visit.close()


def wait_text(page: Page, selector: str, text: str) -> None:
    """Wait until the text of an element holds `text`."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)", arg=[selector, text]
    )


def painted(page: Page, canvas: str) -> int:
    """How many pixels of a canvas are not empty."""
    return int(
        page.eval_on_selector(
            canvas,
            "c => c.width ? c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
            ".filter((v, i) => i % 4 === 3 && v).length : 0",
        )
    )
