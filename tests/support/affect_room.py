"""An `AffectService` with everything it needs, under a test's hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from contract.messages import Prediction
from edge.affect.service import AffectService
from edge.affect.session import Viewings
from edge.affect.settings import AffectSettings
from edge.core.health import Health, PartHealth
from edge.core.sample import Channel, Sample
from tests.support.affect import ListSink, ScriptedModel, ScriptedModels, SteppingClock


class Room:
    """A service with everything it needs, and a sensor that speaks at 4 Hz while `speaking`."""

    def __init__(self, *, wanted: int, participants: dict[str, str] | None = None, store_fails: int = 0) -> None:
        self.clock = SteppingClock(self._step)
        self.sink = ListSink(wanted)
        self.model = ScriptedModel()
        self.models = ScriptedModels(self.model, failing=store_fails)
        self.viewings = Viewings(participants or {})
        self.changes: list[PartHealth] = []
        self.health = Health(self.clock, self.changes.append)
        self.speaking = True
        self.script: dict[float, Callable[[], object]] = {}
        self._began_ns = self.clock.mono_ns()
        self.began_ms = self.clock.now().wall_ms
        self.service = AffectService(
            "body",
            model_store=self.models,
            settings=AffectSettings(participants=participants or {}, settle_ms=0),
            viewings=self.viewings,
            sink=self.sink,
            health=self.health,
            clock=self.clock,
        )

    def _step(self) -> None:
        now_ns = self.clock.mono_ns()
        if self.speaking:
            self.service.offer(Sample("body", now_ns - 1, {Channel.GSR_US: 5.0}))
        for at in [at for at in self.script if at * 1e9 <= now_ns - self._began_ns]:
            self.script.pop(at)()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The service at work."""
        task = asyncio.create_task(self.service.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def play(self) -> list[Prediction]:
        """Run until the sink has the wanted number of predictions; return these."""
        async with self.running():
            await asyncio.wait_for(self.sink.enough.wait(), 40)
        return self.sink.predictions[: self.sink.wanted]
