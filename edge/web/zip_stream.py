"""A ZIP archive that is made while it is sent: nothing of it lies on the disk, and little of it in memory.

Video and Parquet are stored as they are, for they are compressed already; the rest is deflated. Sizes stand behind each
file, as a stream demands, in 64 bits, so that neither a file nor the archive has a limit.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

BLOCK: Final = 1 << 18
_COMPRESSED: Final = (".parquet", ".mp4", ".webm", ".jpg")


def zip_stream(names: Iterable[str], open_file: Callable[[str], BinaryIO], prefix: str) -> Iterator[bytes]:
    """The archive of these files, each below `prefix`, piece by piece; blocks.

    One that is gone by the time it is its turn is left out. Raise `OSError` if the disk refuses.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in names:
            try:
                source = open_file(name)
            except FileNotFoundError:
                continue
            with source, archive.open(_entry(f"{prefix}/{name}"), "w", force_zip64=True) as target:
                while block := source.read(BLOCK):
                    target.write(block)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Where the archive writes to: it cannot be wound back, and is emptied as it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _entry(name: str) -> zipfile.ZipInfo:
    """Without a time of its own: the tables say when."""
    made = zipfile.ZipInfo(name)
    made.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
    made.external_attr = 0o600 << 16
    return made
