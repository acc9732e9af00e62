"""The detectors of one camera: what is installed for each task, and one look with all of them at what moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from contract.messages import Box
from edge.core.errors import ModelError
from edge.core.frame import Frame
from edge.models.store import ModelStore, SharedModel
from edge.vision.detect.classifier import ExpressionClassifier
from edge.vision.detect.crops import Bgr, Window, windows_of
from edge.vision.detect.detections import Detection
from edge.vision.detect.detector import Detector
from edge.vision.detect.pictures import read_colour
from edge.vision.detect.settings import DetectSettings
from edge.vision.findings import Thing

OBJECTS: Final = "objects"
FACES: Final = "faces"
EXPRESSIONS: Final = "expressions"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look showed: objects and faces in shares of the picture, what the largest face expresses (probabilities
    over the probes, and what they are worth), and of each task that failed, why."""

    objects: tuple[Detection, ...] = ()
    faces: tuple[Detection, ...] = ()
    expression: tuple[dict[str, float], float] | None = None
    failed: dict[str, str] = field(default_factory=dict)


def wanted_tasks(settings: DetectSettings) -> list[str]:
    """The tasks that these settings leave switched on."""
    asked = {OBJECTS: settings.objects, FACES: settings.faces, EXPRESSIONS: settings.faces and settings.expressions}
    return [task for task, wanted in asked.items() if wanted and settings.enabled]


class Eyes:
    """Loads and looks in one thread; the models themselves are shared with the other cameras."""

    def __init__(self, models: ModelStore, settings: DetectSettings) -> None:
        self._models = models
        self._settings = settings
        self._shared: dict[str, SharedModel] = {}
        self._objects: Detector | None = None
        self._faces: Detector | None = None
        self._expressions: ExpressionClassifier | None = None

    @property
    def open(self) -> bool:
        """Whether there is anything to look with."""
        return bool(self._objects or self._faces)

    def describe(self) -> str:
        """Which model does what, and on what."""
        used = sorted(self._shared.items())
        return "; ".join(f"{task}: {model.manifest.name} on {model.provider}" for task, model in used)

    def load(self, tasks: Sequence[str]) -> dict[str, str]:
        """Take up exactly these tasks; returns why, of each that failed."""
        failed: dict[str, str] = {}
        self._shared = {}
        self._objects = self._take_up(OBJECTS, tasks, Detector, failed)
        self._faces = self._take_up(FACES, tasks, Detector, failed)
        self._expressions = self._take_up(EXPRESSIONS, tasks, ExpressionClassifier, failed)
        return failed

    def look(self, frame: Frame, things: Sequence[Thing], known_faces: Sequence[Box]) -> Look:
        """Look at what moves in a frame, and at the faces that are known; a task that fails is given up until `load`.

        Raise `FrameUndecodableError` if the frame cannot be decoded.
        """
        failed: dict[str, str] = {}
        boxes = [thing.box for thing in things if not thing.still]
        objects_at = self._windows(self._objects, frame, boxes)
        faces_at = self._windows(self._faces, frame, [*boxes, *known_faces])
        bgr = read_colour(
            frame, max(self._least_width(self._objects, objects_at), self._least_width(self._faces, faces_at))
        )
        objects = self._try(OBJECTS, failed, lambda: self._find(self._objects, bgr, objects_at)) or []
        faces = self._try(FACES, failed, lambda: self._find(self._faces, bgr, faces_at)) or []
        expression = self._try(EXPRESSIONS, failed, lambda: self._express(bgr, faces))
        wanted = self._settings.classes
        named = tuple(one for one in objects if not wanted or one.box.label in wanted)
        return Look(objects=named, faces=tuple(faces), expression=expression, failed=failed)

    def _take_up(
        self, task: str, tasks: Sequence[str], make: Callable[[SharedModel], _T], failed: dict[str, str]
    ) -> _T | None:
        if task not in tasks:
            return None
        try:
            model = self._models.share(task)
            eye = make(model)
        except ModelError as error:
            failed[task] = str(error)
            return None
        self._shared[task] = model
        return eye

    def _try(self, task: str, failed: dict[str, str], work: Callable[[], _T]) -> _T | None:
        try:
            return work()
        except ModelError as error:
            failed[task] = str(error)
            self._close(task)
            return None

    def _close(self, task: str) -> None:
        if task in self._shared:
            self._models.release(self._shared.pop(task))
        self._objects = None if task == OBJECTS else self._objects
        self._faces = None if task == FACES else self._faces
        self._expressions = None if task == EXPRESSIONS else self._expressions

    def _windows(self, detector: Detector | None, frame: Frame, boxes: Sequence[Box]) -> list[Window]:
        if detector is None or not boxes:
            return []
        return windows_of(boxes, (frame.width, frame.height), detector.recipe.size, self._settings.max_crops)

    def _least_width(self, detector: Detector | None, windows: Sequence[Window]) -> int:
        """How wide a picture must be for each window to have the pixels that the model takes."""
        narrowest = min((window.right - window.left for window in windows), default=1.0)
        return round(detector.recipe.size[0] / max(narrowest, 1e-3)) if detector else 0

    def _find(self, detector: Detector | None, bgr: Bgr, windows: Sequence[Window]) -> list[Detection]:
        return detector.find(bgr, windows, self._settings.min_score) if detector else []

    def _express(self, bgr: Bgr, faces: Sequence[Detection]) -> tuple[dict[str, float], float] | None:
        if self._expressions is None or not faces:
            return None
        face = max(faces, key=lambda one: one.box.w * one.box.h)
        said = self._expressions.judge(bgr, face.box)
        return said and (said[0], said[1] * face.score)
