"""An object storage in memory that remembers in which order things came, and refuses what a test tells it to."""

import hashlib
import threading
from collections.abc import Callable, Mapping

from edge.core.errors import LinkError
from edge.sync.targets.target import Abandoned, Object, ObjectDamagedError, Sending, UploadUnknownError

COMPLETING = -1
DELETING = -2


class MemoryTarget:
    """Several threads may use it. `refuse` raises for what is to fail; `order` are keys and part numbers, 0 whole.

    `refuse` is asked with `COMPLETING` and `DELETING` too.
    """

    def __init__(self, part_bytes: int = 1000, *, slices: int = 1) -> None:
        self.part_bytes = part_bytes
        self.slices = slices
        self.objects: dict[str, bytes] = {}
        self.under_way: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.old: list[Abandoned] = []
        self.aborted: list[str] = []
        self.deleted: list[str] = []
        self.order: list[tuple[str, int]] = []
        self.most_at_once = 0
        self.down = ""
        self.refuse: Callable[[str, int], None] = lambda key, number: None
        self._begun = 0
        self._now = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Up, unless `down`."""
        if self.down:
            raise LinkError(self.down)

    def put(self, thing: Object, data: bytes, sending: Sending) -> None:
        """Store."""
        self._send(thing.key, 0, data, sending)
        self.objects[thing.key] = data

    def begin(self, thing: Object) -> str:
        """Count."""
        self.check()
        self._begun += 1
        name = f"upload-{self._begun}"
        self.under_way[name] = (thing.key, {})
        return name

    def held(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> dict[int, str]:
        """Those of the same MD5."""
        parts = self._parts(upload_id)
        return {number: tag for number, tag in tags.items() if _md5(parts.get(number, b"")) == tag}

    def put_part(self, thing: Object, upload_id: str, number: int, data: bytes, sending: Sending) -> str:
        """Store one."""
        parts = self._parts(upload_id)
        self._send(thing.key, number, data, sending)
        parts[number] = data
        return _md5(data)

    def complete(self, thing: Object, upload_id: str, tags: Mapping[int, str]) -> None:
        """Join, if all is there."""
        parts = self._parts(upload_id)
        self.refuse(thing.key, COMPLETING)
        if sorted(parts) != sorted(tags) or any(_md5(parts[number]) != tag for number, tag in tags.items()):
            raise ObjectDamagedError("parts")
        self.objects[thing.key] = b"".join(parts[number] for number in sorted(parts))
        del self.under_way[upload_id]

    def abort(self, key: str, upload_id: str) -> None:
        """Forget."""
        self.check()
        self.aborted.append(upload_id)
        self.under_way.pop(upload_id, None)

    def delete(self, key: str) -> None:
        """Forget an object."""
        self.check()
        self.refuse(key, DELETING)
        self.deleted.append(key)
        self.objects.pop(key, None)

    def confirm(self, thing: Object, tags: Mapping[int, str]) -> bool:
        """Compare."""
        data = self.objects.get(thing.key)
        return data is not None and hashlib.sha256(data).hexdigest() == thing.sha256

    def abandoned(self, prefix: str, older_than_s: float) -> list[Abandoned]:
        """What the test says is old."""
        return [left for left in self.old if left.key.startswith(prefix)]

    def close(self) -> None:
        """Nothing is held open."""

    def _parts(self, upload_id: str) -> dict[int, bytes]:
        if upload_id not in self.under_way:
            raise UploadUnknownError(f"no upload {upload_id}")
        return self.under_way[upload_id][1]

    def _send(self, key: str, number: int, data: bytes, sending: Sending) -> None:
        self.check()
        self.refuse(key, number)
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.order.append((key, number))
        try:
            for piece in range(1, self.slices + 1):
                sending(len(data) * piece // self.slices)
        finally:
            with self._lock:
                self._now -= 1


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
