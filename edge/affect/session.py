"""Who watches what, and since when: the viewings of S0, in memory, shared by the services of all sensors.

A viewing is what S0 calls a session (X.1 keeps the four meanings apart). Nothing here is durable: the desk of sessions
keeps them, and what was predicted carries the ids.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from edge.core.clock import Stamp

_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Viewing:
    """One viewing of one video by one user; `stopped` is None as long as it lasts.

    `sensor` is the one that the user wears for it; None leaves that to the settings.
    """

    session_id: str
    user_id: str
    video_id: int | None
    started: Stamp
    stopped: Stamp | None = None
    sensor: str | None = None


def default_session_id(user_id: str, video_id: int | None, timestamp_ms: int) -> str:
    """`{user_id}_{video_id}_{timestamp_ms}` (S0.29). Opaque to everyone who reads it (X.4)."""
    return f"{user_id}_{0 if video_id is None else video_id}_{timestamp_ms}"


class Viewings:
    """The viewings of this device. Belongs to the event loop.

    One per user at a time, any number of users on the same video (X.5). `participants` maps sensor ids to user ids.
    """

    def __init__(self, participants: Mapping[str, str]) -> None:
        self._participants = dict(participants)
        self._viewings: list[Viewing] = []
        self._listeners: list[Callable[[], None]] = []
        self.may_name: Callable[[str], bool] = lambda user_id: True
        """Whether anything of a participant may be kept, under their name or none."""

    def start(
        self, user_id: str, video_id: int | None, now: Stamp, *, session_id: str = "", sensor: str | None = None
    ) -> Viewing:
        """Begin a viewing; one that the same user still has running stops at this moment.

        The default `session_id` is that of S0.29. Starting a session id that is running returns it as it is. Of two
        viewings on one sensor the newer takes it, until it stops.
        """
        running = self._running_of(user_id)
        if running and running.session_id == session_id:
            return running
        if running:
            self._replace(running, replace(running, stopped=now))
        wanted = session_id or default_session_id(user_id, video_id, now.wall_ms)
        viewing = Viewing(wanted, user_id, video_id, now, sensor=sensor)
        self._viewings.append(viewing)
        self._forget_oldest()
        self._tell()
        return viewing

    def stop(self, session_id: str, now: Stamp) -> Viewing | None:
        """End a running viewing and return it; None if there is none of that id."""
        for viewing in self.running():
            if viewing.session_id == session_id:
                ended = replace(viewing, stopped=now)
                self._replace(viewing, ended)
                self._tell()
                return ended
        return None

    def running(self) -> list[Viewing]:
        """The viewings that have not stopped, oldest first."""
        return [viewing for viewing in self._viewings if viewing.stopped is None]

    def find(self, session_id: str) -> Viewing | None:
        """The newest viewing of that id, running or among the last 64 that stopped."""
        return next((viewing for viewing in reversed(self._viewings) if viewing.session_id == session_id), None)

    def wearer(self, sensor_id: str) -> str | None:
        """Who wears a sensor outside of viewings, as the settings say."""
        return self._participants.get(sensor_id)

    def sensor_of(self, user_id: str) -> str | None:
        """The sensor that the settings give to a user."""
        return next((sensor for sensor, user in self._participants.items() if user == user_id), None)

    def at(self, sensor_id: str, mono_ns: int) -> Viewing | None:
        """The viewing whose body signals a sensor delivered at a moment, also one that has stopped since."""
        return next(
            (one for one in reversed(self._viewings) if self._takes(one, sensor_id) and _spans(one, mono_ns)), None
        )

    def changes(self, sensor_id: str, first_ns: int, last_ns: int | None) -> list[Stamp]:
        """The moments, in order, at which a viewing on this sensor started or stopped; both ends are included."""
        mine = [one for one in self._viewings if self._takes(one, sensor_id)]
        moments = {stamp for one in mine for stamp in (one.started, one.stopped) if stamp}
        inside = [one for one in moments if first_ns <= one.mono_ns and (last_ns is None or one.mono_ns <= last_ns)]
        return sorted(inside, key=lambda stamp: stamp.mono_ns)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each start and stop; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _takes(self, viewing: Viewing, sensor_id: str) -> bool:
        if viewing.sensor is not None:
            return viewing.sensor == sensor_id
        wearer = self._participants.get(sensor_id)
        if wearer is not None:
            return viewing.user_id == wearer
        return viewing.user_id not in self._participants.values()

    def _running_of(self, user_id: str) -> Viewing | None:
        return next((one for one in self.running() if one.user_id == user_id), None)

    def _replace(self, old: Viewing, new: Viewing) -> None:
        self._viewings[self._viewings.index(old)] = new

    def _forget_oldest(self) -> None:
        """Those that run stay, however many came after them."""
        stopped = [viewing for viewing in self._viewings if viewing.stopped is not None]
        for viewing in stopped[:-_KEPT]:
            self._viewings.remove(viewing)

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


def _spans(viewing: Viewing, mono_ns: int) -> bool:
    ended = viewing.stopped is not None and viewing.stopped.mono_ns <= mono_ns
    return viewing.started.mono_ns <= mono_ns and not ended
