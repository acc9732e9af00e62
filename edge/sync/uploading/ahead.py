"""Parts that were read while the ones before them were sent, so that the line need not wait for the disk."""

from collections import OrderedDict

from edge.sync.uploading.reading import PartReader


class Ahead:
    """One part of each of `most` readers at most: of more than that, those that were read first are read again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: OrderedDict[PartReader, tuple[int, bytes]] = OrderedDict()

    def keep(self, reader: PartReader, number: int, data: bytes) -> None:
        """The next part of a file."""
        self._parts.pop(reader, None)
        self._parts[reader] = (number, data)
        while len(self._parts) > self._most:
            self._parts.popitem(last=False)

    def take(self, reader: PartReader, number: int, size_bytes: int) -> bytes | None:
        """This part of a file, if it was kept as big as it is to be now. It is kept no more."""
        kept, data = self._parts.pop(reader, (0, b""))
        return data if kept == number and len(data) == size_bytes else None
