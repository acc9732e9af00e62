"""Everything that is done to one frame, in order: luma, motion, tracks, places, the unusual, findings."""

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from contract.plan import LoiteringRule, Plan, Point
from edge.core.frame import Frame
from edge.models.session import Model
from edge.vision.detect.detections import Label
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.condition import Condition, find_tampering
from edge.vision.pixels.luma import Plane, analysis_size, read_luma
from edge.vision.places.hours import after_hours_bonus
from edge.vision.places.masking import shown_mask
from edge.vision.places.staying import find_loitering
from edge.vision.places.watch import PlaceReport, Places, View, longest_wait_s
from edge.vision.settings import VisionSettings
from edge.vision.sight import Eye, Sight
from edge.vision.state import MotionThreshold
from edge.vision.things.moving import find_motion
from edge.vision.things.portrait import thing_of
from edge.vision.things.tracks import Track, centre_of
from edge.vision.unusual.learning import Learning
from edge.vision.unusual.reading import Reading
from edge.vision.unusual.watch import Unusual

_LEAST_AGE_S: Final = 60.0
_DWELL_ROOM: Final = 2.5
"""What stands still becomes background after this many times the longest wait of a rule: the rule sees it before."""
_NOBODY: Final[Mapping[int, Label]] = {}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was taken, by both clocks; `local` is the time of the place, None where it is not known."""

    mono_ns: int
    t_ms: int = 0
    local: dt.datetime | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """What one frame shows. `reading` is None where anomaly analysis is off or the picture is not fit for it."""

    things: tuple[Thing, ...]
    findings: tuple[Finding, ...]
    reading: Reading | None
    condition: Condition
    places: PlaceReport
    after_hours: bool = False
    motion_threshold: MotionThreshold = MotionThreshold()


class FrameAnalysis:
    """The analysis of one camera; belongs to one thread at a time.

    What it learns is kept in the file `kept`, of one model and one size of picture: another puts it aside and learns
    anew.
    """

    def __init__(
        self,
        motion: Model,
        anomaly: Model | None,
        settings: VisionSettings,
        rng: np.random.Generator,
        kept: Path,
        *,
        plan: Plan | None = None,
    ) -> None:
        self._models = motion, anomaly
        self._settings = settings
        self._rng = rng
        self._kept = kept
        self._places = Places(plan or Plan())
        self._loitering_by_zone = _has_loitering_rule(self.plan)
        self._eye: Eye | None = None
        self.unusual: Unusual | None = None

    @property
    def plan(self) -> Plan:
        """The plan that holds."""
        return self._places.plan

    def adopt(self, plan: Plan) -> None:
        """Let `plan` hold from the next frame on. Where something else is painted over the view is another one: it is
        looked at anew, instead of being taken for covered."""
        repainted = _painted(plan) != _painted(self.plan)
        self._places.adopt(plan)
        self._loitering_by_zone = _has_loitering_rule(plan)
        if self._eye:
            self._eye.motion.age_limit = self._age_limit()
            self._eye.motion.shown = shown_mask(plan, self._eye.size)
        if repainted:
            self._look_anew()
        if self.unusual:
            self.unusual.set_sensitivity(plan.sensitivity)

    def step(self, frame: Frame, moment: Moment | None = None, labels: Mapping[int, Label] = _NOBODY) -> Seen:
        """Analyse one frame; frames come in order. `labels` are what detectors say of tracks.

        Raise `FrameUndecodableError` if it is no JPEG, `ModelError` if a model fails.
        """
        moment = moment or Moment(frame.mono_ns)
        size = analysis_size(frame.width, frame.height)
        luma = read_luma(frame, size)
        eye = self._eye if self._eye and self._eye.size == size else self._begin(size)
        sight = eye.look(luma, frame.mono_ns, counts=self._places.mask(size), min_area=self._settings.min_area)
        things = tuple(self._thing(track, labels) for track in sight.tracks)
        places = self._places.step(
            things, _view(sight, luma), frame.mono_ns, moment.local, judged=sight.condition.judged
        )
        eye.absorb_traces(sight, luma)
        reading, unusual = self._judge(sight, luma, things, moment)
        return Seen(
            things=things,
            findings=self._findings(sight.condition, things, places, unusual),
            reading=reading,
            condition=sight.condition,
            places=places,
            after_hours=after_hours_bonus(self.plan, moment.local) > 0,
            motion_threshold=MotionThreshold(luma=eye.motion.threshold, asked=self._settings.motion_threshold),
        )

    def reset(self) -> None:
        """Forget what is going on, the background included. What was learned to be normal stays (X.10)."""
        self._places.reset()
        self._look_anew()

    def save(self) -> None:
        """Keep what was learned. Raise `OSError` if the disk will not take it."""
        if self.unusual:
            self.unusual.save()

    def _look_anew(self) -> None:
        if self._eye:
            self._eye.reset()
        if self.unusual:
            self.unusual.reset()

    def _begin(self, size: tuple[int, int]) -> Eye:
        """Eye and normal for another size of picture."""
        settings, (motion, anomaly) = self._settings, self._models
        self.reset()
        self._save_or_say()
        self._eye = Eye(motion, size, self._rng, threshold=settings.motion_threshold, age_limit=self._age_limit())
        self._eye.motion.shown = shown_mask(self.plan, size)
        if anomaly:
            self.unusual = Unusual(
                anomaly,
                size,
                learning=_learning(settings),
                consecutive=settings.consecutive_frames,
                kept=self._kept,
                settings=settings.unusual,
            )
            self.unusual.set_sensitivity(self.plan.sensitivity)
        return self._eye

    def _save_or_say(self) -> None:
        """A disk that refuses what was learned for one size of picture must not keep another size from being seen."""
        try:
            self.save()
        except OSError as error:
            _log.warning("what was learned for another size of picture cannot be kept: %s", error)

    def _age_limit(self) -> float:
        """Frames after which what stands still becomes background."""
        longest_s = max(self._settings.loitering_s, longest_wait_s(self.plan)) * _DWELL_ROOM
        return max(_LEAST_AGE_S, longest_s) * self._settings.max_fps

    def _thing(self, track: Track, labels: Mapping[int, Label]) -> Thing:
        habit = self.unusual.habitual_share(*centre_of(track.blob)) if self.unusual else 0.0
        label = labels.get(track.number)
        if label is None:
            return thing_of(track, habitual_share=habit)
        return thing_of(track, habitual_share=habit, label=label.label, label_confidence=label.confidence)

    def _judge(
        self, sight: Sight, luma: Plane, things: tuple[Thing, ...], moment: Moment
    ) -> tuple[Reading | None, Finding | None]:
        if self.unusual is None:
            return None, None
        if not sight.condition.judged or sight.condition.relearn:
            self.unusual.cut()
            return None, None
        return self.unusual.step(
            luma,
            sight.moving,
            usable=sight.usable,
            at_ns=moment.mono_ns,
            t_ms=moment.t_ms,
            hour=moment.local.hour if moment.local else None,
            things=things,
            score_bonus=after_hours_bonus(self.plan, moment.local),
        )

    def _findings(
        self, condition: Condition, things: tuple[Thing, ...], places: PlaceReport, unusual: Finding | None
    ) -> tuple[Finding, ...]:
        """All that goes on, each with the model that it rests on."""
        motion, anomaly = self._models
        found = [find_tampering(condition), find_motion(things, self._settings.min_motion_s), *places.findings]
        if not self._loitering_by_zone:
            found.append(find_loitering(things, self._settings.loitering_s))
        return (*_signed(found, motion), *(_signed([unusual], anomaly) if anomaly else ()))


def _view(sight: Sight, luma: Plane) -> View | None:
    return None if sight.background is None else View(luma=luma, background=sight.background, mask=sight.mask)


def _learning(settings: VisionSettings) -> Learning:
    return Learning(
        frames=settings.learning_frames,
        active_frames=settings.learning_active_frames,
        sensitivity=settings.sensitivity,
    )


def _painted(plan: Plan) -> list[tuple[Point, ...]]:
    """What is painted over by `plan`."""
    return [zone.points for zone in plan.zones if zone.kind == "privacy"]


def _has_loitering_rule(plan: Plan) -> bool:
    return any(isinstance(rule, LoiteringRule) for zone in plan.zones for rule in zone.rules)


def _signed(findings: Sequence[Finding | None], model: Model) -> list[Finding]:
    name, version = model.manifest.name, model.manifest.version
    return [finding.signed(name, version) for finding in findings if finding]
