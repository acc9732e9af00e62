"""Judges from standings alone whether a release works, and says of each thing that was looked at why it does not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from edge.core.health import State
from edge.core.standing import WRITTEN_EVERY_S, Standing, StandingError

FRAMES_NEEDED: Final = 2
"""Frames that a camera must have grown by since the daemon was first seen."""
STEADY_S: Final = 10.0
"""How long everything must hold without a break: what dies, or hangs, at its first job has come up, too."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `why` says what is wrong, or what was excused."""

    name: str
    ok: bool
    why: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate says. `ok`: all checks are."""

    ok: bool
    checks: list[Check]

    @property
    def reason(self) -> str:
        """Everything that is wrong, in one line."""
        return "; ".join(f"{check.name}: {check.why}" for check in self.checks if not check.ok)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: is it `release` (any, if empty) that works now, other than the run `not_boot`, given how it stood
    `before`? What did not work before is excused. What was `proven` by a gate of its own need not be steady again."""

    release: str = ""
    not_boot: str = ""
    before: Standing | None = None
    proven: bool = False


@dataclass(kw_only=True)
class Gate:
    """Looks at one standing after the other; all must be of one and the same run of the daemon to add up.

    Passes at one good look, or after `steady_s` of good looks by the daemon's own clock: one that hangs gets no older.
    """

    question: Question
    steady_s: float = 0.0
    _first: Standing | None = field(default=None, init=False)
    _good: list[Standing] = field(default_factory=list, init=False)
    """The first good one since the last that was not, and those of the last half of `steady_s`."""

    def look(self, latest: Standing, *, fresh: bool) -> Verdict:
        """What can be said with this one."""
        if self._first is None or self._first.boot != latest.boot:
            self._first = latest
            self._good.clear()
        checks = self._checks(self._first, latest, fresh=fresh)
        if not all(check.ok for check in checks):
            self._good.clear()
        elif self.steady_s:
            checks.append(self._check_steady(latest))
        return Verdict(ok=all(check.ok for check in checks), checks=checks)

    def _checks(self, first: Standing, latest: Standing, *, fresh: bool) -> list[Check]:
        return [
            _check_fresh(latest, fresh=fresh),
            _check_release(latest, self.question),
            Check(name="ready", ok=latest.ready, why="" if latest.ready else "the daemon has not said READY yet"),
            *_check_parts(latest, self.question.before),
            *_check_cameras(first, latest, self.question.before),
            *_check_models(latest, self.question.before),
            _check_sync(first, latest, self.question.before),
        ]

    def _check_steady(self, latest: Standing) -> Check:
        """Time alone proves nothing: what grew at first must grow still, in the half that has just gone by."""
        self._good.append(latest)
        held_s = (latest.mono_ms - self._good[0].mono_ms) / 1000
        if held_s < self.steady_s:
            return Check(name="steady", ok=False, why=f"it has worked for {held_s:.0f} of {self.steady_s:g} s")
        past = sum(one.mono_ms <= latest.mono_ms - self.steady_s * 500 for one in self._good)
        then, before = self._good[past - 1], self.question.before
        del self._good[1 : past - 1]
        still = [*_check_cameras(then, latest, before, needed=1), _check_sync(then, latest, before)]
        wrong = Verdict(ok=False, checks=still).reason
        return Check(name="steady", ok=not wrong, why=wrong)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How the gate sees: `read` gives the standing or raises `StandingError`, `fresh` says whether it is of now."""

    read: Callable[[], Standing]
    fresh: Callable[[Standing], bool]
    mono_s: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[str], None] = lambda _words: None


def wait_for(question: Question, watch: Watch, wait_s: float, steady_s: float = STEADY_S) -> Verdict:
    """Look until it passes, at most `wait_s`; return the verdict, or the last one.

    It must have worked for `steady_s` then, unless it is proven.
    """
    gate = Gate(question=question, steady_s=0.0 if question.proven else steady_s)
    end_s = watch.mono_s() + wait_s
    said = ""
    while True:
        verdict = _look(gate, watch)
        if verdict.ok or watch.mono_s() >= end_s:
            return verdict
        if verdict.reason != said:
            said = verdict.reason
            watch.tell(f"the gate waits: {said}")
        watch.sleep(WRITTEN_EVERY_S / 2)


def reasons_against_restart(watch: Watch) -> list[str]:
    """Why the appliance must not be restarted now; empty also where none runs, or it hangs."""
    try:
        standing = watch.read()
    except StandingError:
        return []
    return list(standing.busy) if watch.fresh(standing) else []


def _look(gate: Gate, watch: Watch) -> Verdict:
    try:
        standing = watch.read()
    except StandingError as error:
        return Verdict(ok=False, checks=[Check(name="standing", ok=False, why=str(error))])
    return gate.look(standing, fresh=watch.fresh(standing))


def _check_fresh(latest: Standing, *, fresh: bool) -> Check:
    why = "" if fresh else f"the last word is of {latest.t}: the daemon does not run, or hangs"
    return Check(name="fresh", ok=fresh, why=why)


def _check_release(latest: Standing, question: Question) -> Check:
    if question.release and latest.release != question.release:
        why = f"{latest.release or 'no release'} runs, not {question.release}"
        return Check(name="release", ok=False, why=why)
    if question.not_boot and latest.boot == question.not_boot:
        return Check(name="release", ok=False, why="the daemon was not restarted yet")
    return Check(name="release", ok=True)


def _check_parts(latest: Standing, before: Standing | None) -> Iterator[Check]:
    for name, part in latest.parts.items():
        if part.state not in {State.FAILED, State.STARTING}:
            continue
        known = before.parts.get(name) if before else None
        excused = part.state is State.FAILED and known is not None and known.state is State.FAILED
        why = f"{part.state.value}{': ' if part.detail else ''}{part.detail}"
        yield Check(name=f"part {name}", ok=excused, why=f"{why} (so it was before)" if excused else why)


def _check_cameras(
    first: Standing, latest: Standing, before: Standing | None, needed: int = FRAMES_NEEDED
) -> Iterator[Check]:
    for camera, frames in latest.frames.items():
        grown = frames - first.frames.get(camera, 0)
        frozen = _is_frozen(camera, latest)
        if grown >= needed and not frozen:
            yield Check(name=f"camera {camera}", ok=True)
            continue
        excused = before is not None and (_is_frozen(camera, before) if frozen else _was_blind(camera, before))
        why = "its picture is frozen" if frozen else "its frames do not grow" if frames else "no frames"
        yield Check(name=f"camera {camera}", ok=excused, why=f"{why} (so it was before)" if excused else why)


def _is_frozen(camera: str, standing: Standing) -> bool:
    """A camera that gives a frame whenever it is opened anew, and hangs, grows too. The dark of a night is no fault."""
    part = standing.parts.get(f"picture.{camera}")
    return part is not None and part.state is State.DEGRADED and part.detail.startswith("frozen")


def _was_blind(camera: str, before: Standing) -> bool:
    part = before.parts.get(f"camera.{camera}")
    return before.frames.get(camera) == 0 or (part is not None and part.state is State.FAILED)


def _check_models(latest: Standing, before: Standing | None) -> Iterator[Check]:
    for model, wrong in latest.models.items():
        excused = bool(wrong) and before is not None and bool(before.models.get(model))
        yield Check(
            name=f"model {model}", ok=not wrong or excused, why=f"{wrong} (so it was before)" if excused else wrong
        )


def _check_sync(first: Standing, latest: Standing, before: Standing | None) -> Check:
    if latest.link == "none" or (latest.link == "up" and not latest.records_waiting):
        return Check(name="sync", ok=True)
    if latest.records_acked > first.records_acked:
        return Check(name="sync", ok=True)
    if before is not None and before.link == "away":
        return Check(name="sync", ok=True, why="the broker was away before")
    waiting = f"{latest.records_waiting} records wait"
    if latest.link == "away":
        return Check(name="sync", ok=False, why=f"the broker is away; {waiting}")
    return Check(name="sync", ok=False, why=f"nothing was acknowledged; {waiting}")
