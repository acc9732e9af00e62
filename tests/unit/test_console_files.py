"""The console's files themselves: our own, plain, small, speaking to nobody else; its words are the appliance's."""

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from cloud.store.commands import ENDS
from cloud.store.roles import ROLES
from cloud.web.problems import ProblemError
from contract.emotions import EMOTIONS
from contract.messages import File, Recording
from contract.remote import CommandName
from tests.conftest import ROOT

_CONSOLE = ROOT / "cloud" / "web" / "console"
_FILES = sorted(path for path in _CONSOLE.iterdir() if path.is_file())
_SCRIPTS = [path for path in _FILES if path.suffix == ".js"]
_PAGES = [path for path in _FILES if path.suffix == ".html"]
_FORBIDDEN = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "localStorage")
_TITLES = re.compile(r"const TITLES = \{(.*?)\};", re.DOTALL)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_speaks_to_nobody_else(path: Path) -> None:
    """No address of another host, but the name of the SVG language."""
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|['\"(]//|@import", text)
    assert len(text.splitlines()) <= 250
    assert all(len(line) <= 180 for line in text.splitlines() if path.suffix != ".svg")


@pytest.mark.parametrize("path", _SCRIPTS, ids=lambda path: path.name)
def test_script(path: Path) -> None:
    """A module that says why it exists, imports only what is there, and writes text as text."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert not [word for word in _FORBIDDEN if word in text]
    for names, module in re.findall(r'import \{([^}]*)\} from "\./([\w.-]+)"', text):
        source = (_CONSOLE / module).read_text(encoding="utf-8")
        for name in (one.strip() for one in names.split(",")):
            assert re.search(rf"^export (?:const|class|(?:async )?function) {name}\b", source, re.MULTILINE), name
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported for nothing"


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_page(page: Path) -> None:
    """No script and no style within it, for its security policy forbids them; a title, an icon, and a sign-out."""
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
    for name in re.findall(r'(?:src|href)="/console/([\w-]+\.\w+)"', text):
        assert (_CONSOLE / name).is_file(), name
    assert re.search(r"<title>[^<]+ · Afferent cloud</title>", text)
    assert 'rel="icon"' in text and 'id="sign-out"' in text and 'aria-current="page"' in text
    ids = re.findall(r'\bid="([\w-]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_top_of_every_page_is_the_same() -> None:
    """But for which page is the current one; before a sign-in the first one leads nowhere. No program makes them."""
    tops = {page.read_text(encoding="utf-8").split("    <main", 1)[0] for page in _PAGES}
    own = r' aria-current="page"|<title>.*</title>|src="/console/\w+\.js"|(?<=aria-label="Pages") hidden'
    assert len(tops) == len(_PAGES) and len({re.sub(own, "", top) for top in tops}) == 1


@pytest.mark.parametrize("page", _PAGES, ids=lambda path: path.name)
def test_every_element_that_is_asked_for_exists(page: Path) -> None:
    """`find` in the modules of a page and `id` in the page agree."""
    text = page.read_text(encoding="utf-8")
    modules = _with_imports(set(re.findall(r'src="/console/([\w-]+\.js)"', text)))
    asked = {name for one in modules for name in re.findall(r'\bfind\("([\w-]+)"\)', _text(one))}
    ids = set(re.findall(r'\bid="([\w-]+)"', text))
    assert modules and asked <= ids, asked - ids


def test_events_are_called_as_on_the_appliance() -> None:
    """Cloud and edge share no code: their words for the types of events are held alike here."""
    viewer = (ROOT / "edge" / "web" / "viewer" / "event-words.js").read_text(encoding="utf-8")
    theirs, ours = _TITLES.search(viewer), _TITLES.search(_text("words.js"))
    assert theirs and ours and theirs[1] == ours[1]


def test_what_the_contract_names_has_words() -> None:
    """Commands and their states, roles, reasons of recordings, purposes of files, and emotions with their colours."""
    words, strip = _text("words.js"), _text("strip.js")
    reasons, purposes = (get_args(_hint(kind, name)) for kind, name in ((Recording, "reason"), (File, "purpose")))
    states = ("queued", "sent", "accepted", "running", *ENDS)
    named = {*get_args(CommandName), *states, *ROLES, *reasons, *purposes}
    assert not [name for name in named if not re.search(rf"\b{name}:", words)]
    for emotion in EMOTIONS.values():
        assert f'["{emotion.name}", "{emotion.color}"]' in strip


def test_no_problem_is_told_without_a_remedy() -> None:
    """The type checker holds the rest of them to it; this is that there is no default."""
    with pytest.raises(TypeError, match="remedy"):
        ProblemError(400, "something is wrong")  # type: ignore[call-arg]
    assert msgspec.json.decode(bytes(ProblemError(400, "so", remedy="do").response().body))["remedy"] == "do"


def _hint(kind: type, name: str) -> Any:
    return get_type_hints(kind)[name]


def _with_imports(names: set[str]) -> set[str]:
    found = names | {name for one in names for name in re.findall(r'from "\./([\w.-]+)"', _text(one))}
    return found if found == names else _with_imports(found)


def _text(name: str) -> str:
    return (_CONSOLE / name).read_text(encoding="utf-8")
