"""A detector at work: parts of a picture in, what it found out in shares of the whole picture."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.manifest import Manifest, Tensor
from contract.messages import Box
from edge.core.errors import ModelError
from edge.vision.detect.crops import Bgr, Cut, Window, cut
from edge.vision.detect.detections import Detection
from edge.vision.detect.grids import cells
from edge.vision.detect.nms import Candidates, Floats, suppress, survivors
from edge.vision.detect.pictures import as_input
from edge.vision.detect.recipe import Recipe, read_recipe
from edge.vision.detect.rtdetr import decode_logits, decode_scores
from edge.vision.detect.yolox import HEAD, decode_yolox
from edge.vision.detect.yunet import decode_yunet, output_names

_RANK: Final = 3
MOST: Final = 100
"""A look tells of so many things at most."""
Outputs = Mapping[str, NDArray[Any]]
Decoder = Callable[[Outputs, float], Candidates]


class Runs(Protocol):
    """A model that can be run: `edge.models.session.Model`, or one that is shared."""

    @property
    def manifest(self) -> Manifest:
        """Its paper."""
        ...

    @property
    def provider(self) -> str:
        """What runs it."""
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run once; raise `ModelError` if the graph fails."""
        ...


class Detector:
    """A model of the kind `yunet`, `yolox` or `rtdetr`. As thread-safe as its model."""

    def __init__(self, model: Runs) -> None:
        """Raise `ModelError` if manifest or tensors are not those of its kind."""
        self.model: Final = model
        self.recipe: Final = read_recipe(model.manifest)
        self._decode = decoder_of(model.manifest, self.recipe)
        self._extra = _sizes(model.manifest, self.recipe)

    def find(self, bgr: Bgr, windows: Sequence[Window], min_score: float) -> list[Detection]:
        """What is in these parts of a picture, uint8 [height, width, 3], the surest first.

        Raise `ModelError` if the graph fails.
        """
        found = [self._look(bgr, window, min_score) for window in windows]
        return _once([one for part in found for one in part], self.recipe.max_overlap)

    def outputs(self, cut_out: Cut) -> dict[str, NDArray[Any]]:
        """What the graph itself says of a cut; raise `ModelError` if it fails."""
        return self.model.run({self.recipe.image.name: as_input(cut_out.image, self.recipe), **self._extra})

    def _look(self, bgr: Bgr, window: Window, min_score: float) -> list[Detection]:
        recipe, classes = self.recipe, self.model.manifest.classes
        part = cut(bgr, window, recipe.size, letterbox=recipe.letterbox, pad=recipe.pad)
        found = suppress(self._decode(self.outputs(part), min_score), recipe.max_overlap)
        named = [classes[index] if index < len(classes) else f"class{index}" for index in found.classes.tolist()]
        rows = zip(found.boxes.tolist(), found.scores.tolist(), named, strict=True)
        placed = [Detection(part.place(box, label), score) for box, score, label in rows]
        return [one for one in placed if one.box.w > 0 and one.box.h > 0]


def decoder_of(manifest: Manifest, recipe: Recipe) -> Decoder:
    """What reads the outputs of this graph; raise `ModelError` if they are not those of its kind."""
    makers = {"yunet": _yunet, "yolox": _yolox, "rtdetr": _rtdetr}
    if recipe.kind not in makers:
        raise ModelError(f"model {manifest.name}: the kind {recipe.kind!r} finds nothing in a picture")
    return makers[recipe.kind](manifest, recipe)


def output_like(manifest: Manifest, word: str, columns: int | None = None) -> str:
    """The name of the output whose name has `word` in it; raise `ModelError` if there is none with so many columns."""
    for tensor in manifest.outputs:
        if word in tensor.name.lower() and (columns is None or _columns(tensor) in {columns, None}):
            return tensor.name
    raise _unsuited(manifest, f"an output named like {word!r}" + (f" with {columns} columns" if columns else ""))


def _yunet(manifest: Manifest, recipe: Recipe) -> Decoder:
    names = {tensor.name for tensor in manifest.outputs}
    for name in output_names(recipe.strides):
        if name not in names:
            raise _unsuited(manifest, f"the output {name!r}")
    return lambda outputs, least: decode_yunet(outputs, recipe.size, recipe.strides, least)


