"""The page's files themselves: our own, plain, small, and speaking to nobody else."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

_VIEWER = ROOT / "edge" / "web" / "viewer"
_FILES = sorted(path for path in _VIEWER.iterdir() if path.is_file())
_SCRIPTS = [path for path in _FILES if path.suffix == ".js"]
_FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage")


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_speaks_to_nobody_else(path: Path) -> None:
    """No address of another host, but the name of the SVG language."""
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|['\"(]//|@import", text)


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: path.name)
def test_script(path: Path) -> None:
    """A small module that says why it exists, imports only what is there, and writes text as text."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert len(text.splitlines()) <= 250
    assert all(len(line) <= 180 for line in text.splitlines())
    assert not [word for word in _FORBIDDEN if word in text]
    for name in re.findall(r'from "\./([\w.-]+)"', text):
        assert (_VIEWER / name).is_file(), name


def test_markup_is_all_markup() -> None:
    """No script and no style within the page: its security policy forbids them."""
    text = (_VIEWER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
    for name in re.findall(r'(?:src|href)="([\w.-]+)"', text):
        assert (_VIEWER / name).is_file(), name


def test_every_element_that_is_asked_for_exists() -> None:
    """`byId` in a module and `id` in the page agree."""
    ids = set(re.findall(r'\bid="([\w-]+)"', (_VIEWER / "index.html").read_text(encoding="utf-8")))
    asked = {name for path in _SCRIPTS for name in re.findall(r'byId\("([\w-]+)"\)', path.read_text(encoding="utf-8"))}
    assert asked <= ids, asked - ids
