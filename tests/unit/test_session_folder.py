"""The folder of a session: raw samples, predictions, labels and markers on one clock, whole for a notebook."""

import asyncio
import csv
import errno
import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from contract.messages import ClockFix, Prediction
from contract.sessions import NewLabel, StimulusClock
from edge.affect.sessions.folder.closing import as_told
from edge.affect.sessions.folder.layout import SessionNote
from edge.affect.sessions.folder.settings import FolderSettings
from edge.outbox.restamp import restamped
from tests.support.session_folders import FakeCameras, FoldersRoom, StillClock, opened_folders

CSV = FolderSettings(late_s=0.0, format="csv")


async def _lived(stage: FoldersRoom) -> tuple[str, SessionNote]:
    """A session of a second with all that can be in one, whole."""
    view = await stage.viewed(video_id=1)
    desk, started = stage.room.desk, view.start_ms
    desk.tell_clock(view.session_id, StimulusClock(at_ms=started + 100, stimulus_ms=0))
    stage.deliver("left", 50)
    stage.deliver("right", 5)
    await desk.label(view.session_id, [NewLabel(probe="HH", at_ms=started + 300, label_id='said, "so"')])
    await desk.mark(view.session_id, name="cough", note='two\nlines, he said "ah"', at_ms=started + 400)
    await stage.room.predict(view.session_id, "p1", start_ms=started, end_ms=started + 5000, signals={"hr_bpm": 61.5})
    stage.deliver("left", 50, gap_at=10)
    await desk.stop(view.session_id)
    stage.deliver("left", 5)
    return view.session_id, await stage.whole(view.session_id)


async def test_a_notebook_opens_a_session_in_three_lines(tmp_path: Path) -> None:
    async with opened_folders(tmp_path) as stage:
        session_id, note = await _lived(stage)
        folder = stage.path(session_id)
    signals = pq.read_table(folder / "signals.parquet").to_pandas()
    skin = signals[signals.channel == "gsr_us"]
    assert list(skin.sensor.unique()) == ["left"]
    assert len(skin) == 100
    assert skin.t_ms.is_monotonic_increasing
    assert list(skin.value[:2]) == [2.0, 2.01]
    assert list(skin.gap_before[skin.gap_before].index) == list(skin.index[60:61])
    assert all(note.start_ms + round(row.mono_ms - note.start_mono_ms) == row.t_ms for row in skin.itertuples())
    placed = skin.dropna(subset=["stimulus_ms"])
    assert all(placed.t_ms - placed.stimulus_ms == note.start_ms + 100)
    assert skin.stimulus_ms.isna().sum() == 9
    label = pq.read_table(folder / "labels.parquet").to_pylist()[0]
    assert (label["t_ms"], label["stimulus_ms"], label["probe"]) == (note.start_ms + 300, 200, "HH")
    marker = pq.read_table(folder / "markers.parquet").to_pylist()[0]
    assert (marker["t_ms"], marker["name"]) == (note.start_ms + 400, "cough")
    prediction = pq.read_table(folder / "predictions.parquet").to_pylist()[0]
    assert (prediction["t_ms"], prediction["end_ms"], prediction["hr_bpm"]) == (
        note.start_ms,
        note.start_ms + 5000,
        61.5,
    )


