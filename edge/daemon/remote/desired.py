"""Takes a desired state: checked whole, kept, applied at once where that can be, else by a restart."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from contract.plan import Plan, uncovered
from contract.remote import Desired, Refused
from edge.config import EdgeConfig
from edge.core.background import in_the_background
from edge.core.backoff import Backoff
from edge.core.clock import Clock
from edge.core.errors import EdgeError, ModelError, PlanConflictError
from edge.core.first_of import first_of
from edge.core.health import Health, State
from edge.core.service import Pulse
from edge.daemon.remote.begin import Beginning
from edge.daemon.remote.folder import refused_at
from edge.daemon.remote.log_level import LogLevel
from edge.daemon.remote.models import ModelTaker, ModelUnreachableError, problem_of
from edge.daemon.remote.overlay import SettingRefusedError
from edge.daemon.remote.restart import RestartDesk
from edge.daemon.remote.settings_patch import with_patch
from edge.sync.remote.reading import BadDesired

PART: Final = "desired"
_BEAT_S: Final = 2.0
_log = logging.getLogger(__name__)
_MOST_TRIES: Final = 6
"""Times that a model is fetched before its desired state is refused."""


class PlanPort(Protocol):
    """One camera's plan."""

    def plan(self) -> Plan:
        """As it is."""
        ...

    async def set_plan(self, plan: Plan) -> Plan:
        """Keep `plan`, which changes the version it names. Raise `PlanConflictError` or `StoreError`."""
        ...


