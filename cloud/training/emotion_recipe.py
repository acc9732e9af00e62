"""The numbers of the emotion model as they are committed: what `learn_emotion` writes and `graphs.emotion` reads."""

from pathlib import Path
from typing import Final

import msgspec

RECIPE: Final = Path(__file__).parent / "recipes" / "emotion.json"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was learned, and how good it is. Rows of all weights are `features`; temperatures are included."""

    features: list[str]
    channels: list[str]
    classes: list[str]
    weights: list[list[float]]
    """Log-odds of each class."""
    bias: list[float]
    scale_weights: list[list[float]]
    """Log-odds of high valence and of high arousal."""
    scale_bias: list[float]
    stress_weights: list[float]
    """Log-odds of a stressor rather than rest."""
    stress_bias: float
    confidence: list[float]
    """Log-odds of being right: of `emotion_judge.doubts`."""
    clarity: list[float]
    """How far from a border a rating is to be expected, in spreads: of `emotion_judge.clarity_columns`."""
    usual_leads: list[float]
    """By class: the middle one of its clear leads over the second where it is the likeliest."""
    prototypes: list[list[float]]
    """`[clusters][features]`"""
    clusters: list[str]
    temperature: float
    decide_above: float
    sure_above: float
    least_quality: float
    data: list[str]
    metrics: dict[str, float]


def read_recipe(path: Path = RECIPE) -> Recipe:
    """The recipe in a file, by default the committed one."""
    return msgspec.json.decode(path.read_bytes(), type=Recipe)


def encode_recipe(recipe: Recipe) -> bytes:
    """A recipe as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(recipe), indent=1) + b"\n"