async def test_the_note_says_what_is_there_and_what_is_missing(tmp_path: Path) -> None:
    async with opened_folders(tmp_path) as stage:
        session_id, note = await _lived(stage)
        folder = stage.path(session_id)
        names = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    assert (note.layout, note.state, note.participant, note.software) == (1, "whole", "p1", "1.2.3")
    assert (note.clock, note.reason, note.order) == ("trusted", "stopped", 1)
    assert names == ["labels.parquet", "markers.parquet", "predictions.parquet", "session.json", "signals.parquet"]
    assert {table.name: table.rows for table in note.files} == {
        "signals.parquet": 200,
        "predictions.parquet": 1,
        "labels.parquet": 1,
        "markers.parquet": 1,
    }
    for table in note.files:
        data = (folder / table.name).read_bytes()
        assert (table.size_bytes, table.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert note.sensors[0].units == {"gsr_us": "microsiemens", "pulse_raw": "counts"}
    assert note.sensors[0].samples == 100
    assert [(hole.sensor, hole.reason) for hole in note.holes] == [("left", "told")]
    assert [(one.model, one.version) for one in note.models] == [("emotion", "2.0.0")]
    assert note.end_ms is not None
    assert note.end_mono_ms == note.start_mono_ms + note.end_ms - note.start_ms


async def test_without_pyarrow_the_same_is_csv(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=FolderSettings(late_s=0.0, format="csv")) as stage:
        session_id, note = await _lived(stage)
        folder = stage.path(session_id)
    with (folder / "signals.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 200
    assert list(rows[0]) == ["t_ms", "mono_ms", "stimulus_ms", "sensor", "channel", "value", "node_ms", "gap_before"]
    assert (rows[0]["channel"], rows[0]["value"], rows[0]["gap_before"]) == ("gsr_us", "2.0", "0")
    with (folder / "markers.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["note"] == 'two\nlines, he said "ah"'
    assert (folder / "signals.csv").read_bytes().count(b"\r\n") == 201
    assert {table.content_type for table in note.files} == {"text/csv"}


async def test_two_sessions_at_once_keep_their_own(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        first = await stage.viewed("p1", sensor="left")
        second = await stage.viewed("p2", sensor="right")
        for _ in range(10):
            stage.deliver("left", 3)
            stage.deliver("right", 2)
        await stage.room.desk.stop(first.session_id)
        await stage.room.desk.stop(second.session_id)
        notes = [await stage.whole(view.session_id) for view in (first, second)]
        tables = [
            list(csv.DictReader((stage.path(view.session_id) / "signals.csv").read_text().splitlines()))
            for view in (first, second)
        ]
    assert [sorted({row["sensor"] for row in table}) for table in tables] == [["left"], ["right"]]
    assert [note.files[0].rows for note in notes] == [60, 40]
    assert [note.order for note in notes] == [1, 2]


async def test_a_clock_that_leaps_moves_nothing_and_one_that_comes_to_be_trusted_moves_all(tmp_path: Path) -> None:
    clock = StillClock(trusted=False)
    clock.jump_wall(-3600 * 24 * 365)
    async with opened_folders(tmp_path, clock=clock) as stage:
        view = await stage.viewed(video_id=1)
        stage.room.desk.tell_clock(view.session_id, StimulusClock(at_ms=view.start_ms, stimulus_ms=0))
        stage.deliver("left", 50)
        await stage.room.predict(view.session_id, "p1", start_ms=view.start_ms, end_ms=view.start_ms + 5000)
        clock.jump_wall(3600 * 24 * 365)
        clock.trusted = True
        stage.deliver("left", 50)
        await stage.room.desk.label(view.session_id, [NewLabel(probe="LL")])
        await stage.room.desk.stop(view.session_id)
        note = await stage.whole(view.session_id)
        folder = stage.path(view.session_id)
    assert note.clock == "corrected"
    assert note.clock_shift_ms == 3600 * 24 * 365 * 1000
    assert note.start_ms == view.start_ms + note.clock_shift_ms
    signals = pq.read_table(folder / "signals.parquet").to_pandas()
    skin = signals[signals.channel == "gsr_us"]
    assert set(skin.t_ms.diff().dropna()) == {10}
    assert all(skin.t_ms - skin.stimulus_ms == note.start_ms)
    told = [pq.read_table(folder / f"{name}.parquet").to_pylist()[0]["t_ms"] for name in ("predictions", "labels")]
    assert told[0] == note.start_ms
    assert 0 <= told[1] - note.start_ms <= 5000


async def test_video_of_a_session_stands_beside_on_the_same_clock(tmp_path: Path) -> None:
    clock = StillClock()
    cameras = FakeCameras(tmp_path / "spool", "front", "side", clock=clock)
    async with opened_folders(
        tmp_path, clock=clock, cameras=cameras, filming=["front", "absent"], settings=CSV
    ) as stage:
        view = await stage.viewed(video_id=1)
        await stage.until(lambda: bool(cameras.made))
        stage.deliver("left", 50)
        await stage.room.desk.stop(view.session_id)
        note = await stage.whole(view.session_id)
        video = stage.path(view.session_id) / note.videos[0].name
        assert video.samefile(tmp_path / "spool" / "rec-front-1.mp4")
        made = cameras.made[view.session_id][0]
        cameras.made.clear()
        made.path.unlink()
        stage.folders.cabinet.drop_widowed(video.parent.parent.name, note)
        assert not video.exists()
    assert "camera: there is no camera absent" in view.warnings
    assert note.videos[0].camera == "front"
    assert made.first_mono_ms
    assert note.videos[0].start_ms == note.start_ms + round(made.first_mono_ms - note.start_mono_ms)
    assert cameras.calls == [f"start {view.session_id} front", f"stop {view.session_id}"]


@pytest.mark.parametrize("session_id", ["../../etc", "videos", "a/b", "ü", "x" * 200, "s-" + "0" * 40])
async def test_whatever_a_session_is_called_its_folder_lies_inside(tmp_path: Path, session_id: str) -> None:
    async with opened_folders(tmp_path, settings=FolderSettings(late_s=0.0, format="csv")) as stage:
        view = await stage.viewed(session_id=session_id)
        stage.deliver("left", 2)
        await stage.room.desk.stop(view.session_id)
        note = await stage.whole(session_id)
        assert stage.path(session_id).parent == stage.root
        assert stage.path(session_id).name != "s-" + "0" * 40
    assert note.session_id == session_id


async def test_a_prediction_is_in_the_table_once_whichever_way_it_came(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=CSV) as stage:
        view = await stage.viewed()
        for index in (0, 1):
            made = await stage.room.predict(view.session_id, "p1", index, start_ms=view.start_ms + index * 5000)
            if index:
                stage.folders.recorder.predicted(made)
        await stage.room.desk.gate.append(replace(made, segment_index=2, start_ms=view.start_ms + 10_000))
        await stage.room.desk.stop(view.session_id)
        await stage.whole(view.session_id)
        with (stage.path(view.session_id) / "predictions.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
    assert sorted(int(row["segment_index"]) for row in rows) == [0, 1, 2]
    assert sorted(int(row["t_ms"]) - view.start_ms for row in rows) == [0, 5000, 10_000]


async def test_a_prediction_whose_record_was_put_right_already_lies_where_it_was(tmp_path: Path) -> None:
    """The store moves the times of its records; the folder moves its own, once."""
    clock = StillClock(trusted=False)
    clock.jump_wall(-86_400)
    async with opened_folders(tmp_path, clock=clock, settings=CSV) as stage:
        view = await stage.viewed()
        clock.advance(5)
        made = await stage.room.predict(view.session_id, "p1", start_ms=view.start_ms, end_ms=view.start_ms + 5000)
        clock.jump_wall(86_400)
        clock.trusted = True
        now = clock.now()
        record = next(one for _, one in await stage.room.outbox.history(after=0) if one.body == made)
        fix = ClockFix(of_boot=record.boot, at_mono_ms=now.mono_ns // 1_000_000, wall_ms=now.wall_ms)
        moved = restamped(record, fix)
        assert isinstance(moved.body, Prediction)
        assert moved.body.start_ms == view.start_ms + 86_400_000
        note = stage.folders.catalogue.notes[view.session_id]
        assert as_told(moved.body, moved, note) == made
        assert as_told(made, record, note) == made


@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOENT])
async def test_video_on_another_disk_is_copied_and_one_that_gave_way_is_named_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_source: object, _path: object) -> None:
        raise OSError(number, "no")

    clock = StillClock()
    cameras = FakeCameras(tmp_path / "spool", "front", clock=clock)
    async with opened_folders(tmp_path, clock=clock, cameras=cameras, filming=["front"], settings=CSV) as stage:
        view = await stage.viewed()
        await stage.until(lambda: bool(cameras.made))
        monkeypatch.setattr("edge.affect.sessions.folder.cabinet.os.link", refuse)
        await stage.room.desk.stop(view.session_id)
        (film,) = (await stage.whole(view.session_id)).videos
        folder, spooled = stage.path(view.session_id), cameras.made[view.session_id][0].path
        stage.folders.cabinet.drop_widowed(folder.name, stage.folders.catalogue.notes[folder.name])
        if number == errno.EXDEV:
            assert (folder / film.name).read_bytes() == spooled.read_bytes()
            assert [one.name for one in await stage.folders.items(view.session_id)][-1] == film.name
        else:
            assert film.name == ""
            assert film.key == f"recordings/{spooled.name}"


async def test_nothing_is_recorded_where_folders_are_switched_off(tmp_path: Path) -> None:
    async with opened_folders(tmp_path, settings=FolderSettings(enabled=False)) as stage:
        view = await stage.viewed()
        stage.deliver("left", 5)
        await stage.room.desk.stop(view.session_id)
        await asyncio.sleep(0.05)
        assert stage.folders.stats.folders == 0
        assert list(stage.root.iterdir()) == []
