"""What analysis sees, drawn into the picture, for clients that show a picture and nothing else (S1.14, S1.15).

The page draws over the untouched picture itself. This is for everybody else, and costs a decoding and an encoding: it
is done once a frame, and only while somebody watches.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.messages import Severity
from contract.plan import Line, Plan, Point, Zone
from edge.vision.state import LiveBox, VisionState

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

RED: Final[Colour] = (0, 0, 255)
"""Blue, green, red, as OpenCV has them. Zones and lines are red (S1.15)."""
SEVERITY_COLOURS: Final[Mapping[Severity, Colour]] = {
    "LOW": (80, 200, 0),
    "MEDIUM": (0, 215, 255),
    "HIGH": (0, 140, 255),
    "CRITICAL": (40, 40, 255),
}
"""Green, yellow, orange, red (S1.23)."""
_MOVING: Final[Colour] = (0, 255, 0)
_STILL: Final[Colour] = (190, 190, 190)
_NAMED: Final[Colour] = (255, 200, 0)
_WHITE: Final[Colour] = (255, 255, 255)
_BLACK: Final[Colour] = (0, 0, 0)
_FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_USUAL_WIDTH: Final = 640
_SHIFT: Final = 4
"""Sixteenths of a pixel: OpenCV draws with fixed-point coordinates."""
_FILL: Final = 0.25


def paint(
    jpeg: bytes, state: Mapping[str, Any] | VisionState | None, plan: Plan, when: str, *, quality: int = 80
) -> bytes:
    """The picture with boxes, zones, labels, a banner while something is unusual, and `when`, as a new JPEG.

    `state` is a `vision` message; None draws the plan and the time alone. What cannot be decoded comes back as it is.
    Safe to call from any thread.
    """
    image = _decode(jpeg)
    if image is None:
        return jpeg
    seen = state if isinstance(state, VisionState) else _read(state)
    pen = _Pen(image)
    _draw_plan(pen, plan, seen)
    for box in seen.boxes if seen else ():
        _draw_box(pen, box, seen)
    _draw_banner(pen, seen)
    _draw_foot(pen, seen, when)
    done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes() if done else jpeg


class _Pen:
    """Draws into an image by shares of its size, at a thickness and a size of text that suit it."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.height, self.width = int(image.shape[0]), int(image.shape[1])
        self.thickness = max(1, round(self.width / _USUAL_WIDTH * 1.5))
        self.scale = max(0.35, 0.5 * self.width / _USUAL_WIDTH)
        self.line_height = round(28 * self.scale) + 4

    def outline(self, points: Sequence[Point], colour: Colour, *, closed: bool, thickness: int) -> None:
        cv2.polylines(self.image, [self._fixed(points)], closed, colour, thickness, cv2.LINE_AA, _SHIFT)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        """Tint the inside, within the polygon's own rectangle only."""
        height, width = self.height, self.width
        corners = np.rint(np.asarray(points) * (width, height)).astype(np.int32)
        x, y, w, h = cv2.boundingRect(corners)
        part = self.image[y : min(y + h, height), x : min(x + w, width)]
        if not part.size:
            return  # less than a pixel at the very edge, which OpenCV does not take for an image
        tinted = part.copy()
        cv2.fillPoly(tinted, [corners - (x, y)], colour)
        part[:] = cv2.addWeighted(tinted, _FILL, part, 1 - _FILL, 0)

    def arrow(self, start: Point, end: Point, colour: Colour) -> None:
        """At least two pixels long: OpenCV divides by its length."""
        begin, tip = (self._pixel(point) for point in (start, end))
        if max(abs(begin[0] - tip[0]), abs(begin[1] - tip[1])) > 1:
            cv2.arrowedLine(self.image, begin, tip, colour, self.thickness, cv2.LINE_AA, tipLength=0.3)

    def label(self, text: str, x: float, y: float, colour: Colour, ink: Colour = _BLACK) -> None:
        """Text on `colour`, its lower left corner at the point, moved to be inside of the picture."""
        height, width = self.height, self.width
        (wide, high), base = cv2.getTextSize(text, _FONT, self.scale, 1)
        left, foot = self._pixel((x, y))
        left = max(0, min(left, width - wide - 4))
        foot = max(high + base + 2, min(foot, height))
        cv2.rectangle(self.image, (left, foot - high - base - 2), (left + wide + 4, foot), colour, cv2.FILLED)
        cv2.putText(self.image, text, (left + 2, foot - base), _FONT, self.scale, ink, 1, cv2.LINE_AA)

    def strip(self, text: str, colour: Colour) -> None:
        """A bar over the whole width, on top."""
        cv2.rectangle(self.image, (0, 0), (self.width, self.line_height), colour, cv2.FILLED)
        at = (6, round(self.line_height * 0.72))
        cv2.putText(self.image, text, at, _FONT, self.scale * 1.1, _BLACK, self.thickness, cv2.LINE_AA)

    def _fixed(self, points: Sequence[Point]) -> NDArray[np.int32]:
        sixteenths = np.asarray(points, float) * (self.width - 1, self.height - 1) * (1 << _SHIFT)
        fixed: NDArray[np.int32] = np.rint(sixteenths).astype(np.int32)
        return fixed

    def _pixel(self, point: Point) -> tuple[int, int]:
        return round(point[0] * (self.width - 1)), round(point[1] * (self.height - 1))


