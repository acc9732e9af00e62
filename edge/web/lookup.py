"""Which camera a request means: by id, by S1's integer position, or the first."""

from collections.abc import Mapping
from http import HTTPStatus

from edge.web.deps import CameraPort
from edge.web.problem import ProblemError


def camera_in(cameras: Mapping[str, CameraPort], wanted: str | None) -> CameraPort:
    """The camera of that id, else at that position from 0 (S1.11), or the first where none is named; 404 otherwise."""
    if not cameras:
        raise ProblemError(HTTPStatus.NOT_FOUND, "No camera is configured", remedy="add a [[cameras]] section")
    if wanted is None or wanted == "":
        return next(iter(cameras.values()))
    if wanted in cameras:
        return cameras[wanted]
    position = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4 else len(cameras)  # noqa: PLR2004
    if position >= len(cameras):
        known = ", ".join(cameras)
        raise ProblemError(
            HTTPStatus.NOT_FOUND, f"There is no camera {wanted!r:.60}", field="camera", remedy=f"cameras are: {known}"
        )
    return list(cameras.values())[position]
