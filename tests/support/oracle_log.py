"""The oracle's own log: what a device was asked to keep and what it promised, written where no fault reaches.

The lines go out by `write`, not through the files of the device: a SIGKILL leaves what was written with the kernel, and
a simulated power cut concerns the device's folder alone, so that no sync is needed.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from contract.messages import AnyBody, Event, Prediction, Record, Recording, Telemetry, priority_of

MOVED: Final = frozenset({"start_ms", "end_ms", "at_ms", "asked_ms"})
"""What may change of a body: times of an untrusted clock are put right later (docs/decisions/0013)."""


def digest_of(body: Any) -> str:
    """A digest of a body as plain JSON data, the same for whoever encoded it, and but for its times."""
    kept = {name: value for name, value in body.items() if name not in MOVED}
    plain = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:24]


def plain_of(body: AnyBody) -> Any:
    """A body as the cloud reads it."""
    return json.loads(msgspec.json.encode(body))


def nonce_of(body: AnyBody) -> str:
    """The mark that the generator put into a body of its own; empty for any other."""
    match body:
        case Prediction(model="soak"):
            return body.source
        case Event(camera="soak"):
            return body.event_id
        case Telemetry() if len(body.cameras) == 1:
            return next(iter(body.cameras))
        case _:
            return ""


class OracleLog:
    """Appends to the log at `path`; each method returns when its line is with the kernel."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def minted(self, body: AnyBody) -> None:
        """Before a body is handed to the store."""
        self._write([["minted", nonce_of(body), digest_of(plain_of(body))]])

    def promised(self, body: AnyBody, record: Record) -> None:
        """After the store returned, before anybody relies upon it."""
        self._write([["promised", nonce_of(body), record.boot, record.seq]])

    def committed(self, records: Iterable[Record]) -> None:
        """The store says that these are durable: obligations, whoever made them."""
        self._write([_committed(record) for record in records])

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _write(self, lines: list[list[Any]]) -> None:
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        if os.write(self._descriptor, data) != len(data):
            raise OSError("the oracle's log was cut short")


def _committed(record: Record) -> list[Any]:
    body = record.body
    alarm = int(priority_of(body) == "alarm")
    plain = plain_of(body)
    line = ["committed", record.boot, record.seq, plain["kind"], digest_of(plain), alarm, nonce_of(body)]
    if isinstance(body, Recording) and body.phase == "closed":
        line.append([body.recording_id, body.sha256, body.size_bytes, body.key])
    return line
