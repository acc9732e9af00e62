"""Wheels for a bundle that is installed for real: made of what is installed here, and a small `afferent` of our own."""

import importlib.metadata
import io
import platform
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contract.release import Release
from scripts.release.pack import read_key, write_bundle
from scripts.release.wheels import Pinned, digest_of

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_UPDATER: Final = ("click", "msgspec", "cryptography", "cffi", "pycparser")
_PROGRAM: Final = """\
import sys

def main():
    words = sys.argv[1:]
    if words == ["version"]:
        print("afferent {version}")
    elif words[:1] == ["fails"]:
        sys.exit("it fails on purpose")
    else:
        from edge.releases.cli import release
        release(words[2:], prog_name="afferent edge release")
"""


def wheel_of(name: str, folder: Path) -> Path:
    """A wheel with the files of a distribution that is installed here."""
    found = importlib.metadata.distribution(name)
    wheel = folder / f"{name}-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in found.files or []:
            kept = not str(path).startswith("..") and path.suffix != ".pyc"
            if kept and path.name not in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "WHEEL"}:
                archive.writestr(zipfile.ZipInfo(str(path)), Path(str(found.locate_file(path))).read_bytes())
        _finish(archive, f"{name}-{found.version}.dist-info")
    return wheel


def own_wheel(version: str, folder: Path) -> Path:
    """A small `afferent`: the updater as it is, and a program that knows it and `version`."""
    wheel = folder / f"afferent-{version}-py3-none-any.whl"
    info = f"afferent-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in _sources():
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(_ROOT))), path.read_bytes())
        archive.writestr(zipfile.ZipInfo("small_afferent.py"), _PROGRAM.replace("{version}", version))
        archive.writestr(
            zipfile.ZipInfo(f"{info}/METADATA"), f"Metadata-Version: 2.1\nName: afferent\nVersion: {version}\n"
        )
        archive.writestr(
            zipfile.ZipInfo(f"{info}/entry_points.txt"), "[console_scripts]\nafferent = small_afferent:main\n"
        )
        _finish(archive, info)
    return wheel


def real_bundle(folder: Path, key: Path, version: str, self_test: list[list[str]]) -> Path:
    """A signed bundle for this machine and this Python, with the updater in it and all that it needs."""
    wheels = folder / f"wheels-{version}"
    wheels.mkdir(parents=True)
    needed = [wheel_of(name, wheels) for name in (*_UPDATER, "pip")]
    made = [*needed, own_wheel(version, wheels)]
    lock = "\n".join(_pinned(wheel).text for wheel in made if not wheel.name.startswith("pip-")) + "\n"
    about = Release(
        release=version,
        version=version,
        machine=platform.machine(),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        installed_bytes=0,
        self_test=self_test,
        files=[],
    )
    target = folder / f"afferent-{version}.tar"
    write_bundle(target, about, made, lock.encode(), read_key(key))
    return target


def _sources() -> Iterable[Path]:
    yield from sorted((_ROOT / "contract").glob("*.py"))
    yield _ROOT / "edge" / "__init__.py"
    for room in ("core", "releases"):
        yield from sorted((_ROOT / "edge" / room).glob("*.py"))


def _pinned(wheel: Path) -> Pinned:
    name, version = wheel.name.split("-")[:2]
    return Pinned(name=name, version=version, hashes=(digest_of(wheel),))


def _finish(archive: zipfile.ZipFile, info: str) -> None:
    """What pip wants of every wheel."""
    archive.writestr(zipfile.ZipInfo(f"{info}/WHEEL"), "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    record = io.StringIO()
    for name in [*archive.namelist(), f"{info}/RECORD"]:
        record.write(f"{name},,\n")
    archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record.getvalue())