class DesiredService:
    """A `Service`. Health part: `desired`.

    `ready` tells whether this run has come up; `changed` is called when `folder` says something else than before.
    """

    def __init__(
        self,
        beginning: Beginning,
        *,
        plans: Mapping[str, PlanPort],
        models: ModelTaker,
        restart: RestartDesk,
        level: LogLevel,
        ready: Callable[[], bool],
        clock: Clock,
        health: Health,
    ) -> None:
        self.name = "desired"
        self.pulse = Pulse(clock)
        self.changed: Callable[[], None] = lambda: None
        self.on_settled: Callable[[Desired, str], None] = lambda _desired, _outcome: None
        """Called with each desired state that is in force, or refused after it had been taken, and which of it."""
        self._beginning = beginning
        self.folder = beginning.folder
        self._plans = plans
        self._models = models
        self._restart = restart
        self._level = level
        self._ready = ready
        self._clock = clock
        self._health = health
        self._news = asyncio.Event()
        self._backoff = Backoff(random.Random(), first_s=2.0, limit_s=60.0)  # noqa: S311 - jitter
        self._restarting: asyncio.Task[Any] | None = None
        self.settled = beginning.config
        """The settings in force now."""

    async def wanted(self, desired: Desired | BadDesired) -> None:
        """A desired state came: keep it, or why it is refused; older ones are passed over. Raise `OSError`."""
        if desired.version <= self.folder.seen:
            return
        if isinstance(desired, BadDesired):
            await asyncio.to_thread(self.folder.refuse, desired.version, [refused_at("$", desired.reason)])
        elif refused := self._problems(desired):
            await asyncio.to_thread(self.folder.refuse, desired.version, refused)
            self.on_settled(desired, f"refused: {refused[0].path}: {refused[0].reason}")
        else:
            await asyncio.to_thread(self.folder.take, desired)
        self._news.set()
        self.changed()

    async def run(self) -> None:
        """Take what is to be taken until cancelled."""
        self._level.settle(self.settled.log_level)
        try:
            while True:
                self._news.clear()
                self._tell_health()
                if self.folder.taking:
                    await self._patiently(self._take(self.folder.taking.desired))
                    self._tell_health()
                    self.changed()
                else:
                    self._call_off_restart()
                await self._rest()
        finally:
            self._level.close()
            if self._restarting:
                self._restarting.cancel()
                await asyncio.wait([self._restarting])

    def _call_off_restart(self) -> None:
        if self._restarting:
            self._restarting.cancel()
            self._restarting = None

    def _problems(self, desired: Desired) -> list[Refused]:
        """What of it cannot be taken."""
        try:
            config = with_patch(self._beginning.own, desired.settings)
        except SettingRefusedError as error:
            return [refused_at(error.path, error.reason)]
        cameras = {camera.id for camera in config.cameras}
        found = [
            refused_at(f"$.plans.{camera}", f"there is no camera {camera}: there are {', '.join(sorted(cameras))}")
            for camera in desired.plans
            if camera not in cameras
        ]
        found += [
            refused_at(f"$.plans.{camera}.{place}", "what hides people is taken away on the device alone, by an admin")
            for camera, plan in desired.plans.items()
            if camera in self._plans and (place := uncovered(self._plans[camera].plan(), plan))
        ]
        if problem := problem_of(desired.models):
            found.append(refused_at(*problem))
        return found

    async def _take(self, desired: Desired) -> None:
        """One step towards it; called again until it is in force, or refused."""
        trying = self._beginning.trying == desired.version
        if trying and not self._ready():
            return
        try:
            if refused := await self._refused_in_taking(desired, trying=trying):
                await self._refuse(desired, refused)
        except (OSError, EdgeError) as error:
            self._health.set(PART, State.DEGRADED, f"version {desired.version} cannot be taken yet: {error}")
            await self._clock.sleep(_BEAT_S)

    async def _refused_in_taking(self, desired: Desired, *, trying: bool) -> Refused | None:
        """Go a step; return why there is none."""
        try:
            if not trying and not await self._take_models(desired):
                return None
            config = with_patch(self._beginning.own, desired.settings)
            if not trying and self._needs_restart(config):
                self._begin_restart(desired)
                return None
            self._call_off_restart()
            await self._take_live(desired, config)
        except SettingRefusedError as error:
            return refused_at(error.path, error.reason)
        except (OSError, EdgeError):
            raise
        except Exception as error:  # noqa: BLE001 - it comes back with each start, and must not end each
            _log.exception("desired state %d cannot be taken", desired.version)
            return refused_at("$", f"{type(error).__name__}: {error}")
        return None

    async def _take_models(self, desired: Desired) -> bool:
        """Whether all are there; otherwise it is refused, or superseded."""
        for place, model in enumerate(desired.models):
            for tried in range(1, _MOST_TRIES + 1):
                try:
                    await in_the_background(partial(self._models.take, model))
                    break
                except ModelUnreachableError as error:
                    why: EdgeError = error
                    self._health.set(PART, State.DEGRADED, f"model {model.name}: {error}")
                except ModelError as error:
                    await self._refuse(desired, refused_at(f"$.models[{place}]", f"{model.name}: {error}"))
                    return False
                if tried == _MOST_TRIES:
                    await self._refuse(desired, refused_at(f"$.models[{place}]", f"{model.name}: {why}"))
                    return False
                await self._clock.sleep(self._backoff.next())
            if self.folder.taking is None or self.folder.taking.desired.version != desired.version:
                return False
        self._backoff.reset()
        return True

    async def _take_live(self, desired: Desired, config: EdgeConfig) -> None:
        for camera, plan in desired.plans.items():
            if camera in self._plans:
                await _set_plan(self._plans[camera], plan)
        before = self.folder.in_force
        wanted = {model.name for model in desired.models}
        gone = [model.name for model in before.models if model.name not in wanted] if before else []
        if gone:
            await asyncio.to_thread(self._models.drop, gone)
        if await asyncio.to_thread(self.folder.confirm, desired.version):
            self._level.settle(config.log_level)
            self.settled = config
            self.on_settled(desired, "done")

    async def _refuse(self, desired: Desired, refused: Refused) -> None:
        await asyncio.to_thread(self.folder.refuse, desired.version, [refused])
        self.on_settled(desired, f"refused: {refused.path}: {refused.reason}")

    def _needs_restart(self, config: EdgeConfig) -> bool:
        running = self._beginning.config
        return msgspec.structs.replace(config, log_level=running.log_level) != running

    def _begin_restart(self, desired: Desired) -> None:
        if desired.version == self._beginning.uncounted:
            self._health.set(PART, State.DEGRADED, f"version {desired.version} waits: the disk takes nothing")
            return
        reasons = self._restart.busy()
        self._health.set(PART, State.OK, f"a restart waits: {'; '.join(reasons)}" if reasons else "restarting")
        if self._restarting is None:
            self._restarting = asyncio.create_task(self._restart.restart(), name="desired-restart")

    def _tell_health(self) -> None:
        if self.folder.refused:
            first = self.folder.refused[0]
            words = f"version {self.folder.seen} is refused: {first.path}: {first.reason}"
            self._health.set(PART, State.DEGRADED, words)
        elif self.folder.taking is None:
            self._health.set(PART, State.OK, f"version {self.folder.version}" if self.folder.version else "nothing")

    async def _rest(self) -> None:
        self.pulse.beat()
        await first_of(self._news.wait(), self._clock.sleep(_BEAT_S), name="desired-wait")

    async def _patiently(self, work: Coroutine[Any, Any, None]) -> None:
        """See to the pulse while something blocks in a thread, or waits for a server."""
        task = asyncio.create_task(work, name="desired-taking")
        try:
            while not task.done():
                self.pulse.beat()
                await asyncio.wait({task}, timeout=_BEAT_S)
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()


async def _set_plan(port: PlanPort, plan: Plan) -> None:
    """Whatever version is there; the one within is passed over. What somebody hid meanwhile stays hidden."""
    same = msgspec.structs.replace(plan, version=port.plan().version)
    if same == port.plan():
        return
    if place := uncovered(port.plan(), plan):
        _log.warning("a desired plan is not taken: it would show again what %s hides", place)
        return
    try:
        await port.set_plan(same)
    except PlanConflictError:  # somebody saved one at the very moment
        await _set_plan(port, plan)
