"""Brings a model's graph here, from a file or over HTTP: bounded in size and time, with the digest that was said."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from edge.core.errors import ModelError
from edge.core.pace import LONGEST_ANSWER_BYTES, Pace
from edge.core.paced_http import PacedClient

_CHUNK: Final = 1 << 16
_MEGABYTE: Final = 1_000_000
_REDIRECTS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a model may be, how long it may take altogether, and how long a server may be silent."""

    most_bytes: int = 200 * _MEGABYTE
    most_s: float = 600.0
    silence_s: float = 20.0


def bring(source: str, target: Path, *, sha256: str, limits: Limits, now_ns: Callable[[], int]) -> str:
    """Write what `source` (a path, or an http or https URL) holds to `target`; return its SHA-256.

    Raise `ModelError`, leaving nothing at `target`, if it cannot be had, is too large or too slow, or has a digest
    other than `sha256`, which may be empty for a file alone.
    """
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ModelError(f"--sha256 {sha256!r:.80}: a SHA-256 has 64 digits from 0 to 9 and a to f")
    if is_url(source) and not sha256:
        raise ModelError(
            f"{plain(source)}: what comes over a network needs --sha256 HEX, from where the model is published"
        )
    try:
        with _open(source, limits, now_ns) as chunks:
            digest = _write(chunks, target, limits, now_ns)
        _check(source, digest, sha256)
    except ModelError:
        target.unlink(missing_ok=True)
        raise
    return digest


def is_url(source: str) -> bool:
    """Whether `source` names something on a network."""
    return "://" in source


def plain(source: str) -> str:
    """`source` without what may be secret: user, password, query. Raise `ModelError` if it is no address at all."""
    if not is_url(source):
        return source
    try:
        parts = urlsplit(source)
    except ValueError as error:
        raise ModelError(f"the address to install from cannot be read: {error}") from error
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def _open(source: str, limits: Limits, now_ns: Callable[[], int]) -> Iterator[Iterator[bytes]]:
    if not is_url(source):
        with _open_file(Path(source)) as chunks:
            yield chunks
        return
    if urlsplit(source).scheme not in {"http", "https"}:
        raise ModelError(f"{plain(source)}: only https, http and files can be installed from")
    pace = Pace(now_ns, limits.silence_s, longest_bytes=limits.most_bytes + LONGEST_ANSWER_BYTES)
    try:
        with (
            PacedClient(pace, follow_redirects=True, max_redirects=_REDIRECTS, timeout=limits.silence_s) as client,
            client.stream("GET", source, headers={"Accept-Encoding": "identity"}) as response,
        ):
            _check_answer(source, response, limits)
            yield response.iter_raw()  # as it comes: one who dribbles must meet the clock too
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        words = pace.fault or _words(error)
        raise ModelError(f"{plain(source)} cannot be downloaded: {words}; nothing was kept") from error


@contextmanager
def _open_file(path: Path) -> Iterator[Iterator[bytes]]:
    try:
        with path.open("rb") as file:
            yield iter(lambda: file.read(_CHUNK), b"")
    except OSError as error:
        raise ModelError(f"{error.filename or path} cannot be used: {error.strerror}") from error


def _check_answer(source: str, response: httpx.Response, limits: Limits) -> None:
    if response.status_code != httpx.codes.OK:
        raise ModelError(f"{plain(source)} cannot be downloaded: the server answers {response.status_code}")
    told = response.headers.get("content-length", "")
    if told.isdigit() and int(told) > limits.most_bytes:
        raise _too_large(limits)


def _write(chunks: Iterator[bytes], target: Path, limits: Limits, now_ns: Callable[[], int]) -> str:
    digest, size = hashlib.sha256(), 0
    end_ns = now_ns() + round(limits.most_s * 1e9)
    with target.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limits.most_bytes:
                raise _too_large(limits)
            if now_ns() > end_ns:
                raise ModelError(f"the download took longer than {limits.most_s:g} s and was given up")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _check(source: str, digest: str, wanted: str) -> None:
    if wanted and digest != wanted.lower():
        raise ModelError(
            f"wrong digest: {plain(source)} has SHA-256 {digest}, --sha256 says {wanted}; it was not opened, and "
            "nothing was kept"
        )


def _too_large(limits: Limits) -> ModelError:
    return ModelError(f"too large: a model may have {limits.most_bytes / _MEGABYTE:g} MB at most; nothing was kept")


def _words(error: Exception) -> str:
    """What went wrong, in words, also where httpx has none."""
    return str(error) or type(error).__name__
