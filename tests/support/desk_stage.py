"""The session desk for a browser: the staged appliance with people, stimuli, sensors and sessions in it."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np

from contract.messages import Prediction
from contract.sessions import ChannelQuality, Response, SessionView, SignalView, StimulusClock
from edge.web.app import create_app
from tests.support.session_stage import CHECKS, FakeSensors, FakeSessions, prediction
from tests.support.stage import Stage, performing
from tests.support.web import Web

_T = TypeVar("_T")
_MINUTE_MS = 60_000


class DeskStage(Stage):
    """A stage whose appliance has a desk: `sessions` and `sensors` are the fakes behind its routes."""

    def __init__(self, folder: Path, *sensors: str) -> None:
        super().__init__(folder, ())
        videos = folder / "videos"
        videos.mkdir()
        self.sessions = FakeSessions(hub=self.hub, folder=videos)
        self.sensors = FakeSensors(*(sensors or ("wrist", "belt")), hub=self.hub)

    def clear(self) -> None:
        """Forget everybody and everything; sessions end first, so that no page takes them for running."""
        self.sessions.broken = False
        for session in self.sessions.running():
            self.end(session)
        for known in ("people", "watchable", "known", "predicted", "asks"):
            getattr(self.sessions, known).clear()
        self.sessions.list_of_checks = CHECKS
        self.sensors.commands.clear()

    def there(self, work: Callable[[], _T]) -> _T:
        """Do something in the loop of the appliance, where its fakes belong."""

        async def call() -> _T:
            return work()

        return self._wait(call())

    def begin(self, participant: str, **options: Any) -> SessionView:
        """A session of somebody who agreed."""
        if participant not in self.sessions.people:
            self.there(lambda: self.sessions.welcome(participant, sensor=options.get("sensor", "wrist")))
        return self._wait(self.sessions.start(participant, overrule=True, **options))

    def end(self, session: SessionView) -> None:
        """Stop it."""
        self._wait(self.sessions.stop(session.session_id))

    def link(self, participant: str) -> str:
        """The path and token of a link for them, as the appliance makes it."""
        made = self._wait(self.auth.link(participant, 12.0))
        return f"/participant?token={made.token}"

    def segment(self, session_id: str, probe: str | None = "HH", **changes: Any) -> Prediction:
        """A segment of a session is predicted and made durable."""
        made = self.there(lambda: self.sessions.predict(session_id, probe, **changes))
        self.record(made)
        return made

    def past(self, session_id: str, view: SessionView, segments: list[Prediction]) -> None:
        """A session that ended before."""
        self.sessions.known[session_id] = view
        self.sessions.predicted[session_id] = segments

    def signal(self, sensor: str = "wrist", **changes: Any) -> None:
        """What the signals of a sensor show now: well, unless told otherwise."""
        now = self.now_ms
        values: dict[str, Any] = {
            "hr_bpm": 71.0,
            "rmssd_ms": 42.0,
            "scl_us": 4.1,
            "phasic_us": 0.12,
            "responses": [Response(onset_ms=now - 3000, peak_ms=now - 1500, amplitude_us=0.2, rise_s=1.5)],
            "beats_ms": [now - 900, now - 100],
            "quality": {"gsr_us": ChannelQuality(state="ok", index=0.95)},
        }
        view = SignalView(sensor=sensor, t_ms=now, **(values | changes))
        self.there(lambda: self.sensors.signal(view))

    def _make(self) -> Web:
        web = super()._make()
        self.auth = web.deps.auth
        deps = dataclasses.replace(web.deps, sessions=self.sessions, sensors=self.sensors)
        return dataclasses.replace(web, deps=deps, app=create_app(deps))


@contextmanager
def at_the_desk(folder: Path, *sensors: str) -> Iterator[DeskStage]:
    """A desk that serves inside the block."""
    with performing(DeskStage(folder, *sensors)) as stage:
        yield stage


def small_video(path: Path, *, seconds: float = 2.0, fps: int = 10) -> Path:
    """A real video that any Chromium plays: VP8 in WebM, a square that moves."""
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for at in range(round(seconds * fps)):
            image = np.full((120, 160, 3), 40, np.uint8)
            image[40:80, at * 4 : at * 4 + 40] = (90, 200, 220)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def segment_at(view: SessionView, index: int, probe: str | None, **changes: Any) -> Prediction:
    """A segment of a session, wherever in time."""
    return prediction(index, session=view, probe=probe, **changes)


def past_session(stage: DeskStage, *, film_from_ms: int | None = None) -> SessionView:
    """Two minutes: 0-10 s and 60-65 s, then a partial segment of 2 s. The film began `film_from_ms` after the start."""
    start = stage.now_ms - 10 * _MINUTE_MS
    stage.there(lambda: stage.sessions.welcome("P07"))
    stage.there(lambda: stage.sessions.show("sea", number=1, duration_ms=120_000))
    view = SessionView(
        session_id="P07_1_1",
        participant="P07",
        start_ms=start,
        end_ms=start + 2 * _MINUTE_MS,
        stimulus="sea",
        video_id=1,
        sensor="wrist",
        segments=4,
        clock=None if film_from_ms is None else StimulusClock(at_ms=start + film_from_ms, stimulus_ms=0, rate=1.0),
    )
    rows = [segment_at(view, 0, "HH"), segment_at(view, 1, None), segment_at(view, 12, "LL")]
    rows.append(segment_at(view, 13, "LH", end_ms=start + 67_000, pushes={"scr_count": 0.8, "hr_bpm": -0.4}))
    stage.past(view.session_id, view, rows)
    return view
