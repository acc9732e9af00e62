"""Detectors in a folder, pictures for them, and things that move in these."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud.training.graphs.builder import Graph
from contract.manifest import Manifest, Provenance, encode_manifest
from contract.messages import Box
from edge.core.frame import Frame
from edge.models.session import Model, read_tensors
from edge.vision.findings import Thing

WIDTH, HEIGHT = 640, 360
Bgr = NDArray[np.uint8]


def manifest_of(graph: bytes, task: str, kind: str, classes: list[str], **parameters: Any) -> Manifest:
    """The manifest of a detector that a test made."""
    inputs, outputs = read_tensors(graph, "a test's graph")
    return Manifest(
        name=f"{kind}-like",
        version="1",
        task=task,
        file=f"{kind}-like.onnx",
        sha256=hashlib.sha256(graph).hexdigest(),
        inputs=inputs,
        outputs=outputs,
        classes=classes,
        provenance=Provenance(built_by="test", recipe="tests.support.detector_graphs", licence="none"),
        parameters={"kind": kind, **parameters},
    )


def model_of(graph: bytes, task: str, kind: str, classes: list[str], **parameters: Any) -> Model:
    """A detector, ready to run."""
    return Model(manifest_of(graph, task, kind, classes, **parameters), graph)


def put(folder: Path, graph: bytes, task: str, kind: str, classes: list[str], **parameters: Any) -> Path:
    """Lay a detector into a folder of models; returns its manifest's path."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = manifest_of(graph, task, kind, classes, **parameters)
    (folder / manifest.file).write_bytes(graph)
    path = folder / f"{manifest.name}.json"
    path.write_bytes(encode_manifest(manifest))
    return path


def failing_on_white(graph_size: tuple[int, int] = (64, 64)) -> bytes:
    """Of the tensors of DETR; runs on anything but a picture with something white in it, which is an error."""
    graph = Graph("fails_on_white")
    image = graph.input("images", [1, 3, graph_size[1], graph_size[0]])
    brightest = str(graph.op("ReduceMax", image, axes=[1, 2, 3], keepdims=0))
    index = graph.cast(graph.greater(brightest, 250.0), 7)
    one = str(graph.op("Gather", graph.constant([0.0]), index))
    graph.output("logits", graph.add(graph.constant(np.full((1, 1, 1), -8.0)), one), [1, 1, 1])
    graph.output("pred_boxes", graph.add(graph.constant(np.full((1, 1, 4), 0.5)), one), [1, 1, 4])
    model: bytes = graph.model().SerializeToString()
    return model


def picture(
    *blobs: tuple[tuple[int, int, int], tuple[int, int, int, int]], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Bgr:
    """Grey, with blobs of a colour (BGR) at left, top, width, height in pixels."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    for colour, (x, y, w, h) in blobs:
        image[y : y + h, x : x + w] = colour
    return image


def frame(image: Bgr, *, seq: int = 1, mono_ns: int = 0) -> Frame:
    """A picture as a camera gives it."""
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert encoded
    return Frame("front", seq, jpeg.tobytes(), image.shape[1], image.shape[0], mono_ns)


def thing(number: int, box: tuple[float, float, float, float], *, still: bool = False) -> Thing:
    """Something that is tracked at x, y, w, h in shares of the picture."""
    x, y, w, h = box
    placed = Box(x=x, y=y, w=w, h=h, label="still" if still else "motion", track=number)
    return Thing(box=placed, still=still, since_ns=0, moving_s=1.0, dwell_s=0.0, habitual_share=0.0)


def pixels(box: Box, size: tuple[int, int] = (WIDTH, HEIGHT)) -> tuple[float, float, float, float]:
    """A box as left, top, width, height in pixels."""
    return box.x * size[0], box.y * size[1], box.w * size[0], box.h * size[1]
