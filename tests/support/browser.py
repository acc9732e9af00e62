"""A real browser at the page, that notes what a person would not see: errors, and whom the page speaks to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

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
_WAIT_MS = 30_000
"""A guard, not a figure: the machine may be busy with other tests."""
expect.set_options(timeout=_WAIT_MS)
_RATIO = """() => {
  const scale = (text) => (text.startsWith("color(srgb") ? 255 : 1);
  const channels = (text) => text.match(/[\\d.]+/g).map((v, i) => v * (i < 3 ? scale(text) : 1));
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [0, 0, 0];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const box = element.getBoundingClientRect();
    const skipped = element.closest(".stage, :disabled, [hidden], .skip, noscript");
    if (!node.textContent.trim() || !box.width || skipped) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${element.className || element.tagName}: ${node.textContent}`);
  }
  return poor;
}"""


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


def poor_contrast(page: Page) -> list[str]:
    """The texts that are shown with a contrast below 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    return [str(found) for found in page.evaluate(_RATIO)]


def too_wide(page: Page) -> list[str]:
    """What reaches out of the window at the right, where nothing scrolls sideways on purpose."""
    script = """() => [...document.querySelectorAll("body *")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width && box.right > innerWidth + 1 && !one.closest(".away, .skip, .stage, [hidden]");
    }).map((one) => one.className || one.tagName)"""
    return [str(found) for found in page.evaluate(script)]


def dialog(page: Page) -> Locator:
    """The dialog that is open."""
    return page.locator("dialog[open]").last


def alive(page: Page) -> bool:
    """Let the browser's messages through while the test waits."""
    return bool(page.evaluate("true"))


@contextmanager
def held_frames(page: Page) -> Iterator[None]:
    """Within the block the page draws nothing that it meant for the next frame, as on a busy machine."""
    page.evaluate("""() => {
      window.heldFrames = {real: window.requestAnimationFrame, waiting: []};
      window.requestAnimationFrame = (draw) => heldFrames.waiting.push(draw);
    }""")
    yield
    page.evaluate("""() => {
      window.requestAnimationFrame = heldFrames.real;
      for (const draw of heldFrames.waiting) draw(performance.now());
    }""")
