"""A form with a file (multipart/form-data, RFC 7578), read as it comes: of the file nothing is held here.

Only what the clients of S2 send is understood: small text fields in any order, and one file among them.
"""

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from enum import Enum, auto
from typing import Final

LARGEST_FIELDS: Final = 64 * 1024
"""Bytes of a form beside its file."""
_LARGEST_HEAD: Final = 4096
_LARGEST_FIELD: Final = 4096
_MOST_PARTS: Final = 32
_LONGEST_BOUNDARY: Final = 70
_PADDING: Final = 64


class FormError(ValueError):
    """The body is not a form, or none that can be taken; the message says why."""


class TooLargeError(FormError):
    """More than may be taken."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins."""

    name: str


@dataclass(frozen=True, slots=True)
class Data:
    """Some bytes of the part that began last."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The part is whole."""


class _At(Enum):
    DATA = auto()
    HEAD = auto()
    EPILOGUE = auto()


Found = Begin | Data | End
Sink = Callable[[bytes], Awaitable[None]]


async def read_form(body: AsyncIterable[bytes], boundary: bytes, *, file: str, sink: Sink, most: int) -> dict[str, str]:
    """The text fields of a form; the bytes of the part named `file` go to `sink` as they come.

    `most` bounds the bytes of the whole body. Raise `FormError` if it is torn, too large or no form; what of the file
    went to `sink` is then worth nothing. `file` is among the names of the answer where such a part came.
    """
    reading, parser, size = _Reading(file, sink), FormParser(boundary), 0
    async for piece in body:
        size += len(piece)
        if size > most:
            raise TooLargeError(f"the chunk has more than {most - LARGEST_FIELDS} bytes")
        for found in parser.feed(piece):
            await reading.take(found)
    if not parser.complete:
        raise FormError("the form ends before its closing boundary")
    return reading.fields


def boundary_of(content_type: str) -> bytes:
    """The boundary of a Content-Type header; raise `FormError` if it is not that of a form."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data":
        raise FormError("send the chunk as multipart/form-data")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise FormError("the Content-Type has no usable boundary")
    return boundary.encode()


class FormParser:
    """Finds the parts in bytes that come in pieces of any size; holds a few hundred bytes of them, or a part's head."""

    def __init__(self, boundary: bytes) -> None:
        mark = b"\r\n--" + boundary
        self._line = re.compile(re.escape(mark) + rb"(?:(--)|[ \t]{0,%d}\r\n)" % _PADDING)
        self._longest = len(mark) + _PADDING + 2
        self._buffer = bytearray(b"\r\n")  # the first boundary may have no line before it
        self._at = _At.DATA
        self._in_part = False
        self._parts = 0

    @property
    def complete(self) -> bool:
        """Whether the closing boundary came."""
        return self._at is _At.EPILOGUE

    def feed(self, data: bytes) -> Iterator[Found]:
        """What is found with `data` more; raise `FormError`."""
        self._buffer += data
        while self._at is not _At.EPILOGUE:
            found = list(self._head() if self._at is _At.HEAD else self._content())
            yield from found
            if not found:
                return
        self._buffer.clear()

    def _content(self) -> Iterator[Found]:
        match = self._line.search(self._buffer)
        safe = match.start() if match else max(0, len(self._buffer) - self._longest)
        if self._in_part and safe:
            yield Data(bytes(self._buffer[:safe]))
        if match is None:
            del self._buffer[:safe]
            return
        if self._in_part:
            yield End()
        self._in_part = False
        self._at = _At.EPILOGUE if match[1] else _At.HEAD
        del self._buffer[: match.end()]
        if self._at is _At.HEAD:
            yield from self._head()

    def _head(self) -> Iterator[Found]:
        raw = b"\r\n" + self._buffer[:_LARGEST_HEAD]
        end = raw.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) >= _LARGEST_HEAD:
                raise FormError("a part's head is too long")
            return
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise FormError(f"the form has more than {_MOST_PARTS} parts")
        yield Begin(_name_in(raw[:end]))
        del self._buffer[: end + 2]
        self._at, self._in_part = _At.DATA, True


class _Reading:
    """Sorts the parts of one form."""

    def __init__(self, file: str, sink: Sink) -> None:
        self.fields: dict[str, str] = {}
        self._file = file
        self._sink = sink
        self._name = ""
        self._text = bytearray()

    async def take(self, found: Found) -> None:
        """The next thing that was found."""
        match found:
            case Begin(name):
                if name in self.fields:
                    raise FormError(f"{name!r:.40} is in the form twice")
                self._name, self._text = name, bytearray()
            case Data(content) if self._name == self._file:
                await self._sink(content)
            case Data(content):
                self._text += content
                if len(self._text) > _LARGEST_FIELD:
                    raise FormError(f"{self._name!r:.40} is too long")
            case End():
                self.fields[self._name] = self._text.decode("utf-8", "replace")


def _name_in(head: bytes) -> str:
    message = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        label, _, value = line.partition(":")
        if label.strip().lower() == "content-disposition":
            message["Content-Disposition"] = value.strip()
    name = message.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise FormError("a part of the form has no name")
    return name
