"""One camera's plan at run time: who asks for it, who changes it, who has to follow."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from anyio import to_thread

from contract.plan import Plan
from edge.core.errors import PlanConflictError, StoreError
from edge.core.health import Health, State
from edge.daemon.plans import PlanStore, PlanUnreadableError

Follower = Callable[[Plan], None]
_REMEDY: Final = "no picture leaves the camera until a plan is saved anew in the page"


class PlanDesk:
    """The plan of one camera. Belongs to the event loop. Health part `plan.<camera>`."""

    def __init__(self, camera: str, store: PlanStore, health: Health) -> None:
        """Read what is kept; when that fails `problem` says why, and the plan is empty."""
        self._camera = camera
        self._store = store
        self._health = health
        self._followers: list[Follower] = []
        self._saving = asyncio.Lock()
        self.plan = Plan()
        self.problem: str | None = None
        try:
            self.plan = store.load(camera)
        except PlanUnreadableError as error:
            self.problem = f"the plan cannot be read ({error}): {_REMEDY}"
        self._tell_health()

    def follow(self, follower: Follower) -> None:
        """Call `follower` with the plan now, unless there is a problem with it, and with each later one."""
        self._followers.append(follower)
        if self.problem is None:
            follower(self.plan)

    async def save(self, plan: Plan) -> Plan:
        """Keep `plan`, which changes the version that it names, and let everybody follow; return it as kept.

        Raise `PlanConflictError` if that is not the version here, `StoreError` if the disk does not take it.
        """
        async with self._saving:
            if plan.version != self.plan.version:
                raise PlanConflictError(
                    f"the plan of camera {self._camera} is at version {self.plan.version}, not {plan.version}"
                )
            kept = msgspec.structs.replace(plan, version=plan.version + 1)
            try:
                await to_thread.run_sync(self._store.save, self._camera, kept)
            except OSError as error:
                raise StoreError(f"the plan was not saved: {error.strerror or error}") from error
            self.plan, self.problem = kept, None
        self._tell_health()
        for follower in self._followers:
            follower(kept)
        return kept

    def _tell_health(self) -> None:
        state = State.FAILED if self.problem else State.OK
        self._health.set(f"plan.{self._camera}", state, self.problem or f"version {self.plan.version}")
