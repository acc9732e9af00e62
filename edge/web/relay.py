"""One camera's pictures for any number of viewers: each part is built once a frame and its bytes are shared by all.

A viewer that cannot keep up skips to the newest picture. A camera that is lost does not lose its viewers: they are
shown a picture that says so, once a second, until frames come again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edge.core.clock import Clock, Stamp, wall_ms_of
from edge.core.frame import Frame
from edge.core.slot import Slot

BOUNDARY: Final = b"--frame\r\n"
NO_LIVE_VIDEO: Final = (Path(__file__).parent / "assets" / "no_live_video.jpg").read_bytes()
_NOTICE_EVERY_S: Final = 1.0
Dress = Callable[[Frame], Awaitable[bytes]]
"""What is done to a frame before it is shown; returns a JPEG."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG as the camera gave it, and the same as a part of a `multipart/x-mixed-replace` body.

    The part ends with the next part's boundary, so that a browser shows it at once and not a frame later.
    """

    jpeg: bytes
    part: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Watcher:
    """One open live picture: the address and the program it goes to, and who signed in there, if anybody."""

    address: str
    user: str | None
    program: str = ""
    """The User-Agent, which tells two clients of one address apart."""

    def is_same_client(self, other: "Watcher") -> bool:
        """Whether both look like the same client."""
        return (self.address, self.user, self.program) == (other.address, other.user, other.program)


class TooManyViewersError(Exception):
    """As many live pictures as allowed are being sent already."""


def picture_of(frame: Frame, now: Stamp, jpeg: bytes | None = None) -> Picture:
    """A frame, or what was made of it, as a picture; `X-Timestamp` is the wall time of its capture in seconds."""
    header = b"X-Timestamp: %.3f\r\n" % (wall_ms_of(frame.mono_ns, now) / 1000)
    return _picture(frame.jpeg if jpeg is None else jpeg, header)


def _picture(jpeg: bytes, header: bytes) -> Picture:
    head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n%b\r\n" % (len(jpeg), header)
    return Picture(jpeg, b"".join((head, jpeg, b"\r\n", BOUNDARY)))


class Relay:
    """Hands one camera's frames to its watchers. Works only while somebody watches. Belongs to the event loop.

    With `dress`, what that makes of each frame is handed on; frames that come meanwhile are passed over but the newest.
    """

    def __init__(
        self, source: Slot[Frame], *, clock: Clock, lost_after_s: float, notice: bytes, dress: Dress | None = None
    ) -> None:
        self._source = source
        self._dress = dress
        self._clock = clock
        self._lost_after_ns = int(lost_after_s * 1e9)
        self._notice = _picture(notice, b"X-No-Signal: 1\r\n")
        self._out: Slot[Picture] = Slot()
        self._watchers: set[Watcher] = set()
        self._work: asyncio.Task[None] | None = None
        self._last_ns = -self._lost_after_ns
        self.forwarded = 0

    @property
    def watchers(self) -> frozenset[Watcher]:
        """Everybody who watches now."""
        return frozenset(self._watchers)

    @contextmanager
    def watching(self, who: Watcher) -> Iterator[Slot[Picture]]:
        """Count `who` among the watchers inside; what is yielded gives the pictures and closes when they are to end."""
        self._watchers.add(who)
        if self._work is None:
            self._work = asyncio.create_task(self._run(), name="relay")
        try:
            yield self._out
        finally:
            self._watchers.discard(who)
            if not self._watchers:
                self._rest()

    def finish(self) -> None:
        """End the live pictures of everybody who watches now; whoever comes later is served again."""
        ended, self._out = self._out, Slot()
        ended.close()

    def _rest(self) -> None:
        if self._work:
            self._work.cancel()
        self._work = None
        self._out = Slot()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward())
                group.create_task(self._notify())
        finally:
            if self._work is asyncio.current_task():
                self._out.close()

    async def _forward(self) -> None:
        async for frame in self._source.items():
            now = self._clock.now()
            if now.mono_ns - frame.mono_ns < self._lost_after_ns:
                self._last_ns = now.mono_ns
                self.forwarded += 1
                await self._hand_on(frame, now)
        self._out.close()

    async def _hand_on(self, frame: Frame, now: Stamp) -> None:
        out, clears = self._out, self._source.clears  # `out` is closed if the picture ends while a frame is dressed
        dressed = await self._dress(frame) if self._dress else None
        if clears == self._source.clears:  # else it may show what has become private meanwhile
            out.put(picture_of(frame, now, dressed))

    async def _notify(self) -> None:
        await asyncio.sleep(0)
        while True:
            if self._clock.mono_ns() - self._last_ns >= self._lost_after_ns:
                self._out.put(self._notice)
            await self._clock.sleep(_NOTICE_EVERY_S)


class Relays:
    """The relays of all cameras, with one bound on how many live pictures are sent at once."""

    def __init__(
        self,
        sources: Mapping[str, Slot[Frame]],
        *,
        clock: Clock,
        lost_after_s: float = 2.0,
        max_viewers: int = 64,
        notice: bytes = NO_LIVE_VIDEO,
    ) -> None:
        self._sources = sources
        self._new = partial(Relay, clock=clock, lost_after_s=lost_after_s, notice=notice)
        self._relays = {camera: self._new(slot) for camera, slot in sources.items()}
        self._overlaid: dict[str, Relay] = {}
        self._max_viewers = max_viewers

    def add_overlays(self, dress: Mapping[str, Dress]) -> None:
        """Offer a second picture of these cameras too, each frame as its `dress` makes it."""
        self._overlaid = {camera: self._new(self._sources[camera], dress=made) for camera, made in dress.items()}

    def of(self, camera: str, *, overlay: bool = False) -> Relay:
        """The relay of a camera's own picture, or of that with an overlay; `KeyError` if there is none."""
        return (self._overlaid if overlay else self._relays)[camera]

    def watchers(self, camera: str) -> list[Watcher]:
        """Everybody who watches a camera in either way."""
        return [watcher for relay in self._both(camera) for watcher in relay.watchers]

    def viewers(self, camera: str) -> int:
        """How many watch a camera."""
        return len(self.watchers(camera))

    def finish(self, camera: str) -> None:
        """End the live pictures of everybody who watches a camera now."""
        for relay in self._both(camera):
            relay.finish()

    @contextmanager
    def watching(self, camera: str, who: Watcher, *, overlay: bool = False) -> Iterator[Slot[Picture]]:
        """Like `Relay.watching`; raise `TooManyViewersError` if one more would be too many."""
        if sum(self.viewers(camera) for camera in self._relays) >= self._max_viewers:
            raise TooManyViewersError(f"{self._max_viewers} live pictures are being sent already")
        with self.of(camera, overlay=overlay).watching(who) as pictures:
            yield pictures

    def _both(self, camera: str) -> list[Relay]:
        overlaid = self._overlaid.get(camera)
        return [self._relays[camera], *([overlaid] if overlaid else [])]
