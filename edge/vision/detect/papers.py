"""Writes the manifest of a detector that comes without one, and tries a detector before it is installed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Provenance
from edge.core.errors import ModelError
from edge.models.install import Opened
from edge.models.session import Model
from edge.vision.detect.classifier import ExpressionClassifier
from edge.vision.detect.coco import COCO
from edge.vision.detect.crops import WHOLE, Bgr, cut
from edge.vision.detect.detector import Detector
from edge.vision.detect.eyes import EXPRESSIONS, FACES
from edge.vision.detect.recipe import TASKS, Kind, Parameters, image_of
from edge.vision.detect.yolox import looks_decoded

_SUPPOSED: Final[Mapping[Kind, Parameters]] = {
    "yunet": {"channel_order": "bgr", "max_overlap": 0.3, "width": 640, "height": 384},
    "yolox": {"channel_order": "bgr", "pad": 114, "width": 416, "height": 416},
    "rtdetr": {
        "channel_order": "rgb",
        "scale": 1 / 255,
        "fit": "stretch",
        "max_overlap": 0.8,
        "width": 640,
        "height": 640,
    },
    "classifier": {"channel_order": "rgb", "scale": 1 / 255, "width": 64, "height": 64},
}
"""How the models of a kind, as they are published, want their picture; sides count where the graph leaves them open."""
_EVEN: Final = 1e-3
_MOST_PIXELS: Final = 2048
_WIDTH, _HEIGHT = 640, 480


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an operator says of a model that has no manifest."""

    task: str
    kind: Kind
    name: str
    source: str
    licence: str = "unknown"
    classes: Sequence[str] = ()
    parameters: Parameters = field(default_factory=dict)


def describe(asked: Asked, opened: Opened) -> Manifest:
    """The manifest of a graph; raise `ModelError` if the graph is not of the kind that was said."""
    if asked.kind not in TASKS[asked.task]:
        kinds = " or ".join(TASKS[asked.task])
        raise ModelError(f"the task {asked.task!r} is done by a model of the kind {kinds}, not {asked.kind!r}")
    manifest = Manifest(
        name=asked.name,
        version=opened.sha256[:12],
        task=asked.task,
        file=f"{asked.name}.onnx",
        sha256=opened.sha256,
        inputs=opened.inputs,
        outputs=opened.outputs,
        classes=list(asked.classes) or _supposed_classes(asked.task, opened),
        provenance=Provenance(built_by="afferent edge model add", recipe=asked.source, licence=asked.licence),
        parameters=_parameters(asked, opened),
        limits="as its publisher says; not measured here",
    )
    seen = _seen_from(Model(manifest, opened.graph), asked.kind)
    return msgspec.structs.replace(manifest, parameters={**seen, **manifest.parameters})


def prove(model: Model) -> None:
    """Let a detector look at a picture that we made; raise `ModelError` if it cannot, or answers with no numbers."""
    task = model.manifest.task
    if task not in TASKS:
        raise ModelError(f"model {model.manifest.name}: its task {task!r} is none of {', '.join(TASKS)}")
    eye = ExpressionClassifier(model) if task == EXPRESSIONS else Detector(model)
    if eye.recipe.kind not in TASKS[task]:
        raise ModelError(f"model {model.manifest.name}: a {eye.recipe.kind!r} does not do the task {task!r}")
    if isinstance(eye, ExpressionClassifier):
        eye.classes(cut(_picture(), WHOLE, eye.recipe.size, letterbox=False, pad=0).image)
        return
    for name, value in eye.outputs(cut(_picture(), WHOLE, eye.recipe.size, letterbox=True, pad=0)).items():
        if not np.isfinite(value).all():
            raise ModelError(f"model {model.manifest.name}: self-test: output {name!r} is not finite")
    eye.find(_picture(), [WHOLE], 0.05)


def read_labels(source: str) -> tuple[list[str], Parameters]:
    """Class names, one a line, or the 80 of `coco`; `happy = HH` also puts a class into a probe of emotion.

    Raise `ModelError` if the file cannot be read as text.
    """
    if source == "coco":
        return list(COCO), {}
    try:
        lines = [line.strip() for line in Path(source).read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"labels {source} cannot be read: {error}") from error
    parts = [[part.strip() for part in line.partition("=")] for line in lines]
    return [name for name, _, _ in parts], {f"probe.{name}": probe for name, _, probe in parts if probe}


def read_parameter(text: str) -> tuple[str, float | int | str | list[float]]:
    """`KEY=VALUE` of the command line: a number, several with commas between, or a word. Raise `ModelError`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ModelError(f"{text!r}: write KEY=VALUE, such as scale=0.00392 or mean=0.485,0.456,0.406")
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        return key, value
    return key, numbers if len(numbers) > 1 else numbers[0]


def name_from(source: str) -> str:
    """A model's name made of the last part of where it comes from."""
    stem = Path(source.partition("?")[0]).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:64] or "model"


def _parameters(asked: Asked, opened: Opened) -> Parameters:
    """What is supposed of the kind, then what was said, then the sizes that the self-test needs."""
    found: Parameters = {**_SUPPOSED[asked.kind], **asked.parameters, "kind": asked.kind}
    shape = image_of(asked.name, opened.inputs).shape
    for side, size in zip(("height", "width"), shape[2:], strict=True):
        if isinstance(size, int):
            found.pop(side, None)
        else:
            found[f"test_{size}"] = found[side] = _pixels(side, found[side])
    if isinstance(shape[0], str):
        found[f"test_{shape[0]}"] = 1
    return found


def _pixels(side: str, said: object) -> int:
    if not isinstance(said, int | float) or not 1 <= said <= _MOST_PIXELS:
        raise ModelError(f"--set {side}={said}: say how many pixels")
    return int(said)


def _supposed_classes(task: str, opened: Opened) -> list[str]:
    if task == FACES:
        return ["face"]
    shapes = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in opened.outputs)
    raise ModelError(
        f"which classes does it tell apart, in which order? Say --labels FILE or coco; it has {shapes:.200}"
    )


def _seen_from(model: Model, kind: Kind) -> Parameters:
    """Whether YOLOX boxes are decoded, and what turns an answer into probabilities, as the graph itself shows."""
    manifest = model.manifest
    if kind == "yolox":
        detector = Detector(model)
        answer = detector.outputs(cut(_picture(), WHOLE, detector.recipe.size, letterbox=False, pad=0))
        return {"decoded": int(looks_decoded(next(iter(answer.values())), detector.recipe.size))}
    if kind == "rtdetr":
        columns = [tensor.shape[-1] for tensor in manifest.outputs if "logit" in tensor.name.lower()]
        return {"activation": "softmax" if columns == [len(manifest.classes) + 1] else "sigmoid"}
    if kind == "classifier":
        classifier = ExpressionClassifier(model)
        answers = classifier.answer(cut(_picture(), WHOLE, classifier.recipe.size, letterbox=False, pad=0).image)
        return {"activation": "none" if _are_shares(answers) else "softmax"}
    return {}


def _are_shares(answer: NDArray[Any]) -> bool:
    return bool((answer >= 0).all() and abs(float(answer.sum()) - 1) < _EVEN)


def _picture() -> Bgr:
    """Something to look at: shades of every colour, always the same."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    return np.stack([x * 255 // _WIDTH, y * 255 // _HEIGHT, (x + y) % 256], axis=2).astype(np.uint8)
