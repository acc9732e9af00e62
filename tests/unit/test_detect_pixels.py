"""From a drawn picture to boxes in pixels, through real graphs of each kind: positions, classes, suppression, crops."""

from typing import Any

import numpy as np
import pytest

from edge.core.errors import ModelError
from edge.models.session import Model
from edge.vision.detect.classifier import PROBES, ExpressionClassifier
from edge.vision.detect.crops import WHOLE, Window, windows_of
from edge.vision.detect.detector import Detector
from tests.support.detector_graphs import (
    BLUE,
    GREEN,
    RED,
    classifier_graph,
    detr_graph,
    rtdetr_graph,
    yolox_graph,
    yunet_graph,
)
from tests.support.detectors import HEIGHT, WIDTH, failing_on_white, frame, model_of, picture, pixels

_NAMES = ["apple", "berry"]
_RED_AT, _BLUE_AT = (80, 60, 60, 90), (420, 210, 100, 70)
_RGB: dict[str, Any] = {"channel_order": "rgb", "scale": 1 / 255, "fit": "stretch", "max_overlap": 0.8}


def _yolox(**more: Any) -> Model:
    return model_of(yolox_graph(), "objects", "yolox", _NAMES, pad=114, **more)


_KINDS: dict[str, Model] = {
    "yolox": _yolox(),
    "yolox-decoded": model_of(yolox_graph(decoded=True), "objects", "yolox", _NAMES, pad=114, decoded=1),
    "yolox-scaled": model_of(yolox_graph(scale=1 / 255), "objects", "yolox", _NAMES, scale=1 / 255),
    "yolox-wide": model_of(yolox_graph((640, 384)), "objects", "yolox", _NAMES),
    "detr": model_of(detr_graph(softmax=True), "objects", "rtdetr", _NAMES, activation="softmax", **_RGB),
    "rtdetr-logits": model_of(detr_graph(), "objects", "rtdetr", _NAMES, **_RGB),
    "rtdetr-scores": model_of(rtdetr_graph(), "objects", "rtdetr", _NAMES, **_RGB),
}


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_objects_are_found_where_they_are_and_once(kind: str) -> None:
    """Each side within 4% of the picture, the right class for each, and nothing else."""
    found = Detector(_KINDS[kind]).find(picture((RED, _RED_AT), (BLUE, _BLUE_AT)), [WHOLE], 0.5)
    assert sorted(one.box.label for one in found) == _NAMES
    for one in found:
        wanted = _RED_AT if one.box.label == "apple" else _BLUE_AT
        assert pixels(one.box) == pytest.approx(wanted, abs=0.04 * WIDTH), one
        assert one.score > 0.7


@pytest.mark.parametrize("dynamic", [False, True])
def test_faces_are_found_where_they_are_and_once(dynamic: bool) -> None:
    """Three strides and many cells of each see the same blob; one box is left, within 3% of the picture."""
    sides = {"width": 640, "height": 384} if dynamic else {}
    model = model_of(yunet_graph(dynamic=dynamic), "faces", "yunet", ["face"], max_overlap=0.3, **sides)
    (found,) = Detector(model).find(picture((RED, (300, 120, 56, 70))), [WHOLE], 0.5)
    assert pixels(found.box) == pytest.approx((300, 120, 56, 70), abs=0.03 * WIDTH)
    assert found.box.label == "face"


def test_an_empty_picture_has_nothing_in_it() -> None:
    for model in _KINDS.values():
        assert Detector(model).find(picture(), [WHOLE], 0.3) == []


def test_a_crop_tells_places_in_the_whole_picture() -> None:
    """A small thing is found in its crop, and its box is that of the picture."""
    image = picture((RED, (505, 305, 16, 20)))
    (window,) = windows_of([_box(500, 300, 30, 30)], (WIDTH, HEIGHT), (416, 416), 2)
    (found,) = Detector(_KINDS["yolox"]).find(image, [window], 0.5)
    assert pixels(found.box) == pytest.approx((505, 305, 16, 20), abs=5)


def test_what_two_crops_show_is_told_once() -> None:
    windows = [Window(0, 0, 0.6, 1.0), Window(0.05, 0, 0.65, 1.0)]
    found = Detector(_KINDS["yolox"]).find(picture((RED, _RED_AT)), windows, 0.5)
    assert [one.box.label for one in found] == ["apple"]


def test_things_at_the_border_stay_in_the_picture() -> None:
    found = Detector(_KINDS["yolox"]).find(picture((RED, (0, 0, 60, 50)), (BLUE, (580, 300, 60, 60))), [WHOLE], 0.5)
    assert len(found) == 2
    for one in found:
        assert 0 <= one.box.x <= one.box.x + one.box.w <= 1 + 1e-9
        assert 0 <= one.box.y <= one.box.y + one.box.h <= 1 + 1e-9


