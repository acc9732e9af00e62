"""`release.json`: read strictly, ordered as versions are, and never a way out of the folder that it is unpacked to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from contract.release import (
    InvalidReleaseError,
    Part,
    Release,
    decode_release,
    encode_release,
    version_order,
)

_DIGEST = "0" * 64
_LOCK = {"path": "lock.txt", "sha256": _DIGEST, "size": 1}
_PLAIN = {
    "release": "1.0",
    "version": "1.0",
    "machine": "x86_64",
    "python": "3.11",
    "installed_bytes": 1,
    "files": [_LOCK],
}
_numbers = st.integers(0, 20)


@st.composite
def _versions(draw: st.DrawFn) -> str:
    text = ".".join(map(str, draw(st.lists(_numbers, min_size=1, max_size=4))))
    if draw(st.booleans()):
        text += draw(st.sampled_from(["a", "b", "rc"])) + str(draw(_numbers))
    if draw(st.booleans()):
        text += f".post{draw(_numbers)}"
    if draw(st.booleans()):
        text += f".dev{draw(_numbers)}"
    return text


def _decoded(**changes: object) -> Release:
    return decode_release(msgspec.json.encode(_PLAIN | changes))


@given(st.binary(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode))
def test_anything_else_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(InvalidReleaseError):
        decode_release(raw)


@given(_versions(), _versions())
def test_versions_are_ordered_as_python_orders_them(one: str, other: str) -> None:
    assert (version_order(one) < version_order(other)) == (Version(one) < Version(other))
    assert (version_order(one) == version_order(other)) == (Version(one) == Version(other))


def test_of_one_version_the_later_sources_are_newer() -> None:
    assert _decoded(built_s=2).order > _decoded(built_s=1).order


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "wheels/../x",
        "wheels//x",
        "a/b",
        "",
        ".",
        "..",
        "wheels/.x",
        "x\n",
        "x\0",
        "wheels/",
        "a" * 300,
    ],
)
def test_no_path_leads_out_of_the_folder(path: str) -> None:
    with pytest.raises(InvalidReleaseError, match="files"):
        _decoded(files=[_LOCK, {"path": path, "sha256": _DIGEST, "size": 1}])


@pytest.mark.parametrize("name", ["", ".", "..", ".new-1", "a/b", "1.0\n", "a" * 65, "-x"])
def test_no_release_has_a_name_that_is_no_folder_of_its_own(name: str) -> None:
    with pytest.raises(InvalidReleaseError, match="release"):
        _decoded(release=name)


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([_LOCK, _LOCK], "twice"),
        ([{"path": "x", "sha256": _DIGEST, "size": 1}], "lock.txt is missing"),
        ([_LOCK, {"path": "release.json", "sha256": _DIGEST, "size": 1}], "not among the files"),
        ([], "files"),
        ([_LOCK | {"size": -1}], "size"),
        ([_LOCK | {"size": 1 << 40}], "size"),
    ],
)
def test_files_that_contradict_themselves_are_refused(files: list[object], word: str) -> None:
    with pytest.raises(InvalidReleaseError, match=word):
        _decoded(files=files)


def test_a_note_is_read_as_it_was_written() -> None:
    release = Release(
        release="1.0+a",
        version="1.0",
        machine="aarch64",
        python="3.11",
        installed_bytes=5,
        self_test=[["version"]],
        files=[Part(path="lock.txt", sha256=_DIGEST, size=3), Part(path="wheels/a-1-b.whl", sha256=_DIGEST, size=4)],
    )
    assert decode_release(encode_release(release)) == release
    assert release.total_bytes == 7
