"""Asks a classifier what a face expresses, and puts its words into the four probes of emotion that all speak here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest
from contract.messages import Box
from edge.core.errors import ModelError
from edge.vision.detect.crops import Bgr, Window, cut
from edge.vision.detect.detector import Runs
from edge.vision.detect.nms import Floats, as_rows
from edge.vision.detect.pictures import as_input
from edge.vision.detect.recipe import read_recipe

PROBES: Final = ("HH", "HL", "LH", "LL")
LEAST_FACE_PX: Final = 24
"""A face of fewer pixels across expresses nothing that could be read."""
_ROOM: Final = 0.15
_KNOWN: Final[Mapping[str, tuple[float, ...]]] = {
    "amazement": (0.5, 0.0, 0.5, 0.0),
    "anger": (0.0, 0.0, 1.0, 0.0),
    "angry": (0.0, 0.0, 1.0, 0.0),
    "contempt": (0.0, 0.0, 0.5, 0.5),
    "disgust": (0.0, 0.0, 1.0, 0.0),
    "fear": (0.0, 0.0, 1.0, 0.0),
    "fearful": (0.0, 0.0, 1.0, 0.0),
    "happiness": (1.0, 0.0, 0.0, 0.0),
    "happy": (1.0, 0.0, 0.0, 0.0),
    "calm": (0.0, 1.0, 0.0, 0.0),
    "sad": (0.0, 0.0, 0.0, 1.0),
    "sadness": (0.0, 0.0, 0.0, 1.0),
    "surprise": (0.5, 0.0, 0.5, 0.0),
    "surprised": (0.5, 0.0, 0.5, 0.0),
}
"""Where the usual names lie on the circumplex of valence and arousal (Russell, J. Pers. Soc. Psychol. 39, 1980)."""


class ExpressionClassifier:
    """A model of the kind `classifier`. As thread-safe as its model.

    `parameters["probe.<class>"]` of its manifest puts a class into a probe (`HH`) or shares it among the four (a list);
    the usual names are known, and any other class, `neutral` too, says nothing.
    """

    def __init__(self, model: Runs) -> None:
        """Raise `ModelError` if manifest or tensors are not those of a classifier."""
        self.model: Final = model
        self.recipe: Final = read_recipe(model.manifest)
        self._output = _output_of(model.manifest)
        self._probes = probes_of(model.manifest)

    def judge(self, bgr: Bgr, face: Box) -> tuple[dict[str, float], float] | None:
        """Probabilities over the probes and the best class's own, for a face in a picture; None if it is too small.

        Raise `ModelError` if the graph fails.
        """
        height, width = bgr.shape[:2]
        if face.w * width < LEAST_FACE_PX or face.h * height < LEAST_FACE_PX:
            return None
        recipe = self.recipe
        part = cut(bgr, around(face, width / height), recipe.size, letterbox=False, pad=0)
        shares = self.classes(part.image)
        pooled = shares @ self._probes
        return dict(zip(PROBES, (pooled / pooled.sum()).tolist(), strict=True)), float(shares.max())

    def classes(self, image: Bgr) -> Floats:
        """The probability of each class for a picture of the size that the model takes; raise `ModelError`."""
        return distribution(self.answer(image), len(self._probes), plain=self.recipe.activation == "none")

    def answer(self, image: Bgr) -> NDArray[Any]:
        """What the graph itself says of such a picture; raise `ModelError` if it fails."""
        return self.model.run({self.recipe.image.name: as_input(image, self.recipe)})[self._output]


def distribution(answer: NDArray[Any], count: int, *, plain: bool) -> Floats:
    """`count` logits, or shares if `plain`, as probabilities that sum to 1; even ones where they make no sense."""
    values = np.zeros(count)
    given = np.nan_to_num(as_rows(answer, 1)[:count, 0].astype(float), posinf=0.0, neginf=0.0)
    values[: len(given)] = given
    powers = np.clip(values, 0.0, None) if plain else np.exp(np.clip(values - values.max(), -60.0, 0.0))
    total = powers.sum()
    shares = powers / total if 0 < total < np.inf else np.full(count, 1 / count)
    return np.asarray(shares, np.float32)


def probes_of(manifest: Manifest) -> Floats:
    """How each class is shared among the probes, [classes, 4]; raise `ModelError` that names what is no probe."""
    return np.array([_shares(manifest, name) for name in manifest.classes], np.float32).reshape(-1, len(PROBES))


def around(face: Box, shape: float) -> Window:
    """A square, in pixels of a picture so much wider than high, around a face with some room."""
    side = max(face.w * shape, face.h) * (1 + 2 * _ROOM)
    middle = face.x + face.w / 2, face.y + face.h / 2
    across, down = side / shape / 2, side / 2
    return Window(
        max(middle[0] - across, 0.0),
        max(middle[1] - down, 0.0),
        min(middle[0] + across, 1.0),
        min(middle[1] + down, 1.0),
    )


def _shares(manifest: Manifest, name: str) -> Sequence[float]:
    even = [1 / len(PROBES)] * len(PROBES)
    said = manifest.parameters.get(f"probe.{name}", list(_KNOWN.get(name.lower(), even)))
    if said in PROBES:
        return [float(probe == said) for probe in PROBES]
    if isinstance(said, list) and len(said) == len(PROBES) and min(said) >= 0 and 0 < sum(said) < float("inf"):
        return [share / sum(said) for share in said]
    raise ModelError(f"model {manifest.name}: $.parameters.probe.{name}: {said!r} is none of {', '.join(PROBES)}")


def _output_of(manifest: Manifest) -> str:
    count = len(manifest.classes)
    if not count:
        raise ModelError(f"model {manifest.name}: a classifier needs its classes named, in their order")
    for tensor in manifest.outputs:
        last = tensor.shape[-1] if tensor.shape else 0
        if last == count or isinstance(last, str):
            return tensor.name
    have = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in manifest.outputs) or "none"
    raise ModelError(f"model {manifest.name}: no output has one number for each of {count} classes; it has {have:.400}")