@pytest.mark.parametrize("softmax", [False, True])
def test_a_face_is_asked_for_its_expression(softmax: bool) -> None:
    """Red is happy, blue sad, green neutral: the classes go into the probes, neutral says nothing."""
    classes = ["happy", "sad", "neutral"]
    activation = "none" if softmax else "softmax"
    model = model_of(classifier_graph(softmax=softmax), "expressions", "classifier", classes, activation=activation)
    classifier = ExpressionClassifier(model)
    for colour, probe in ((RED, "HH"), (BLUE, "LL")):
        said = classifier.judge(picture((colour, (200, 100, 120, 120))), _box(200, 100, 120, 120))
        assert said is not None
        shares, confidence = said
        assert max(shares, key=lambda name: shares[name]) == probe
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5) and confidence > 0.8
    neutral = classifier.judge(picture((GREEN, (200, 100, 120, 120))), _box(200, 100, 120, 120))
    assert neutral and [neutral[0][probe] for probe in PROBES] == pytest.approx([0.25] * 4, abs=0.05)
    assert classifier.judge(picture(), _box(200, 100, 20, 20)) is None, "too small to be read"


def test_a_class_may_be_put_into_any_probe() -> None:
    graph = classifier_graph()
    more: dict[str, Any] = {"probe.one": "HL", "probe.two": [0.0, 0.0, 1.0, 1.0]}
    model = model_of(graph, "expressions", "classifier", ["one", "two", "three"], activation="none", **more)
    said = ExpressionClassifier(model).judge(picture((BLUE, (200, 100, 120, 120))), _box(200, 100, 120, 120))
    assert said and said[0]["LH"] == pytest.approx(said[0]["LL"]) and said[0]["LH"] > 0.4
    with pytest.raises(ModelError, match=r"probe\.one.*'XX'"):
        ExpressionClassifier(model_of(graph, "expressions", "classifier", ["one", "b", "c"], **{"probe.one": "XX"}))


@pytest.mark.parametrize(
    ("graph", "kind", "classes", "parameters", "words"),
    [
        (yolox_graph(), "yunet", ["face"], {}, "not of the kind 'yunet', which has the output 'cls_8'"),
        (yunet_graph(), "yolox", ["a"], {}, r"which has one output \[1, n, 5 \+ classes\]"),
        (yolox_graph(), "rtdetr", ["a"], {}, "an output named like 'box'"),
        (yolox_graph(), "yolox", ["a"], {}, "tells 2 classes apart, 1 are named"),
        (yolox_graph(), "yolox", _NAMES, {"strides": [8.0, 16.0]}, "one row for each of 3380 cells"),
        (yolox_graph(), "yolox", _NAMES, {"scale": "much"}, r"\$\.parameters\.scale: 'much' must be a number"),
        (yolox_graph(), "yolox", _NAMES, {"std": 0}, r"\$\.parameters\.std.*not 0"),
        (yolox_graph(), "yolox", _NAMES, {"mean": [1.0, 2.0]}, r"\$\.parameters\.mean"),
        (yolox_graph(), "yolox", _NAMES, {"channel_order": "gbr"}, r"channel_order: 'gbr' must be bgr or rgb"),
        (yolox_graph(), "oracle", _NAMES, {}, r"\$\.parameters\.kind: 'oracle' must be yunet or yolox"),
        (yunet_graph(dynamic=True), "yunet", ["face"], {}, r"\$\.parameters\.width: 0 must be 16 to 2048"),
        (classifier_graph(), "classifier", ["a", "b", "c"], {}, "finds nothing in a picture"),
    ],
)
def test_what_does_not_fit_its_kind_is_named(
    graph: bytes, kind: str, classes: list[str], parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        Detector(model_of(graph, "objects", kind, classes, **parameters))


def test_a_classifier_needs_a_number_for_each_class() -> None:
    for classes, words in (([], "needs its classes named"), (["a", "b"], "one number for each of 2 classes")):
        with pytest.raises(ModelError, match=words):
            ExpressionClassifier(model_of(classifier_graph(), "expressions", "classifier", classes))


def test_a_graph_that_fails_at_work_is_a_model_error() -> None:
    detector = Detector(model_of(failing_on_white(), "objects", "rtdetr", ["thing"]))
    assert detector.find(picture(), [WHOLE], 0.5) == []
    with pytest.raises(ModelError, match="cannot run"):
        detector.find(picture(((255, 255, 255), (0, 0, 600, 300))), [WHOLE], 0.5)


def test_grey_pictures_and_channels_with_their_own_mean() -> None:
    """What a graph of one channel, or one trained on normalised values, would see."""
    from edge.vision.detect.pictures import as_input, read_colour

    detector = Detector(_yolox(mean=[10.0, 20.0, 30.0], std=[1.0, 2.0, 4.0], channel_order="rgb"))
    tensor = as_input(np.full((416, 416, 3), (40, 60, 110), np.uint8), detector.recipe)
    assert tensor.shape == (1, 3, 416, 416) and tensor.dtype == np.float32
    assert tensor[0, :, 0, 0].tolist() == [100, 20, 2.5]
    small = read_colour(frame(picture(size=(1280, 720))), 300)
    assert small.shape == (180, 320, 3), "no more of the JPEG is decoded than is looked at"


def _box(x: int, y: int, w: int, h: int) -> Any:
    from contract.messages import Box

    return Box(x=x / WIDTH, y=y / HEIGHT, w=w / WIDTH, h=h / HEIGHT)
