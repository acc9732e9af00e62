"""What is private is painted over in the room it comes from; in doubt nothing leaves."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contract.messages import Box
from contract.plan import Plan, Zone
from edge.capture.camera import Picture
from edge.capture.encode import encode_bgr
from edge.capture.privacy import FaceFinder, PrivacyPainter, PrivateCamera
from edge.core.errors import ModelError, SourceUnavailableError
from tests.support.still_camera import StillCamera

LEFT = Zone(id="neighbour", kind="privacy", points=((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))


def _no_faces() -> FaceFinder:
    raise ModelError("there is no model for the task 'faces'")


def _chequered(width: int = 320, height: int = 240) -> Picture:
    rng = np.random.default_rng(3)
    return encode_bgr(rng.integers(0, 255, (height, width, 3), np.uint8), 95)


def _seen(picture: Picture) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def _painted(painter: PrivacyPainter, picture: Picture) -> Picture:
    painted = painter.paint(picture)
    assert painted is not None
    return painted


def test_without_a_plan_the_very_same_picture_leaves() -> None:
    picture = _chequered()
    painter = PrivacyPainter(_no_faces)
    painter.adopt(Plan(zones=(Zone(id="gate", points=LEFT.points),)))
    assert painter.paint(picture) is picture
    assert not painter.at_work


def test_a_privacy_zone_is_black_in_picture_and_luma_and_the_rest_is_there() -> None:
    painter = PrivacyPainter(_no_faces)
    painter.adopt(Plan(zones=(LEFT,)))
    painted = _painted(painter, _chequered())
    image = _seen(painted)
    assert painted.luma is not None
    assert image[:, :156].max() < 12
    assert painted.luma[:, :156].max() == 0
    assert image[:, 170:].std() > 40
    assert (painted.width, painted.height) == (320, 240)


def test_a_face_is_some_flat_cells_and_its_surroundings_are_untouched() -> None:
    def face(_image: NDArray[np.uint8]) -> Sequence[Box]:
        return [Box(x=0.4, y=0.4, w=0.2, h=0.2)]

    painter = PrivacyPainter(lambda: face)
    painter.adopt(Plan(face_blur=True))
    picture = _chequered()
    image, before = _seen(_painted(painter, picture)), _seen(picture)
    inside = image[100:140, 135:185].astype(float)
    assert (
        np.abs(np.diff(inside, axis=1)).mean()
        < np.abs(np.diff(before[100:140, 135:185].astype(float), axis=1)).mean() / 5
    )
    assert np.abs(image[:60].astype(int) - before[:60]).mean() < 12


def test_where_faces_cannot_be_found_no_picture_leaves_and_the_reason_is_said() -> None:
    painter = PrivacyPainter(_no_faces)
    painter.adopt(Plan(face_blur=True))
    with pytest.raises(SourceUnavailableError, match="no model for the task 'faces'"):
        painter.paint(_chequered())
    with pytest.raises(SourceUnavailableError, match="no picture leaves"):
        PrivateCamera(StillCamera(), painter).open()
    painter.adopt(Plan())
    assert painter.paint(_chequered()) is not None


def test_a_picture_painted_by_another_order_is_told_from_one_of_now() -> None:
    """It was on its way through thread and queue when the plan changed."""
    painter = PrivacyPainter(_no_faces)
    before = _painted(painter, _chequered())
    assert painter.is_current(before)
    assert painter.adopt(Plan(zones=(LEFT,)))
    assert not painter.is_current(before)
    assert painter.is_current(_painted(painter, _chequered()))
    assert not painter.adopt(Plan(version=7, zones=(LEFT,), sensitivity=2.0)), "nothing else is hidden"
    painter.withhold("the plan cannot be read")
    assert painter.adopt(Plan())
    assert not painter.is_current(before), "also what left before anything was hidden"


def test_where_edges_cross_all_that_they_surround_is_black() -> None:
    """A pentagram: by the even-odd rule its middle would be seen."""
    star = ((0.5, 0.05), (0.75, 0.95), (0.05, 0.4), (0.95, 0.4), (0.25, 0.95))
    painter = PrivacyPainter(_no_faces)
    painter.adopt(Plan(zones=(Zone(id="star", kind="privacy", points=star),)))
    image = _seen(_painted(painter, _chequered()))
    assert image[120:150, 140:180].max() < 12


def test_faces_are_looked_for_by_the_thread_that_reads_and_once_a_model_is_there_pictures_come() -> None:
    """To load a model may take minutes: nobody waits for it who changes a plan."""
    found: list[FaceFinder] = []

    def make() -> FaceFinder:
        if not found:
            raise ModelError("no model for faces is installed")
        return found[0]

    painter = PrivacyPainter(make)
    painter.adopt(Plan(face_blur=True))
    with pytest.raises(SourceUnavailableError, match="no model for faces is installed"):
        painter.prepare()
    found.append(lambda _image: [])
    painter.prepare()
    assert painter.paint(_chequered()) is not None


def test_a_picture_that_cannot_be_painted_never_leaves() -> None:
    painter = PrivacyPainter(_no_faces)
    painter.adopt(Plan(zones=(LEFT,)))
    broken = Picture(b"\xff\xd8 not really \xff\xd9", 320, 240)
    assert painter.paint(broken) is None
    camera = StillCamera()
    camera.give(*[broken] * 25)
    with pytest.raises(SourceUnavailableError, match="could not be decoded"):
        PrivateCamera(camera, painter).read()


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=8),
    st.tuples(st.floats(-1, 2), st.floats(-1, 2), st.floats(0, 3), st.floats(0, 3)),
)
def test_any_polygon_and_any_box_can_be_painted(points: list[tuple[float, float]], box: tuple[float, ...]) -> None:
    painter = PrivacyPainter(lambda: lambda _image: [Box(x=box[0], y=box[1], w=box[2], h=box[3])])
    try:
        plan = Plan(face_blur=True, zones=(Zone(id="a", kind="privacy", points=tuple(points)),))
    except ValueError:
        return  # the plan itself refuses what encloses nothing
    painter.adopt(plan)
    assert _painted(painter, _chequered(64, 48)).width == 64
