"""What passes the gate once does not pass for long: a release must work for a while, and everything must go on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest
from msgspec.structs import replace

from contract.times import to_wire
from edge.core.health import State
from edge.core.standing import WRITTEN_EVERY_S, PartStanding, Standing
from edge.releases.gate import STEADY_S, Question, Verdict, Watch, wait_for
from tests.support.clock import FakeClock

Change = Callable[[float, Standing], Standing]
_FIRST: Final = Standing(
    boot="20261121-00000001",
    host_boot="host",
    release="2.0",
    software="0.1.0",
    ready=True,
    parts={"store": PartStanding(state=State.OK)},
    frames={"front": 10},
    models={},
    records_waiting=0,
    records_acked=5,
    link="up",
    t=to_wire(1_790_000_000_000),
    mono_ms=0,
)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A daemon that writes its standing every two seconds, ten frames a second; `change` is what goes wrong with it."""

    change: Change = lambda _s, standing: standing
    hangs_at_s: float = 1e9
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[str] = field(default_factory=list)

    def judged(self, wait_s: float = 60, *, before: Standing | None = None, proven: bool = False) -> Verdict:
        """What the gate says, and it may take `wait_s`."""
        watch = Watch(
            read=self._read,
            fresh=lambda standing: standing.fresh(self.clock.mono_ns(), "host"),
            mono_s=lambda: self.clock.mono_ns() / 1e9,
            sleep=self.clock.advance,
            tell=self.told.append,
        )
        return wait_for(Question(before=before, proven=proven), watch, wait_s)

    @property
    def took_s(self) -> float:
        """How long it took."""
        return self.clock.mono_ns() / 1e9 - _START_S

    def _read(self) -> Standing:
        lived_s = min(self.took_s, self.hangs_at_s) // WRITTEN_EVERY_S * WRITTEN_EVERY_S
        now = replace(_FIRST, frames={"front": int(10 * lived_s)}, mono_ms=round((_START_S + lived_s) * 1000))
        return self.change(lived_s, now)


_START_S: Final = FakeClock().mono_ns() / 1e9


def test_what_works_for_a_while_passes() -> None:
    box = Box()
    assert box.judged().ok
    assert STEADY_S <= box.took_s <= STEADY_S + 2 * WRITTEN_EVERY_S
    assert "the gate waits: steady: it has worked for 4 of 10 s" in box.told


def test_what_was_good_before_is_not_kept_waiting() -> None:
    """`rollback_s`: 30 or less."""
    box = Box()
    assert box.judged(proven=True).ok
    assert box.took_s <= WRITTEN_EVERY_S


def test_a_look_at_one_moment_asks_for_no_steadiness() -> None:
    assert "steady" in Box().judged(4).reason


def _fails_every_fourth_time(at_s: float, standing: Standing) -> Standing:
    down = at_s % 8 == 0
    return replace(standing, parts={"camera.front": PartStanding(state=State.FAILED)}) if down else standing


def _dies_every_eight_seconds(at_s: float, standing: Standing) -> Standing:
    return replace(standing, boot=f"20261121-0000000{int(at_s // 8)}", frames={"front": int(10 * (at_s % 8))})


def _loses_its_camera(at_s: float, standing: Standing) -> Standing:
    return replace(standing, frames={"front": int(10 * min(at_s, 5))})


def _loses_its_broker(at_s: float, standing: Standing) -> Standing:
    return standing if at_s <= 4 else replace(standing, link="away", records_waiting=int(at_s), records_acked=9)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_fails_every_fourth_time, "part camera.front: failed"),
        (_dies_every_eight_seconds, ""),
        (_loses_its_camera, "steady: camera front: its frames do not grow"),
        (_loses_its_broker, "sync: the broker is away"),
    ],
)
def test_what_works_only_now_and_then_does_not_pass(change: Change, why: str) -> None:
    box = Box(change=change)
    verdict = box.judged()
    assert not verdict.ok
    assert why in f"{box.told} {verdict.reason}"
    assert box.took_s >= 60


def test_a_daemon_that_hangs_after_its_first_good_look_does_not_pass() -> None:
    """Its last word is still fresh for ten seconds."""
    verdict = Box(hangs_at_s=6).judged()
    assert "the daemon does not run, or hangs" in verdict.reason


def test_what_begins_to_work_only_later_passes_later() -> None:
    def late(at_s: float, standing: Standing) -> Standing:
        return replace(standing, ready=at_s >= 20)

    box = Box(change=late)
    assert box.judged().ok
    assert 30 <= box.took_s <= 34


def test_a_slow_camera_is_waited_for() -> None:
    """A frame in twelve seconds is more than the half of the time in which it is looked for."""

    def slow(at_s: float, standing: Standing) -> Standing:
        return replace(standing, frames={"front": int(at_s // 12)})

    assert Box(change=slow).judged().ok


def test_a_camera_that_was_gone_before_is_excused_all_the_time() -> None:
    def blind(_at_s: float, standing: Standing) -> Standing:
        return replace(standing, frames={"front": 0}, parts={"camera.front": PartStanding(state=State.FAILED)})

    box = Box(change=blind)
    assert box.judged(before=blind(0, _FIRST)).ok
