"""What an operator of the cloud may desire without showing what a picture hides, and what takes an admin."""

from typing import Any

import pytest

from cloud.store.desired import Wish
from cloud.web.problems import ProblemError
from cloud.web.wishes import check_uncovers_nothing
from contract.remote import Desired

FRONT = {"source": "v4l2", "device": "/dev/video0"}


def _check(before: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    known = None if before is None else Desired(version=1, set_at="2026-01-01T00:00:00.000Z", by="x", settings=before)
    check_uncovers_nothing(Wish(wanted, {}, []), known)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (None, {}),
        (None, {"cameras": {"front": {"fps": 5, "jpeg_quality": 60, "name": "Gate"}}, "log_level": "debug"}),
        ({"cameras": {"front": {**FRONT, "fps": 5}}}, {"cameras": {"front": {**FRONT, "fps": 9}}}),
        ({"cameras": {"front": {"fps": 5}}}, {}),
        ({}, {"cameras": {"front": None}}),
        ({"cameras": {"front": None}}, {"recording": {"enabled": False}}),
    ],
)
def test_how_a_camera_runs_is_an_operator_s(before: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    _check(before, wanted)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        (None, {"cameras": {"beside": FRONT}}),
        ({}, {"cameras": {"front": {"device": "/dev/video1"}}}),
        ({}, {"cameras": {"front": {"width": 640}}}),
        ({"cameras": {"front": FRONT}}, {}),
        ({"cameras": {"front": FRONT}}, {"cameras": {"front": None}}),
        ({}, {"cameras": None}),
    ],
)
def test_what_a_camera_looks_at_is_an_admin_s(before: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
    """A second name for the same camera would have no zones, and another camera under the name none that fit."""
    with pytest.raises(ProblemError) as caught:
        _check(before, wanted)
    assert (caught.value.status, caught.value.problem.needs) == (403, "admin")
    assert caught.value.problem.field == "$.settings.cameras"
