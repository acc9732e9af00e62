"""The unit files of systemd/ as data, and laid out as on a machine, for systemd's own tools to judge."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

UNITS = ROOT / "systemd"
_OF_SYSTEMD = Path("/usr/lib/systemd/system")


@dataclass(frozen=True)
class Directive:
    """One line of a unit file."""

    section: str
    name: str
    value: str


def unit_files() -> list[Path]:
    """Every unit that is ours."""
    return sorted(path for path in UNITS.iterdir() if path.suffix in {".service", ".target", ".path", ".timer"})


def directives(path: Path) -> Iterator[Directive]:
    """The lines of a unit file, without comments; our units continue no lines."""
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield Directive(section, name, value)


def said(path: Path, name: str) -> list[str]:
    """The values of one directive, in their order."""
    return [one.value for one in directives(path) if one.name == name]


def installed_in(root: Path) -> Path:
    """Lay out our units, systemd's own and a release that does nothing below `root`; return it."""
    shutil.copytree(_OF_SYSTEMD, root / "usr/lib/systemd/system", symlinks=True)
    own = root / "etc/systemd/system"
    own.mkdir(parents=True)
    for path in unit_files():
        shutil.copy(path, own)
    for release in ("current", "good"):
        program = root / "opt/afferent" / release / "venv/bin/afferent"
        program.parent.mkdir(parents=True)
        program.write_text("#!/bin/sh\n", encoding="utf-8")
        program.chmod(0o755)
    return root
