"""A process that does to a store what it is told and says what was promised: `python -m tests.support.power_story`.

The story comes on the standard input, JSON: a list of steps. What was promised goes into `ROOT/told`, a line each, and
so into the power journal: it is known what was promised before a cut. Nothing syncs that file, and nothing has to.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from contract.messages import AnyBody, Record, Recording
from edge.outbox import retention
from edge.outbox.settings import OutboxSettings
from edge.outbox.store import Outbox
from tests.support.outboxes import alarm, open_outbox, prediction, recording, telemetry

Step = tuple[str, int]
_SPARED = 4


class Story:
    """Carries out steps on one store, which it opens and closes."""

    def __init__(self, root: Path, chapter: int) -> None:
        self._root = root
        self._number = chapter * 10_000
        self._told = os.open(root / "told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._clips: list[str] = []

    async def live(self, steps: list[Step]) -> None:
        """All of them; `reopen` begins another run."""
        while steps:
            async with open_outbox(self._root, limits=OutboxSettings(linger_ms=0)) as outbox:
                while steps:
                    step, steps = steps[0], steps[1:]
                    if step[0] == "reopen":
                        break
                    await self._do(outbox, *step)
        os.close(self._told)

    async def _do(self, outbox: Outbox, what: str, count: int) -> None:
        match what:
            case "append":
                await asyncio.gather(*(self._append(outbox, self._body(index)) for index in range(count)))
            case "acknowledge":
                seq = (outbox.last_row - outbox._boots.current.first_row + 1) * count // 9
                await outbox.acknowledge(outbox.boot, seq)
                self._tell("acknowledged", outbox.boot, seq)
            case "evict":
                setattr(retention, "SPARED_HEAD", _SPARED)  # noqa: B010 - a constant, but for this story
                await outbox._keeper.evict(count)
            case "clip":
                await self._clip(outbox, f"rec-{self._next()}")
            case _:
                await self._upload(outbox)

    async def _append(self, outbox: Outbox, body: AnyBody) -> None:
        self._tell_record(await outbox.append(body))

    async def _clip(self, outbox: Outbox, name: str) -> None:
        await self._append(outbox, recording(name, b"content"))
        await outbox.uploads.add(name, self._root / f"{name}.mp4")
        self._tell("queued", name)
        self._clips.append(name)

    async def _upload(self, outbox: Outbox) -> None:
        """Send the oldest clip: a part, another, the end."""
        if not self._clips:
            return
        name = self._clips.pop(0)
        await outbox.uploads.begin(name, "upload-1", 5)
        await outbox.uploads.add_part(name, 1, "tag-1")
        self._tell("part", name)
        body = recording(name, b"content")
        record = await outbox.uploads.finish(_uploaded(body))
        assert record, "nobody gave it up"
        self._tell("finished", name)
        self._tell_record(record)

    def _body(self, index: int) -> AnyBody:
        match index % 3:
            case 0:
                return prediction(self._next())
            case 1:
                return telemetry()
            case _:
                return alarm()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _tell_record(self, record: Record) -> None:
        self._tell("record", record.boot, record.seq)

    def _tell(self, *words: Any) -> None:
        os.write(self._told, json.dumps(words).encode() + b"\n")


def _uploaded(body: Recording) -> Recording:
    return replace(body, phase="uploaded")


if __name__ == "__main__":
    asyncio.run(Story(Path(sys.argv[1]), int(sys.argv[2])).live(json.load(sys.stdin)))