def _yolox(manifest: Manifest, recipe: Recipe) -> Decoder:
    shapes = [len(tensor.shape) for tensor in manifest.outputs]
    columns = _columns(manifest.outputs[0]) if shapes == [_RANK] else 0
    if columns is not None and columns <= HEAD:
        raise _unsuited(manifest, "one output [1, n, 5 + classes]")
    _check_classes(manifest, None if columns is None else columns - HEAD)
    name = manifest.outputs[0].name
    _check_cells(manifest, recipe)
    decode = partial(decode_yolox, size=recipe.size, strides=recipe.strides, decoded=recipe.decoded)
    return lambda outputs, least: decode(outputs[name], min_score=least)


def _check_cells(manifest: Manifest, recipe: Recipe) -> None:
    rows = manifest.outputs[0].shape[-2]
    count = len(cells(recipe.size, recipe.strides))
    if isinstance(rows, int) and rows != count:
        raise _unsuited(manifest, f"one row for each of {count} cells of the strides {list(recipe.strides)}")


def _rtdetr(manifest: Manifest, recipe: Recipe) -> Decoder:
    boxes = output_like(manifest, "box", 4)
    if any("logit" in tensor.name.lower() for tensor in manifest.outputs):
        return _from_logits(manifest, recipe, boxes)
    scores, labels = output_like(manifest, "score"), output_like(manifest, "label")
    unit = recipe.size if recipe.boxes == "pixels" else (1.0, 1.0)
    return lambda outputs, least: decode_scores(outputs[scores], outputs[labels], outputs[boxes], unit, least)


def _from_logits(manifest: Manifest, recipe: Recipe, boxes: str) -> Decoder:
    logits = output_like(manifest, "logit")
    columns = next(_columns(tensor) for tensor in manifest.outputs if tensor.name == logits)
    softmax = recipe.activation == "softmax"
    _check_classes(manifest, columns - softmax if columns else None)
    activation: Any = "softmax" if softmax else "sigmoid"
    return lambda outputs, least: decode_logits(outputs[logits], outputs[boxes], activation, least)


def _check_classes(manifest: Manifest, columns: int | None) -> None:
    have = len(manifest.classes)
    if columns is not None and have != columns:
        raise ModelError(f"model {manifest.name}: the graph tells {columns} classes apart, {have} are named")


def _columns(tensor: Tensor) -> int | None:
    """The last size of a tensor; None where the graph leaves it open."""
    last = tensor.shape[-1] if tensor.shape else 0
    return last if isinstance(last, int) else None


def _unsuited(manifest: Manifest, wanted: str) -> ModelError:
    kind = manifest.parameters.get("kind")
    have = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in manifest.outputs) or "none"
    return ModelError(
        f"model {manifest.name}: not of the kind {kind!r}, which has {wanted}; its outputs are {have:.400}"
    )


def _sizes(manifest: Manifest, recipe: Recipe) -> dict[str, NDArray[Any]]:
    """Further inputs: RT-DETR as published asks for the size of the picture, and answers in it."""
    others = [tensor for tensor in manifest.inputs if tensor.name != recipe.image.name]
    for tensor in others:
        if "size" not in tensor.name.lower() or tensor.dtype not in {"int64", "int32", "float32"}:
            raise ModelError(f"model {manifest.name}: nobody knows what its input {tensor.name!r} is for")
    return {tensor.name: np.array([recipe.size], tensor.dtype) for tensor in others}


def _once(found: list[Detection], max_overlap: float) -> list[Detection]:
    """What several windows show is told once, the surest first."""
    found = sorted(found, key=lambda one: -one.score)[: 2 * MOST]
    labels = sorted({one.box.label for one in found})
    classes = np.array([labels.index(one.box.label) for one in found], np.int64)
    alive = survivors(corners_of([one.box for one in found]), classes, max_overlap)
    return [one for one, stays in zip(found, alive.tolist(), strict=True) if stays][:MOST]


def corners_of(boxes: Sequence[Box]) -> Floats:
    """Boxes as rows of left, top, right, bottom."""
    rows = [(box.x, box.y, box.x + box.w, box.y + box.h) for box in boxes]
    return np.array(rows, np.float32).reshape(-1, 4)
