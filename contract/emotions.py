"""The label set `quadrant`: what a probe is called and how it is coloured everywhere (S0.35, U0.3)."""

from typing import Final, NamedTuple


class Emotion(NamedTuple):
    """Name and sRGB colour of a probe."""

    name: str
    color: str


LABEL_SET: Final = "quadrant"
EMOTIONS: Final[dict[str, Emotion]] = {
    "HH": Emotion("Happy", "#eecdac"),
    "HL": Emotion("Neutral", "#7fc087"),
    "LH": Emotion("Angry", "#f4978e"),
    "LL": Emotion("Sad", "#879af0"),
}
UNKNOWN: Final = Emotion("Unknown", "#999999")


def emotion_of(probe: str | None) -> Emotion:
    """The emotion of a probe. An abstention or an unknown probe is `Unknown`, never silently `Neutral`."""
    return EMOTIONS.get(probe or "", UNKNOWN)
