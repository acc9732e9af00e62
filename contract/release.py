"""What a release says of itself: signed, and read before anything of it is unpacked.

A bundle is a tar of plain files: `release.json` and `release.json.sig` near its beginning, then exactly the files that
`release.json` names, each with the size and digest given there. Its names cannot leave the folder they are unpacked to.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contract.errors import ContractError
from contract.manifest import Digest

NOTE: Final = "release.json"
SIGNATURE: Final = "release.json.sig"
LOCK: Final = "lock.txt"
BOOTSTRAP: Final = "bootstrap.py"
WHEELS: Final = "wheels"
MOST_BYTES: Final = 1 << 20
"""Of `release.json`."""
_MOST_FILE: Final = 1 << 30
_VERSION: Final = re.compile(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?(?:\.post(\d+))?(?:\.dev(\d+))?")
_PHASES: Final = {"a": 0, "b": 1, "rc": 2}
_FINAL: Final = 3
_DEVELOPMENT: Final = -1

Kind = Literal["edge", "cloud"]
ReleaseName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}(?![\s\S])",
        description="the directory of a release: 1 to 64 letters, digits, dots, dashes, underscores or plus signs",
    ),
]
PartPath = Annotated[
    str,
    Meta(
        pattern=r"^(wheels/)?[A-Za-z0-9][A-Za-z0-9._+-]{0,199}(?![\s\S])",
        description="a file at the top of the bundle, or a wheel",
    ),
]
Word = Annotated[str, Meta(min_length=1, max_length=200)]


class InvalidReleaseError(ContractError):
    """A `release.json` is malformed or contradicts itself; the message names the field."""


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the bundle."""

    path: PartPath
    sha256: Digest
    size: Annotated[int, Meta(ge=0, le=_MOST_FILE, description="bytes")]


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `release.json` says. `machine` and `python` are what the wheels were made for."""

    v: Literal[1] = 1
    release: ReleaseName
    version: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Kind = "edge"
    machine: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}(?![\s\S])", description="as `uname -m` says it")]
    python: Annotated[str, Meta(pattern=r"^3\.[0-9]{1,2}(?![\s\S])", description="such as 3.11")]
    built_s: Annotated[int, Meta(ge=0, le=2**40, description="time of the sources, in seconds since 1970")] = 0
    source: Annotated[str, Meta(max_length=64, description="the commit it was built from")] = ""
    installed_bytes: Annotated[int, Meta(ge=0, le=1 << 34, description="room that the installed release takes")]
    self_test: Annotated[list[Annotated[list[Word], Meta(min_length=1, max_length=16)]], Meta(max_length=8)] = []
    """Commands of `venv/bin/afferent` that must end well before the release is switched to. The word `{config}` stands
    for the settings' path; a command with it is left out where there are none."""
    files: Annotated[list[Part], Meta(min_length=1, max_length=500)]

    @property
    def total_bytes(self) -> int:
        """What its files have altogether."""
        return sum(part.size for part in self.files)

    @property
    def order(self) -> tuple[Any, ...]:
        """Greater for a newer one: by version, then by the time of the sources."""
        return (*version_order(self.version), self.built_s)


def decode_release(raw: bytes) -> Release:
    """Read a `release.json`; raise `InvalidReleaseError` that names the field if it is not one."""
    if len(raw) > MOST_BYTES:
        raise InvalidReleaseError(f"{NOTE}: {len(raw)} bytes are more than the {MOST_BYTES} it may have")
    try:
        release = msgspec.json.decode(raw, type=Release)
        version_order(release.version)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidReleaseError(f"{NOTE}: {error}") from error
    _check_files(release)
    return release


def encode_release(release: Release) -> bytes:
    """As indented JSON with a final newline; the same release gives the same bytes."""
    plain: Any = msgspec.to_builtins(release)
    return msgspec.json.format(msgspec.json.encode(plain, order="deterministic"), indent=2) + b"\n"


def version_order(version: str) -> tuple[Any, ...]:
    """What versions are ordered by: the public part of PEP 440 without epochs. Raise `InvalidReleaseError`."""
    found = _VERSION.fullmatch(version)
    if not found:
        raise InvalidReleaseError(f"{NOTE}: $.version: {version!r:.80} reads not like 1.2.3, 1.2.3rc1 or 1.2.3.post1")
    numbers, phase, count, post, development = found.groups()
    plain = [int(number) for number in numbers.split(".")]
    while plain and not plain[-1]:
        plain.pop()
    stage = _PHASES[phase] if phase else _DEVELOPMENT if development and not post else _FINAL
    return (
        plain,
        stage,
        int(count or 0),
        int(post or 0) + 1 if post else 0,
        0 if development else 1,
        int(development or 0),
    )


def _check_files(release: Release) -> None:
    names = [part.path for part in release.files]
    if len(set(names)) != len(names):
        raise InvalidReleaseError(f"{NOTE}: $.files: a path is named twice")
    if {NOTE, SIGNATURE} & set(names):
        raise InvalidReleaseError(f"{NOTE}: $.files: {NOTE} and its signature are not among the files they vouch for")
    if LOCK not in names:
        raise InvalidReleaseError(f"{NOTE}: $.files: {LOCK} is missing")
