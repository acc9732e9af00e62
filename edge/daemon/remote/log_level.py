"""How much is written to the journal: as the settings say, or for a while as somebody afar wants it."""

import asyncio
import logging
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from edge.core.clock import Clock
from edge.core.logs import begin_log
from edge.daemon.remote.arguments import arguments_of
from edge.sync.remote.handler import Call, Outcome

Level = Literal["debug", "info", "warning", "error"]
_LONGEST_MIN: Final = 7 * 24 * 60
_log = logging.getLogger(__name__)


class _Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    level: Level
    minutes: Annotated[float, Meta(gt=0, le=_LONGEST_MIN)] | None = None


class LogLevel:
    """The level of this process. Belongs to the event loop."""

    def __init__(self, level: str, clock: Clock) -> None:
        """`level` is what the settings say."""
        self._settled = level
        self._clock = clock
        self._return: asyncio.Task[None] | None = None

    def settle(self, level: str) -> None:
        """The settings say so now; what was wanted for a while is over."""
        self._settled = level
        self._cancel()
        set_level(level)

    def hold(self, level: str, minutes: float | None) -> None:
        """As wanted, until that time is over, the settings change or the daemon ends."""
        self._cancel()
        set_level(level)
        if minutes is not None:
            self._return = asyncio.create_task(self._go_back(minutes), name="log-level")

    def close(self) -> None:
        """Go back no more."""
        self._cancel()

    async def _go_back(self, minutes: float) -> None:
        await self._clock.sleep(minutes * 60)
        _log.info("the log level goes back to %s", self._settled)
        set_level(self._settled)

    def _cancel(self) -> None:
        if self._return:
            self._return.cancel()
            self._return = None


class LogLevelHandler:
    """`log_level`: `{"level": "debug", "minutes": 30}`; without minutes until the settings change or the next start."""

    def __init__(self, level: LogLevel) -> None:
        self._level = level

    async def run(self, call: Call) -> Outcome:
        """Set it."""
        wanted = arguments_of(call.command, _Arguments)
        self._level.hold(wanted.level, wanted.minutes)
        return {"level": wanted.level}

    async def resume(self, call: Call) -> Outcome:
        """It does not outlive a run of the daemon, so set it again."""
        return await self.run(call)


def set_level(level: str) -> None:
    """Log from `level` on; talkative libraries stay as quiet as they are from the start."""
    logging.getLogger().setLevel(level.upper())
    begin_log(level)
