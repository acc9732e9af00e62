"""The page's files themselves: our own, plain, small, and speaking to nobody else."""

import re
from pathlib import Path

import pytest

from edge.web.page import composed
from tests.conftest import ROOT

_VIEWER = ROOT / "edge" / "web" / "viewer"
_FILES = sorted(path for path in _VIEWER.iterdir() if path.is_file())
_SCRIPTS = [path for path in _FILES if path.suffix == ".js"]
_PAGES = [path for path in _FILES if path.suffix == ".html" and not path.name.startswith("_")]
_FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage")
_ALLOWED = {"label-store.js": {"localStorage"}}
"""What a participant said outlives their page until the appliance has it; nothing else is kept in a browser."""


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
    assert {word for word in _FORBIDDEN if word in text} == _ALLOWED.get(path.name, set())
    for name in re.findall(r'from "\./([\w.-]+)"', text):
        assert (_VIEWER / name).is_file(), name


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_markup_is_all_markup(page: Path) -> None:
    """No script and no style within the page: its security policy forbids them."""
    text = composed(page)
    assert "<!--" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
    for name in re.findall(r'(?:src|href)="(?:/viewer/)?([\w-]+\.(?:js|css|svg))"', text):
        assert (_VIEWER / name).is_file(), name


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_every_element_that_is_asked_for_exists(page: Path) -> None:
    """`byId` in the modules of a page and `id` in the page agree."""
    text = composed(page)
    ids = set(re.findall(r'\bid="([\w-]+)"', text))
    modules = _with_imports(set(re.findall(r'src="(?:/viewer/)?([\w-]+\.js)"', text)))
    asked = {name for one in modules for name in re.findall(r'byId\("([\w-]+)"\)', _text(one))}
    assert modules and asked <= ids, asked - ids


def _with_imports(names: set[str]) -> set[str]:
    found = names | {name for one in names for name in re.findall(r'from "\./([\w.-]+)"', _text(one))}
    return found if found == names else _with_imports(found)


def _text(name: str) -> str:
    return (_VIEWER / name).read_text(encoding="utf-8")
