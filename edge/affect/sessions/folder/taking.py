"""A session that is being recorded: what came since the last sync, in memory, and its journal. Bounded."""

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.messages import Prediction
from edge.affect.sessions.folder.entries import Dropped, Entry, Predicted, pack, samples_of
from edge.affect.sessions.folder.journal import JournalWriter
from edge.affect.sessions.folder.layout import SessionNote
from edge.core.sample import Sample

PER_FRAME: Final = 10_000
"""Samples in one frame at most: far below what a frame may hold."""


@dataclass(slots=True)
class Batch:
    """What goes to the disk in one go."""

    samples: list[Sample] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def first(self) -> list[Entry]:
        """What of it goes into one frame."""
        samples, predictions = self.samples[:PER_FRAME], self.predictions[:PER_FRAME]
        return [*self.dropped, *samples_of(samples), *map(Predicted, predictions)]

    def drop_first(self) -> None:
        """That is written."""
        del self.samples[:PER_FRAME], self.predictions[:PER_FRAME]
        self.dropped.clear()

    def __bool__(self) -> bool:
        return bool(self.samples or self.predictions or self.dropped)


class Taking:
    """Belongs to the event loop, but for `write` and `close`, which block and are called in one thread."""

    def __init__(self, name: str, note: SessionNote, *, most_waiting: int) -> None:
        self.name: Final = name
        self.note: Final = note
        self.begun = False
        """Whether its folder is durable."""
        self.ended_ns: int | None = None
        """When the session ended, by the monotonic clock."""
        self.lost = 0
        """Samples that were dropped and not told of yet."""
        self._waiting: deque[Sample] = deque()
        self._predictions: list[Prediction] = []
        self._dropped: dict[str, Dropped] = {}
        self._most = most_waiting
        self._journal: JournalWriter | None = None

    @property
    def waiting(self) -> int:
        """What is in memory."""
        return len(self._waiting) + len(self._predictions) + len(self._dropped)

    def add(self, sample: Sample) -> None:
        """Take one; costs microseconds."""
        self._waiting.append(sample)
        if len(self._waiting) > self._most:
            self._drop(self._waiting.popleft())

    def predict(self, body: Prediction) -> None:
        """Take a prediction that the store has; one that is dropped here is found there."""
        if len(self._predictions) < self._most:
            self._predictions.append(body)

    def batch(self) -> Batch:
        """What has come, out of the memory."""
        made = Batch(list(self._waiting), self._predictions, list(self._dropped.values()))
        self._waiting.clear()
        self._predictions, self._dropped = [], {}
        return made

    def put_back(self, batch: Batch) -> None:
        """The disk took none of it: hold it, before what came since, as far as there is room."""
        self._predictions = [*batch.predictions, *self._predictions]
        for one in batch.dropped:
            self._note_dropped(one)
        self._waiting.extendleft(reversed(batch.samples))
        while len(self._waiting) > self._most:
            self._drop(self._waiting.popleft())

    def write(self, path: Path, batch: Batch) -> int:
        """Make it durable at `path`; the bytes that took. Raise `OSError`; then `batch` is what is left of it."""
        self._journal = self._journal or JournalWriter(path)
        written = 0
        while batch:
            written += self._journal.append(pack(batch.first()))
            batch.drop_first()
        return written

    def close(self) -> None:
        """Let go of the journal."""
        journal, self._journal = self._journal, None
        if journal:
            journal.close()

    def told(self, count: int) -> None:
        """So many of the lost were told of."""
        self.lost -= count

    def _drop(self, sample: Sample) -> None:
        self.lost += 1
        self._note_dropped(Dropped(sample.sensor, sample.mono_ns, sample.mono_ns, 1))

    def _note_dropped(self, more: Dropped) -> None:
        known = self._dropped.get(more.sensor, more)
        count = more.samples + (known.samples if known is not more else 0)
        self._dropped[more.sensor] = Dropped(
            more.sensor, min(known.from_ns, more.from_ns), max(known.to_ns, more.to_ns), count
        )
