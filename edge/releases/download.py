"""Brings a bundle here over HTTP, going on where an earlier attempt ended; bounded in size, proven by its digest."""

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge.core.files import sync_folder
from edge.core.pace import LONGEST_ANSWER_BYTES, Pace
from edge.core.paced_urllib import paced_opener
from edge.releases.errors import BundleRefusedError, NotNowError

_CHUNK: Final = 1 << 18
_SYNC_EVERY: Final = 16 << 20
_MEGABYTE: Final = 1_000_000
_OK: Final = 200
_PARTIAL: Final = 206
_BAD_RANGE: Final = 416
_HOPELESS: Final = {400, 401, 403, 404, 410}
_WAITS_S: Final = (1.0, 3.0, 10.0, 30.0)
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How large a bundle may be, how long a server may be silent, and what the disk must keep free."""

    most_bytes: int = 2_000 * _MEGABYTE
    silence_s: float = 30.0
    keep_free_bytes: int = 64 * _MEGABYTE


def is_address(source: str) -> bool:
    """Whether `source` names something on a network."""
    return "://" in source


def is_web(source: str) -> bool:
    """Whether `source` is an http or https address of a host."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def check_address(source: str, sha256: str) -> None:
    """Raise `BundleRefusedError` unless it is http or https, and comes with a digest."""
    if not is_web(source):
        raise BundleRefusedError(f"{plain(source)}: only http and https addresses, and files, can be installed from")
    if "@" in urlsplit(source).netloc:  # it would not be sent, and errors of the library would tell it
        raise BundleRefusedError(f"{plain(source)}: an address with a password is not taken; a query may have a token")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise BundleRefusedError(f"{plain(source)}: what comes over a network needs its SHA-256, 64 digits 0-9 a-f")


def plain(source: str) -> str:
    """An address without what may be secret in it: user, password, query."""
    try:
        parts = urlsplit(source)
    except ValueError:
        return "that address"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, kw_only=True)
class Download:
    """How it is done. `sleep` waits between attempts, `free` tells what the disk of a folder has left."""

    sleep: Callable[[float], None]
    free: Callable[[Path], int]
    tell: Tell
    mono_s: Callable[[], float]
    bounds: Bounds = Bounds()

    def bring(self, source: str, sha256: str, target: Path) -> None:
        """Have `source` at `target`, whole and with this digest; what is there already is not brought again.

        Raise `NotNowError` when the network, the server or the disk does not allow it (what came is kept), and
        `BundleRefusedError` when the server says no or sends something else.
        """
        if target.exists():
            return
        part = target.with_suffix(".part")
        for wait_s in (*_WAITS_S, None):
            try:
                self._bring_once(source, sha256, part)
                break
            except NotNowError as error:
                if wait_s is None:
                    raise
                self.tell(f"{error}; again in {wait_s:g} s")
                self.sleep(wait_s)
        part.replace(target)
        sync_folder(target.parent)

    def _bring_once(self, source: str, sha256: str, part: Path) -> None:
        had = part.stat().st_size if part.exists() else 0
        if not had or _digest(part) != sha256:
            self._go_on(source, part, had)
        if _digest(part) == sha256:
            return
        part.unlink()
        if had:  # the earlier part may be of another file, or torn by a power cut
            raise NotNowError(f"{plain(source)} did not continue what had come of it: begun anew")
        raise BundleRefusedError(f"{plain(source)} has another SHA-256 than {sha256}: nothing of it was kept")

    def _go_on(self, source: str, part: Path, had: int) -> None:
        bounds, request = self.bounds, urllib.request.Request(source)  # noqa: S310 - the opener knows only http, https
        if had:
            request.add_header("Range", f"bytes={had}-")
        longest = bounds.most_bytes + LONGEST_ANSWER_BYTES
        pace = Pace(lambda: round(self.mono_s() * 1e9), bounds.silence_s, longest_bytes=longest)
        try:
            with paced_opener(pace).open(request, timeout=bounds.silence_s) as answer:
                self._take(answer, part, had)
        except urllib.error.HTTPError as error:
            error.close()
            self._judge(source, error.code, part)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotNowError(f"{plain(source)} cannot be brought: {pace.fault or _words(error)}") from error

    def _judge(self, source: str, code: int, part: Path) -> None:
        if code == _BAD_RANGE:  # all of it is here already, or it is another file now: the digest tells
            return
        if code in _HOPELESS:
            part.unlink(missing_ok=True)
            raise BundleRefusedError(f"{plain(source)}: the server answers {code}")
        raise NotNowError(f"{plain(source)}: the server answers {code}")

    def _take(self, answer: http.client.HTTPResponse, part: Path, had: int) -> None:
        goes_on = answer.status == _PARTIAL and answer.headers.get("Content-Range", "").startswith(f"bytes {had}-")
        size = had if goes_on else 0
        told = answer.headers.get("Content-Length", "")
        expected = size + int(told) if told.isdigit() else 0
        self._check_room(part.parent, expected, expected - size)
        with part.open("ab" if goes_on else "wb") as file:
            synced = size
            for chunk in iter(lambda: answer.read1(_CHUNK), b""):
                size += len(chunk)
                self._check_room(part.parent, size, len(chunk))
                file.write(chunk)
                if size - synced >= _SYNC_EVERY:
                    file.flush()
                    os.fsync(file.fileno())
                    synced = size
                    self.tell(f"downloaded {size / _MEGABYTE:.0f} of {expected / _MEGABYTE:.0f} MB")
            file.flush()
            os.fsync(file.fileno())
        if size < expected:
            raise NotNowError(f"the connection ended after {size} of {expected} bytes")

    def _check_room(self, folder: Path, size: int, coming: int) -> None:
        if size > self.bounds.most_bytes:
            raise BundleRefusedError(f"too large: a bundle may have {self.bounds.most_bytes / _MEGABYTE:g} MB")
        if self.free(folder) - coming < self.bounds.keep_free_bytes:
            raise NotNowError(f"no room for the bundle in {folder}")


def _digest(path: Path) -> str:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
