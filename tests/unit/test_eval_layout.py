"""Recordings are found by their layout, whatever they are called; what is wrong with one is said by file and remedy."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.eval.anomaly_sets import find_anomaly
from tests.eval.motion import measure_motion
from tests.eval.motion_sequences import find_motion
from tests.eval.video import Video
from tests.support.recorded_video import MOVING

SIZE = (64, 48)


def _picture(luma: int) -> NDArray[np.uint8]:
    return np.full((SIZE[1], SIZE[0]), luma, np.uint8)


def _png(luma: int) -> bytes:
    return cv2.imencode(".png", _picture(luma))[1].tobytes()


def _video(path: Path, frames: int = 4, fps: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, SIZE)
    for number in range(frames):
        writer.write(cv2.cvtColor(_picture(20 * number), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def _zip(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_sequence_is_a_video_with_a_zip_of_truth(tmp_path: Path) -> None:
    _video(tmp_path / "anywhere.crf10.avi")
    _zip(tmp_path / "anywhere.gt.zip", {"gt000002.png": _png(MOVING), "deep/gt000003.png": _png(0), "readme": b""})
    (tmp_path / "anywhere.roi.png").write_bytes(_png(255))
    (sequence,), wrong = find_motion(tmp_path)
    assert wrong == []
    assert (sequence.name, sequence.first_frame, sorted(sequence.masks)) == ("anywhere", 1, [2, 3])
    truth = sequence.truth(2)
    assert truth is not None
    assert truth.max() == MOVING
    assert sequence.truth(1) is None
    assert sequence.region_of((SIZE[1], SIZE[0])).all()
    assert len(list(sequence.video.luma())) == 4
    assert sequence.video.fps == 10.0


def test_a_single_mask_a_zip_of_pictures_and_meta_json(tmp_path: Path) -> None:
    _zip(tmp_path / "yard.frames.zip", {f"in{number:06d}.png": _png(number) for number in (7, 8, 9)})
    (tmp_path / "yard.gt00008.png").write_bytes(_png(MOVING))
    _video(tmp_path / "gate.night.avi")
    _zip(tmp_path / "gate.gt.zip", {f"gt{number:06d}.png": _png(0) for number in (100, 101, 150)})
    meta = {"gate": {"video": "gate.night.avi", "first_frame": 100, "temporal_roi": [100, 120]}}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    (gate, yard), wrong = find_motion(tmp_path)
    assert wrong == []
    assert (gate.first_frame, sorted(gate.masks)) == (100, [100, 101])
    assert (yard.first_frame, sorted(yard.masks)) == (7, [8])
    assert [int(plane[0, 0]) for plane in yard.video.luma()] == [7, 8, 9]


def test_masks_and_regions_may_be_of_any_kind_and_regions_of_any_size(tmp_path: Path) -> None:
    _video(tmp_path / "court.AVI.avi").rename(tmp_path / "court.AVI")
    (tmp_path / "court.gt00002.BMP").write_bytes(cv2.imencode(".bmp", _picture(MOVING))[1].tobytes())
    region = _picture(0)
    region[:, : SIZE[0] // 2] = 255
    half = np.asarray(cv2.resize(region, (SIZE[0] // 2, SIZE[1] // 2)), np.uint8)
    (tmp_path / "court.roi.bmp").write_bytes(cv2.imencode(".bmp", half)[1].tobytes())
    (sequence,), wrong = find_motion(tmp_path)
    assert wrong == []
    assert sorted(sequence.masks) == [2]
    assert (sequence.region_of((SIZE[1], SIZE[0])) == (region > 0)).all()


def test_pictures_without_zeros_before_their_numbers_come_in_order_and_some_may_be_missing(tmp_path: Path) -> None:
    numbers = (8, 9, 11, 100)
    junk = {"__MACOSX/._8.png": b"", ".9.png": b""}
    _zip(tmp_path / "lane.ZIP", {f"{number}.png": _png(number) for number in reversed(numbers)} | junk)
    _zip(tmp_path / "lane.gt.zip", {f"gt{number}.png": _png(0) for number in (8, 10, 100, 900)})
    (sequence,), wrong = find_motion(tmp_path)
    assert wrong == []
    assert [(number, int(plane[0, 0])) for number, plane in sequence.numbered()] == [(at, at) for at in numbers]


def test_truth_beyond_the_video_counts_nothing_where_its_numbers_are_known(tmp_path: Path) -> None:
    """A part of a recording with the truth of all of it is measured; with numbers that fit nowhere it is not."""
    truth = {f"gt{number:06d}.png": _png(MOVING if number == 3 else 0) for number in (2, 3, 4, 900)}
    frames = {f"in{number:06d}.png": _png(20 * number) for number in range(1, 6)}
    _zip(tmp_path / "part.zip", frames)
    _zip(tmp_path / "part.gt.zip", truth)
    _video(tmp_path / "lost.avi")
    _zip(tmp_path / "lost.gt.zip", {"gt000900.png": _png(MOVING)})
    _zip(tmp_path / "still.zip", frames)
    _zip(tmp_path / "still.gt.zip", {"gt000002.png": _png(1)})
    sequences, _ = find_motion(tmp_path)
    wrong: list[object] = []
    _, figures = measure_motion(sequences, say=lambda _: None, complain=wrong.append)
    assert [figure.name for figure in figures] == ["motion_f_part", "motion_ms_160x120"]
    lost, still = map(str, wrong)
    assert "truth of frame 900; expected first_frame" in lost
    assert "nothing moves in its truth; expected 255" in still


def test_truth_of_every_picture_says_their_numbers(tmp_path: Path) -> None:
    _video(tmp_path / "part.avi")
    _zip(tmp_path / "part.gt.zip", {f"gt{number:06d}.png": _png(0) for number in range(950, 954)})
    (sequence,), _ = find_motion(tmp_path)
    assert sequence.first_frame == 950


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"bare.avi": None}, "no truth beside it; expected <name>.gt.zip"),
        ({"torn.mp4": b"no video", "torn.gt00001.png": b"x"}, "cannot be opened; expected a video"),
        ({"odd.avi": None, "odd.gt.zip": b"no zip"}, "expected a zip of pictures"),
        ({"a.avi": None, "a.gt00001.png": b"", "meta.json": b"[1]"}, "expected an object of objects"),
        ({"b.avi": None, "b.gt00001.png": b"", "meta.json": b'{"b": {"first_frame": "one"}}'}, "first_frame"),
        (
            {"c.avi": None, "c.gt00001.png": b"", "meta.json": b'{"c": {"temporal_roi": [5, 9]}}'},
            "is [5, 9], but there is truth only of frames 1 to 1",
        ),
    ],
)
def test_what_is_wrong_is_said_by_name(tmp_path: Path, files: dict[str, bytes | None], words: str) -> None:
    for name, content in files.items():
        if content is None:
            _video(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(content)
    _, wrong = find_motion(tmp_path)
    assert any(words in str(problem) and str(tmp_path) in str(problem) for problem in wrong), wrong


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    for find in (find_motion, find_anomaly):
        found, (problem,) = find(tmp_path / "none")
        assert found == []
        assert "no such folder; expected" in str(problem)


def _set(folder: Path, labels: object, *, tests: tuple[str, ...] = ("01", "02")) -> None:
    _video(folder / "two_roads_train_a.avi")
    for clip in tests:
        _video(folder / f"two_roads_test_{clip}.avi")
    (folder / "two_roads_labels.json").write_text(json.dumps(labels))


def test_a_set_is_clips_to_learn_from_clips_to_judge_and_labels(tmp_path: Path) -> None:
    _set(tmp_path, {"1": {"anomalous_1based": [2, 3]}, "02": {"anomalous_1based": [[1, 1], [4, 4]]}})
    _zip(tmp_path / "two_roads_pixel_gt.zip", {"Test001/002.png": _png(255)})
    (found,), wrong = find_anomaly(tmp_path)
    assert wrong == []
    assert (found.name, len(found.normal), [clip.name for clip in found.tests]) == ("two_roads", 1, ["01", "02"])
    first, second = found.tests
    assert [first.is_abnormal(number) for number in (1, 2, 3, 4)] == [False, True, True, False]
    assert [second.is_abnormal(number) for number in (1, 2, 3, 4)] == [True, False, False, True]
    where = first.where(2)
    assert where is not None
    assert where.all()
    assert first.where(3) is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"01": {"anomalous_1based": [2, 3]}}, "nothing about the clip '02'"),
        ({"01": {"anomalous_1based": [2]}, "02": {"anomalous_1based": []}}, "the clip '01' has [2]"),
        ([], "expected {"),
    ],
)
def test_labels_that_will_not_do_are_said(tmp_path: Path, labels: object, words: str) -> None:
    _set(tmp_path, labels)
    found, (problem,) = find_anomaly(tmp_path)
    assert found == []
    assert words in str(problem)


def test_a_set_without_clips_to_learn_from_or_without_labels_is_said(tmp_path: Path) -> None:
    _video(tmp_path / "road_test_01.avi")
    _, (problem,) = find_anomaly(tmp_path)
    assert "the set road has no road_train_<clip>.mp4" in str(problem)
    _video(tmp_path / "road_train_01.avi")
    _, (problem,) = find_anomaly(tmp_path)
    assert "road_labels.json: missing" in str(problem)


def test_a_zip_without_pictures_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no pictures in it"):
        Video(_zip(tmp_path / "empty.zip", {"readme": b""}))