def _draw_plan(pen: _Pen, plan: Plan, seen: VisionState | None) -> None:
    zones = {zone.id: zone for zone in seen.zones} if seen else {}
    lines = {line.id: line for line in seen.lines} if seen else {}
    for zone in plan.zones:
        if zone.kind == "watch":
            now = zones.get(zone.id)
            _draw_zone(pen, zone, now.occupancy if now else 0, alarm=bool(now and now.alarm))
    for line in plan.lines:
        counted = lines.get(line.id)
        _draw_line(pen, line, (counted.forward, counted.backward) if counted else (0, 0))


def _draw_zone(pen: _Pen, zone: Zone, occupancy: int, *, alarm: bool) -> None:
    if alarm:
        pen.fill(zone.points, RED)
    pen.outline(zone.points, RED, closed=True, thickness=pen.thickness + alarm)
    x, y = min(zone.points, key=lambda point: (point[1], point[0]))
    name = _plain(zone.name, zone.id)
    pen.label(f"{name}: {occupancy}" if occupancy else name, x, y, RED)


def _draw_line(pen: _Pen, line: Line, counts: tuple[int, int]) -> None:
    """With an arrow from its middle to where `forward` is: the right hand of one who looks from `a` to `b`."""
    pen.outline((line.a, line.b), RED, closed=False, thickness=pen.thickness)
    width, height = pen.width, pen.height
    across, down = (line.b[0] - line.a[0]) * width, (line.b[1] - line.a[1]) * height
    reach = width / 20 / (math.hypot(across, down) or 1.0)
    x, y = (line.a[0] + line.b[0]) / 2, (line.a[1] + line.b[1]) / 2
    pen.arrow((x, y), (x - down * reach / width, y + across * reach / height), RED)
    forward, backward = counts
    pen.label(f"{_plain(line.name, line.id)} {forward}/{backward}", *line.a, RED)


def _draw_box(pen: _Pen, box: LiveBox, seen: VisionState | None) -> None:
    anomaly = seen.anomaly_status if seen else None
    colour = {"motion": _MOVING, "": _MOVING, "still": _STILL}.get(box.label, _NAMED)
    if anomaly and box.label == anomaly.anomaly_type:
        colour = SEVERITY_COLOURS[anomaly.severity]
    right, lower = box.x + box.w, box.y + box.h
    corners = ((box.x, box.y), (right, box.y), (right, lower), (box.x, lower))
    pen.outline(corners, colour, closed=True, thickness=pen.thickness)
    pen.label(_caption(box), box.x, box.y, colour)


def _caption(box: LiveBox) -> str:
    words = [_plain(box.label.replace("_", " "), "motion")]
    if box.confidence:
        words.append(f"{box.confidence:.0%}")
    if box.track is not None:
        words.append(f"#{box.track}")
    return " ".join(words)


def _draw_banner(pen: _Pen, seen: VisionState | None) -> None:
    if seen is None:
        return
    if anomaly := seen.anomaly_status:
        kind = _plain(anomaly.anomaly_type.replace("_", " "), "").upper()
        pen.strip(f"{anomaly.severity}  {kind}  {anomaly.confidence:.0%}", SEVERITY_COLOURS[anomaly.severity])
    elif seen.condition.kind not in {"ok", "starting"}:
        pen.strip(f"PICTURE {seen.condition.kind.upper()}", _STILL)


def _draw_foot(pen: _Pen, seen: VisionState | None, when: str) -> None:
    pen.label(f"{_plain(when, '')}  {seen.ai_status if seen else 'NO ANALYSIS'}", 0.0, 1.0, _BLACK, _WHITE)


def _plain(text: str, otherwise: str) -> str:
    """Without accents and what else OpenCV's font does not have; `otherwise` if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(sign for sign in plain if sign.isprintable()).strip() or otherwise


def _decode(jpeg: bytes) -> Image | None:
    if not jpeg:
        return None  # OpenCV raises for an empty buffer and returns None for every other that is no picture
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]


def _read(state: Mapping[str, Any] | None) -> VisionState | None:
    return None if state is None else msgspec.convert(state, VisionState)
