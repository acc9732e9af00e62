"""Faces in a whole picture, at once: so that privacy can make them unrecognisable in the very frame they are in."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from contract.messages import Box
from edge.core.errors import ModelError
from edge.models.store import ModelStore
from edge.vision.detect.crops import WHOLE, Bgr
from edge.vision.detect.detector import Detector
from edge.vision.detect.eyes import FACES

_MIN_SCORE: Final = 0.3
"""Less than for telling of a face: rather hide a thing that is none than show one."""
_PICTURES: Final = 5


class FaceFinder:
    """Calls as `finder(bgr) -> boxes`; has a model of its own and belongs to one thread at a time.

    Boxes are in shares of the picture, without a margin. A face that was there in one of the few pictures just before
    is still told, so that a model that misses it for a moment shows nobody.
    """

    def __init__(self, models: ModelStore) -> None:
        """Load the operator's model for the task `faces`.

        Raise `ModelError`, with what to do about it, if none is installed or it does not work.
        """
        if not models.has(FACES):
            raise ModelError(
                "no model for faces is installed; install one with "
                "`afferent edge model add FILE --task faces --kind yunet --sha256 ...`"
            )
        self._models = models
        self._detector: Detector | None = self._load()
        self._shape: tuple[int, ...] = ()
        self._before: deque[list[Box]] = deque(maxlen=_PICTURES)

    @property
    def model(self) -> str:
        """Name and provider of the model; empty after it failed."""
        model = self._detector and self._detector.model
        return f"{model.manifest.name} on {model.provider}" if model else ""

    def __call__(self, bgr: Bgr) -> Sequence[Box]:
        """The faces of a picture, uint8 [height, width, 3].

        Raise `ModelError` if the model fails: then the picture must not be shown. The next call loads it anew.
        """
        detector = self._detector = self._detector or self._load()
        if bgr.shape != self._shape:
            self._shape = bgr.shape
            self._before.clear()
        try:
            self._before.append([found.box for found in detector.find(bgr, [WHOLE], _MIN_SCORE)])
        except ModelError:
            self._detector = None
            raise
        return [box for boxes in self._before for box in boxes]

    def _load(self) -> Detector:
        return Detector(self._models.load(FACES))
