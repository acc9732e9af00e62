"""The page that hands in videos, for a browser: a real server over a real folder, to be killed and started again."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.core.clock import SystemClock
from tests.support.collecting import Ledger, Room
from tests.support.stage import Stage, performing
from tests.support.web import Web


class CollectStage(Stage):
    """A stage whose appliance takes videos. Each `plug_in` is a new run over the same folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ())
        self.folder = folder / "state"
        self.ledger = Ledger()
        self.room: Room | None = None

    @property
    def kept(self) -> list[Path]:
        """The whole videos, by name."""
        found = self.folder.glob("facial_recordings/[!.]*/*.*")
        return sorted(path for path in found if path.suffix in {".webm", ".mp4"})

    @property
    def taken(self) -> int:
        """Distinct chunks that this run took."""
        return self._running.collector.chunks_taken

    @property
    def repeated(self) -> int:
        """Chunks that came although they were held."""
        return self._running.collector.chunks_repeated

    def promote(self) -> None:
        """Have the service do what is due."""
        self._wait(self._running.service.round())

    def close(self) -> None:
        """End everything."""
        super().close()
        if self.room:
            self.room.collector.close()

    @property
    def _running(self) -> Room:
        assert self.room is not None
        return self.room

    def _make(self) -> Web:
        web = super()._make()
        if self.room:
            self.room.collector.close()
        self.room = Room(self.folder, ledger=self.ledger, clock=SystemClock())
        return dataclasses.replace(web, app=self.room.app(web))


@contextmanager
def collecting(folder: Path) -> Iterator[CollectStage]:
    """That stage, serving inside the block."""
    with performing(CollectStage(folder)) as stage:
        yield stage
