"""What is drawn into a picture, and that whatever is to be drawn a picture comes out (S1.14, S1.15, S1.34)."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.plan import Line, Plan, Zone, area
from edge.vision.overlay import RED, SEVERITY_COLOURS, paint
from edge.vision.state import AnomalyStatus, LiveBox, PictureCondition, VisionState, ZoneState
from edge.web.deps import Paint

GREY = 90
WHEN = "2026-11-21 09:12:34"
SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
AS_THE_WEB_ROOM_WANTS_IT: Paint = paint


def jpeg_of(width: int = 640, height: int = 480) -> bytes:
    return cv2.imencode(".jpg", np.full((height, width, 3), GREY, np.uint8))[1].tobytes()


def painted(state: VisionState | dict[str, Any] | None, plan: Plan = Plan(), **size: int) -> NDArray[np.int16]:  # noqa: B008
    jpeg = paint(jpeg_of(**size), state, plan, WHEN, quality=95)
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.int16)


def near(image: NDArray[np.int16], x: float, y: float, colour: tuple[int, int, int]) -> bool:
    """Whether something of that colour is within a few pixels of the point."""
    height, width = image.shape[:2]
    column, row = round(x * (width - 1)), round(y * (height - 1))
    part = image[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4]
    return bool((np.abs(part - np.array(colour)).sum(axis=2) < 120).any())


def untouched(image: NDArray[np.int16], x: float, y: float) -> bool:
    height, width = image.shape[:2]
    return bool(np.abs(image[round(y * height), round(x * width)] - GREY).max() < 12)


def test_boxes_where_things_are_and_nothing_elsewhere() -> None:
    """S1.15: motion boxes"""
    boxes = [LiveBox(x=0.1, y=0.2, w=0.3, h=0.4, label="motion", track=1), LiveBox(x=0.6, y=0.5, w=0.2, h=0.2)]
    image = painted(VisionState(camera="front", ai_status="MOTION", boxes=boxes))
    for x, y in ((0.1, 0.4), (0.4, 0.4), (0.25, 0.6), (0.6, 0.6), (0.8, 0.6)):
        assert near(image, x, y, (0, 255, 0))
    assert untouched(image, 0.25, 0.4)
    assert untouched(image, 0.5, 0.9)


def test_watched_zones_and_lines_are_red_and_others_are_not_drawn() -> None:
    """S1.15, S1.34: ROI boxes red"""
    plan = Plan(
        zones=(
            Zone(id="gate", points=SQUARE),
            Zone(id="sky", kind="exclude", points=((0.0, 0.05), (0.2, 0.05), (0.2, 0.2))),
        ),
        lines=(Line(id="door", a=(0.1, 0.9), b=(0.9, 0.9)),),
    )
    image = painted(None, plan)
    for x, y in ((0.25, 0.5), (0.75, 0.5), (0.5, 0.75), (0.5, 0.25)):
        assert near(image, x, y, RED)
    assert untouched(image, 0.5, 0.5)
    assert untouched(image, 0.2, 0.12)
    assert near(image, 0.7, 0.9, RED)
    assert near(image, 0.5, 0.93, RED), "forward is to the right hand of who looks from a to b: down"
    assert untouched(image, 0.5, 0.87)


@pytest.mark.parametrize(
    "points", [((0.9998, 0), (1, 0), (1, 1), (0.9998, 1)), ((0, 0.9995), (1, 0.9995), (1, 1), (0, 1))]
)
def test_a_zone_of_less_than_a_pixel_at_the_edge_breaks_no_picture(points: Any) -> None:
    state = VisionState(camera="front", zones=[ZoneState(id="edge", occupancy=1, alarm=True)])
    assert near(painted(state, Plan(zones=(Zone(id="edge", points=points),))), 0.999, 0.999, RED)


def test_a_zone_in_alarm_is_filled() -> None:
    state = {"camera": "front", "zones": [{"id": "gate", "occupancy": 2, "alarm": True}]}
    image = painted(state, Plan(zones=(Zone(id="gate", points=SQUARE),)))
    blue, _, red = image[240, 320]
    assert red > GREY + 25 > blue


@pytest.mark.parametrize("severity", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])
def test_the_banner_and_what_it_is_about_have_the_severity_s_colour(severity: Any) -> None:
    """S1.23, S1.34"""
    anomaly = AnomalyStatus(
        anomaly_type="roi_violation", confidence=0.9, severity=severity, reasoning=[], baseline_deviation=0.0
    )
    boxes = [LiveBox(x=0.4, y=0.4, w=0.2, h=0.2, label="roi_violation", track=4)]
    image = painted(VisionState(camera="front", ai_status="ALERT", boxes=boxes, anomaly_status=anomaly))
    assert near(image, 0.95, 0.01, SEVERITY_COLOURS[severity])
    assert near(image, 0.6, 0.5, SEVERITY_COLOURS[severity])


def test_a_picture_unfit_to_be_judged_is_said_and_the_time_always() -> None:
    """S1.14, S1.15: timer"""
    covered = VisionState(camera="front", condition=PictureCondition(kind="covered"))
    assert near(painted(covered), 0.95, 0.01, (190, 190, 190))
    plain = painted(VisionState(camera="front"))
    assert untouched(plain, 0.95, 0.01)
    foot = painted(None)[-20:, :150]
    assert (foot.min(axis=2) > 180).sum() > 50, "white letters"
    assert (foot.max(axis=2) < 40).sum() > 500, "on black"


def test_the_size_stays_and_quality_is_heeded() -> None:
    state = VisionState(camera="front", boxes=[LiveBox(x=0.1, y=0.1, w=0.5, h=0.5)])
    for size in ((160, 120), (1280, 720), (33, 17)):
        assert painted(state, width=size[0], height=size[1]).shape[:2] == size[::-1]
    noise = np.random.default_rng(1).integers(0, 255, (120, 160, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", noise)[1].tobytes()
    assert len(paint(jpeg, state, Plan(), WHEN, quality=30)) < len(paint(jpeg, state, Plan(), WHEN, quality=90)) / 2


@pytest.mark.parametrize("broken", [b"", b"\xff\xd8\xff\xd9", b"nothing", b"\x00" * 1000])
def test_what_is_no_picture_comes_back_as_it_is(broken: bytes) -> None:
    assert paint(broken, None, Plan(), WHEN) is broken


SHARES = st.floats(-1, 2)
BOXES = st.builds(
    LiveBox,
    x=SHARES,
    y=SHARES,
    w=SHARES,
    h=SHARES,
    label=st.text(max_size=30),
    track=st.none() | st.integers(),
    confidence=st.floats(0, 1),
)
POINTS = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(max_examples=80, deadline=None)
@given(st.lists(BOXES, max_size=5), st.text(max_size=60), POINTS, POINTS, st.sampled_from([(8, 8), (64, 48)]))
def test_whatever_there_is_to_draw_a_picture_comes_out(
    boxes: list[LiveBox], name: str, a: tuple[float, float], b: tuple[float, float], size: tuple[int, int]
) -> None:
    assume(area((*SQUARE, a, b)) > 0.01)  # whose edges cross so that nothing is left is no zone
    lines = (Line(id="door", name=name, a=a, b=b),) if a != b else ()
    plan = Plan(zones=(Zone(id="gate", name=name, points=(*SQUARE, a, b)),), lines=lines)
    state = {"camera": "front", "zones": [{"id": "gate", "occupancy": 3, "alarm": True}], "boxes": []}
    seen = VisionState(camera="front", boxes=boxes)
    for drawn in (seen, state):
        assert painted(drawn, plan, width=size[0], height=size[1]).shape[:2] == size[::-1]
