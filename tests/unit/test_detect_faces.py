"""Faces for privacy: found in the very picture, held where a model blinks, and never silently given up."""

from pathlib import Path

import pytest

from edge.core.errors import ModelError
from edge.models.store import ModelStore
from edge.vision.detect.faces import FaceFinder
from tests.support.detector_graphs import RED, yunet_graph
from tests.support.detectors import failing_on_white, picture, pixels, put

_AT = (300, 120, 56, 64)


def _finder(folder: Path) -> FaceFinder:
    put(folder, yunet_graph(), "faces", "yunet", ["face"], max_overlap=0.3)
    return FaceFinder(ModelStore(folder))


def test_a_face_is_found_in_the_picture_it_is_in(tmp_path: Path) -> None:
    finder = _finder(tmp_path)
    assert list(finder(picture())) == []
    (face,) = finder(picture((RED, _AT)))
    assert pixels(face) == pytest.approx(_AT, abs=12)
    assert finder.model == "yunet-like on CPUExecutionProvider"


def test_a_face_that_is_missed_for_a_moment_stays_hidden(tmp_path: Path) -> None:
    finder = _finder(tmp_path)
    finder(picture((RED, _AT)))
    for _ in range(4):
        assert len(finder(picture())) == 1
    assert list(finder(picture())) == []


def test_another_size_of_picture_begins_anew(tmp_path: Path) -> None:
    finder = _finder(tmp_path)
    finder(picture((RED, _AT)))
    assert list(finder(picture(size=(320, 240)))) == []


def test_without_a_model_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    """Fail closed: whoever paints must know that nothing can be found."""
    with pytest.raises(ModelError, match=r"no model for faces is installed.*afferent edge model add"):
        FaceFinder(ModelStore(tmp_path))


def test_a_model_that_is_broken_says_so(tmp_path: Path) -> None:
    put(tmp_path, yunet_graph(), "faces", "yunet", ["face"])
    (tmp_path / "yunet-like.onnx").write_bytes(b"cut short")
    with pytest.raises(ModelError, match="wrong digest"):
        FaceFinder(ModelStore(tmp_path))


def test_a_model_that_fails_at_work_is_an_error_and_not_an_empty_list(tmp_path: Path) -> None:
    put(tmp_path, failing_on_white(), "faces", "rtdetr", ["face"])
    finder = FaceFinder(ModelStore(tmp_path))
    with pytest.raises(ModelError, match="cannot run"):
        finder(picture(((255, 255, 255), (0, 0, 600, 300))))
    assert finder.model == ""
    assert list(finder(picture())) == [] and finder.model, "it is loaded anew"
