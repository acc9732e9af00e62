"""The numbers of the voices' pool as they are committed: what `learn_voices` writes and `graphs.voices` reads."""

from pathlib import Path
from typing import Final

import msgspec

RECIPE: Final = Path(__file__).parent / "recipes" / "voices.json"


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much say each voice has where the same voices are present. `stale` is 1 less the share that holds still."""

    body: tuple[float, float]
    """Weight of the body's log probabilities, and what is added to it times `stale`."""
    newest: float = 0.0
    """Weight of the log of the newest label, spread evenly over all classes as far as it is stale."""
    older: float = 0.0
    """Log-odds that each older label adds to its class, times the share that holds of it."""
    after: list[list[float]]
    """Log-odds of each class (column) after a label of each class (row), times `stale`."""
    later: list[list[float]]
    """The same once more, times the log of the minutes since the onset and 1."""
    consensus: tuple[float, float]
    """As `body`."""
    departure: tuple[float, float] = (0.0, 0.0)
    """As `body`, of what `voices_departure` says."""
    sharpness: tuple[float, float] = (1.0, 0.0)
    """Scale and power of what all log-odds of these are multiplied by: for strangers, see `voices_sharpness`."""


class Departure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people depart from other viewers; see `voices_departure`."""

    noise: float
    """Variance of a label about what is felt."""
    fuzz: float
    """Variance of a value about the border of its quadrants."""
    covariance: list[list[list[float]]]
    """Of the deviations in valence, and in arousal, between places of 5 s since the onset; none where it is not
    known."""


NOBODY: Final = Departure(noise=1.0, fuzz=1.0, covariance=[[], []])
"""Where nothing is known of how people depart from others."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that was learned, and how good it is."""

    classes: list[str]
    labels: int
    """How many labels are listened to."""
    early_s: float
    """Until about here after the onset feelings change fastest; hold is a power of the time since then."""
    rate: float
    """That power."""
    grade: float
    """A label that is a point of the square, -1 to 1 each way, is high by the logistic of this times its value."""
    labelled: Pool
    watched: Pool
    """Consensus, and no label."""
    both: Pool
    """Consensus and labels, where nothing but shares of the quadrants is known of the others."""
    departed: Pool
    """Consensus and labels, and what others felt in valence and arousal."""
    departure: Departure
    decide_above: float
    data: list[str]
    metrics: dict[str, float]


def read_recipe(path: Path = RECIPE) -> Recipe:
    """The recipe in a file, by default the committed one."""
    return msgspec.json.decode(path.read_bytes(), type=Recipe)


def encode_recipe(recipe: Recipe) -> bytes:
    """A recipe as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(recipe), indent=1) + b"\n"
