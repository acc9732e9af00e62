"""How a camera's pictures are analysed."""

from typing import Annotated

from msgspec import Meta, Struct

from edge.vision.detect.settings import DetectSettings
from edge.vision.events.settings import EventSettings
from edge.vision.unusual.settings import UnusualSettings


class VisionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `vision` table of one camera."""

    enabled: Annotated[bool, Meta(description="Whether this camera's pictures are analysed at all.")] = True
    every_nth: Annotated[
        int,
        Meta(ge=1, le=60, description="Analyse every n-th frame at most; 2 or more spares a slow machine."),
    ] = 1
    max_fps: Annotated[
        float,
        Meta(
            ge=0.5,
            le=120,
            description="Analyse at most so many frames a second, whatever the camera delivers; below 5 quick things "
            "are missed.",
        ),
    ] = 10.0
    calm_fps: Annotated[
        float,
        Meta(
            ge=0.5,
            le=120,
            description="Analyse at most so many frames a second while nothing has been there for 1.5 s; the "
            "first that shows something brings `max_fps` back.",
        ),
    ] = 5.0
    motion_threshold: Annotated[
        float,
        Meta(
            ge=4,
            le=60,
            description="How far a pixel's brightness (0 to 255) must be from its background to count as motion, "
            "where the view is clear; in a dull one less is asked for, 5 at least. Less sees more.",
        ),
    ] = 13.0
    min_area: Annotated[
        float,
        Meta(ge=0.0002, le=0.5, description="Smallest share of the picture that counts as something moving."),
    ] = 0.002
    min_motion_s: Annotated[
        float, Meta(ge=0.1, le=10, description="Seconds that motion must last before it is an event.")
    ] = 0.5
    merge_s: Annotated[
        float,
        Meta(ge=1, le=120, description="Seconds of quiet that end an event; a shorter pause belongs to it."),
    ] = 5.0
    longest_event_s: Annotated[
        float, Meta(ge=30, le=3600, description="Seconds after which an event that goes on is closed and begun anew.")
    ] = 600.0
    update_s: Annotated[
        float, Meta(ge=1, le=600, description="Seconds between two records about an event that goes on.")
    ] = 15.0
    anomaly: Annotated[bool, Meta(description="Whether unusual movement is looked for.")] = True
    sensitivity: Annotated[
        float,
        Meta(ge=0.25, le=4, description="Divides the learned alarm threshold: 2 alarms at half the deviation."),
    ] = 1.0
    learning_frames: Annotated[
        int,
        Meta(
            ge=100,
            le=100_000,
            description="Analysed frames to learn the normal from before the first alarm; 900 are 90 s at 10 fps.",
        ),
    ] = 900
    learning_active_frames: Annotated[
        int,
        Meta(
            ge=10,
            le=100_000,
            description="How many of them must show movement; in a quiet place learning goes on until they do, "
            "or until ten times `learning_frames` have passed.",
        ),
    ] = 100
    consecutive_frames: Annotated[
        int, Meta(ge=1, le=100, description="Unusual frames in a row that make an alarm.")
    ] = 5
    cooldown_s: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds after an alarm's end in which none of its type begins.")
    ] = 5.0
    loitering_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds in one place after which something that moves is loitering; 0 for never. A plan with "
            "a loitering rule takes its place: then only the zones of such rules are watched for it.",
        ),
    ] = 60.0
    unusual: UnusualSettings = UnusualSettings()
    detect: DetectSettings = DetectSettings()
    events: EventSettings = EventSettings()
