"""A bundle: nothing is believed before its signature, and nothing is written that the signed note does not name."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.release import NOTE, SIGNATURE
from edge.releases.bundle import Note, read_note, unpack
from edge.releases.errors import BundleRefusedError, ReleaseError
from edge.releases.keys import load_keys
from scripts.release.pack import new_key
from tests.conftest import ROOT
from tests.support.release_world import World

Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Keys, and nothing installed."""
    world = World(tmp_path / "world")
    world.prepare()
    world.bundle("1.0")
    return world


def _members(bundle: Path) -> Members:
    with tarfile.open(bundle) as tar:
        return [(member, content.read()) for member in tar if (content := tar.extractfile(member))]


def _changed(bundle: Path, change: Callable[[Members], Members]) -> Path:
    target = bundle.with_name("changed.tar")
    members = change(_members(bundle))
    with tarfile.open(target, "w:") as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return target


def _taken(world: World, bundle: Path) -> Note:
    note = read_note(bundle, load_keys(world.keys))
    unpack(bundle, note, world.folder / "unpacked")
    return note


def _member(name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> Members:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(content) if kind == tarfile.REGTYPE else 0, kind, link
    return [(member, content)]


def test_what_is_signed_is_unpacked_as_it_was_packed(world: World) -> None:
    note = _taken(world, world.bundle("1.0"))
    unpacked = {str(path.relative_to(world.folder / "unpacked")) for path in (world.folder / "unpacked").rglob("*.*")}
    assert unpacked == {part.path for part in note.release.files}
    assert note.release.installed_bytes > 0


def test_the_same_sources_give_the_same_bytes(world: World) -> None:
    first = world.bundle("1.0").read_bytes()
    assert world.bundle("1.0").read_bytes() == first


@pytest.mark.parametrize(
    "extra",
    [
        _member("../out"),
        _member("/etc/out"),
        _member("wheels/other.whl"),
        _member("lock.txt"),
        _member(NOTE),
        _member("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        _member("hard", kind=tarfile.LNKTYPE, link="lock.txt"),
        _member("folder", kind=tarfile.DIRTYPE),
        _member("pipe", kind=tarfile.FIFOTYPE),
        _member("device", kind=tarfile.CHRTYPE),
    ],
)
def test_a_member_that_the_note_does_not_name_refuses_the_bundle(world: World, extra: Members) -> None:
    bundle = _changed(world.bundle("1.0"), lambda members: [*members, *extra])
    with pytest.raises(BundleRefusedError):
        _taken(world, bundle)
    written = {path.name for path in (world.folder / "unpacked").rglob("*")}
    assert written <= {"wheels", "lock.txt", "bootstrap.py", "fake-1.0-py3-none-any.whl"}
    assert not (world.folder / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_named_file_that_is_something_else_refuses_the_bundle(world: World, kind: bytes) -> None:
    def change(members: Members) -> Members:
        rest = [one for one in members if one[0].name != "lock.txt"]
        return rest + _member("lock.txt", kind=kind, link="bootstrap.py")

    with pytest.raises(BundleRefusedError):
        _taken(world, _changed(world.bundle("1.0"), change))


@pytest.mark.parametrize("name", ["lock.txt", "bootstrap.py", "wheels/fake-1.0-py3-none-any.whl", NOTE, SIGNATURE])
def test_one_changed_bit_refuses_the_bundle(world: World, name: str) -> None:
    def change(members: Members) -> Members:
        return [(m, bytes([c[0] ^ 1]) + c[1:] if m.name == name else c) for m, c in members]

    with pytest.raises(BundleRefusedError):
        _taken(world, _changed(world.bundle("1.0"), change))


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_header_of_gigabytes_is_refused_before_it_is_read(world: World, kind: bytes) -> None:
    """By whoever could make the updater fetch it: nothing of it is signed."""
    bundle = world.folder / "large.tar"
    header = tarfile.TarInfo("long")
    header.type, header.size = kind, 1 << 33
    bundle.write_bytes(header.tobuf(tarfile.GNU_FORMAT))
    os.truncate(bundle, 1 << 34)
    with pytest.raises(BundleRefusedError, match="at once"):
        read_note(bundle, load_keys(world.keys))


def test_headers_without_end_are_refused(world: World) -> None:
    header = tarfile.TarInfo("long")
    header.type = b"x"
    bundle = world.folder / "many.tar"
    bundle.write_bytes(header.tobuf() * 5000)
    with pytest.raises(BundleRefusedError, match="no tar"):
        read_note(bundle, load_keys(world.keys))


def test_a_missing_file_refuses_the_bundle(world: World) -> None:
    bundle = _changed(world.bundle("1.0"), lambda members: [one for one in members if one[0].name != "lock.txt"])
    with pytest.raises(BundleRefusedError, match=r"lock\.txt missing"):
        _taken(world, bundle)


def test_a_release_of_somebody_else_is_refused_with_the_remedy(world: World, tmp_path: Path) -> None:
    bundle = world.bundle("1.0")
    (tmp_path / "others").mkdir()
    with pytest.raises(ReleaseError, match="put the public key there"):
        load_keys(tmp_path / "others")
    new_key(tmp_path / "their").replace(tmp_path / "others" / "their.pub")
    with pytest.raises(BundleRefusedError, match="not signed by a key that is trusted here"):
        read_note(bundle, load_keys(tmp_path / "others"))


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pub").write_text("nonsense", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"a\.pub is no public key"):
        load_keys(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(cut=st.integers(0, 20_000), noise=st.binary(max_size=600), at=st.integers(0, 20_000))
def test_a_torn_or_scribbled_bundle_is_refused_or_whole(world: World, cut: int, noise: bytes, at: int) -> None:
    bundle = world.folder / "torn.tar"
    whole = (world.folder / "bundles" / "1.0.tar").read_bytes()
    torn = whole[: len(whole) - cut]
    bundle.write_bytes(torn[:at] + noise + torn[at + len(noise) :])
    folder = world.folder / "torn"
    try:
        note = read_note(bundle, load_keys(world.keys))
        unpack(bundle, note, folder)
    except BundleRefusedError:
        pass
    else:
        assert {part.path for part in note.release.files} == {
            str(path.relative_to(folder)) for path in folder.rglob("*.*")
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_bootstrap_runs_nothing_that_lies_beside_it(world: World, tmp_path: Path) -> None:
    """Root runs it, maybe in /tmp, where everybody may put a file."""
    shutil.copy(ROOT / "scripts" / "release" / "bootstrap.py", tmp_path)
    evil = tmp_path / "edge" / "releases"
    evil.mkdir(parents=True)
    (tmp_path / "edge" / "__init__.py").touch()
    for path in (tmp_path / "tarfile.py", evil / "cli.py"):
        path.write_text("import sys; sys.exit(42)")
    (evil / "__init__.py").touch()
    bundle = world.bundle("1.0")
    done = subprocess.run(
        [sys.executable, "bootstrap.py", str(bundle), "status", "--root", "opt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "current   none" in done.stdout
