"""What is documented is what is there."""

import re
from pathlib import Path

import pytest

from scripts.write_docs import pages
from tests.conftest import ROOT


@pytest.mark.parametrize("path", [path.name for path in pages()])
def test_the_generated_pages_are_up_to_date(path: str) -> None:
    expected = {page.name: (page, text) for page, text in pages().items()}[path]
    assert expected[0].read_text(encoding="utf-8") == expected[1], "run `make docs`"


def test_every_setting_has_a_sentence() -> None:
    for path, text in pages().items():
        for line in text.splitlines():
            if line.startswith("| `"):
                assert line.rstrip(" |").count("|") >= 4, f"{path.name}: a setting without a description: {line}"


@pytest.mark.parametrize(
    "page", sorted(str(p.relative_to(ROOT)) for p in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    source = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)", source.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (source.parent / Path(target)).exists(), f"{page} links to {target}"


def test_the_index_of_decisions_names_each() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs/decisions").glob("0*.md")):
        assert page.name in index, f"docs/decisions/README.md does not name {page.name}"
