"""What is shown of a frame, and for how long."""

from typing import Final

import msgspec

from contract.messages import Box
from edge.core.clock import Stamp
from edge.core.hub import Hub
from edge.vision.analysis import Seen
from edge.vision.findings import Finding, Thing
from edge.vision.live import LiveState, Shown
from edge.vision.pixels.condition import Condition
from edge.vision.places.watch import PlaceReport
from edge.vision.state import Flood, MotionThreshold, Pace, PictureCondition, ZoneState

WALKER: Final = Thing(
    box=Box(x=0.1, y=0.1, w=0.2, h=0.3, label="motion", track=7),
    still=False,
    since_ns=0,
    moving_s=3.0,
    dwell_s=0.0,
    habitual_share=0.0,
)
TRESPASS: Final = Finding(
    type="roi_violation",
    since_ns=0,
    severity="HIGH",
    confidence=1.0,
    reasoning=("Gate: 1 inside",),
    boxes=(WALKER.box,),
    zone="gate",
)
NOW: Final = Stamp(10**9, 1_000, True)
SHOWN: Final = Shown(seq=1, now=NOW, condition=PictureCondition(), pace=Pace(), flood=Flood(), analysis_ms=1.0)


def seen(*findings: Finding) -> Seen:
    places = PlaceReport(findings, (ZoneState(id="gate", occupancy=1, alarm=True),), (), plan_version=4)
    return Seen(
        things=(WALKER,), findings=findings, reading=None, condition=Condition(kind="ok", since_ns=0), places=places
    )


def test_a_box_has_the_alert_s_label_while_that_goes_on_and_no_longer() -> None:
    """S1.15, U1.4: the banner is held for three seconds, the box is not."""
    live = LiveState("front", Hub())
    live.show(seen(TRESPASS), TRESPASS, SHOWN)
    assert [box.label for box in live.state.boxes] == ["roi_violation"]
    live.show(seen(), TRESPASS, SHOWN)
    assert [box.label for box in live.state.boxes] == ["motion"]
    assert live.state.anomaly_status is not None
    assert live.state.ai_status == "ALERT"


def test_which_plan_holds_is_told() -> None:
    live = LiveState("front", Hub())
    assert live.state.plan_version == 0
    live.show(seen(), None, SHOWN)
    assert live.state.plan_version == 4


def test_what_counts_as_motion_is_told() -> None:
    live = LiveState("front", Hub())
    live.show(msgspec.structs.replace(seen(), motion_threshold=MotionThreshold(luma=6.54, asked=13)), None, SHOWN)
    assert live.state.motion_threshold == MotionThreshold(luma=6.5, asked=13)


def test_without_frames_nobody_is_in_a_zone() -> None:
    live = LiveState("front", Hub())
    live.show(seen(TRESPASS), TRESPASS, SHOWN)
    live.idle(None, NOW, Pace())
    assert live.state.zones == [ZoneState(id="gate")]
    assert live.state.boxes == []
