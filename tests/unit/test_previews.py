"""Sheets of small pictures and timelapses: made of real video, found again, and gone with what they show."""

import asyncio
import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import File, Loss, Record
from edge.core.frame import Frame
from edge.core.health import Health
from edge.core.slot import Slot
from edge.core.stash import Worth
from edge.core.wear import WearMeter
from edge.recording.previews.quiet import GoOn, quietly
from edge.recording.previews.settings import PreviewSettings
from edge.recording.previews.sheet import Sheet, SheetLayout, make_sheet, webvtt
from edge.recording.previews.shelf import SheetShelf
from edge.recording.previews.timelapse import Day, TimelapseFolder, day_of
from edge.recording.previews.timelapse_service import TimelapseOutlets, TimelapseService
from tests.support.clock import FakeClock
from tests.support.drawn_video import draw_video
from tests.support.jpegs import jpeg

NOON_MS = 1_780_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_a_sheet_shows_even_steps_of_the_recording(tmp_path: Path, codec: str) -> None:
    video = draw_video(tmp_path / "clip.mp4", seconds=8, codec=codec)
    sheet = make_sheet(video, duration_ms=8000, tile_px=80, most=4)
    assert sheet
    layout = sheet.layout
    assert layout.times_ms == (0, 2000, 4000, 6000)
    assert (layout.tile_width, layout.tile_height) == (80, 60)
    page = cv2.imdecode(np.frombuffer(sheet.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    assert page.shape == (60, 80 * layout.columns)
    levels = [float(page[:, at * 80 : at * 80 + 80].mean()) for at in range(4)]
    assert levels == pytest.approx([20, 60, 100, 140], abs=6)
    thumbnail = cv2.imdecode(np.frombuffer(sheet.thumbnail, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert thumbnail is not None
    assert thumbnail.shape == (60, 80)


def test_what_is_no_video_has_no_sheet(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing of the kind" * 100)
    assert make_sheet(tmp_path / "broken.mp4", duration_ms=1000, tile_px=80, most=4) is None
    with pytest.raises(FileNotFoundError):
        make_sheet(tmp_path / "gone.mp4", duration_ms=1000, tile_px=80, most=4)


@given(
    times=st.lists(st.integers(0, 10**9), min_size=1, max_size=50, unique=True).map(sorted),
    columns=st.integers(1, 12),
    after_ms=st.integers(0, 10**6),
)
def test_webvtt_has_a_cue_for_each_tile_in_order_and_without_overlap(
    times: list[int], columns: int, after_ms: int
) -> None:
    layout = SheetLayout(
        tile_width=160, tile_height=90, columns=columns, times_ms=tuple(times), duration_ms=times[-1] + after_ms
    )
    text = webvtt(layout, "sheet.jpg")
    assert text.startswith("WEBVTT\n\n")
    spans = [line.split(" --> ") for line in text.splitlines() if " --> " in line]
    assert len(spans) == len(times)
    assert all(begin < end for begin, end in spans if len(begin) == len(end))
    assert [end for _, end in spans[:-1]] == [begin for begin, _ in spans[1:]]
    assert text.count("sheet.jpg#xywh=") == len(times)


def test_the_shelf_keeps_whole_sheets_and_lets_go_of_what_is_gone(tmp_path: Path) -> None:
    shelf = SheetShelf(tmp_path / "previews")
    layout = SheetLayout(tile_width=80, tile_height=60, columns=1, times_ms=(0,), duration_ms=5)
    shelf.put("rec-1", Sheet(layout, b"page", b"thumb"))
    shelf.put("rec-2", None)
    assert shelf.has("rec-1")
    assert shelf.has("rec-2"), "that there is none to be had is known too"
    assert (shelf.sheet("rec-1"), shelf.thumbnail("rec-1"), shelf.layout("rec-1")) == (b"page", b"thumb", layout)
    assert (shelf.sheet("rec-2"), shelf.layout("rec-2")) == (None, None)
    shelf.keep_only(["rec-2"])
    assert not shelf.has("rec-1")
    assert shelf.sheet("rec-1") is None
    with pytest.raises(ValueError, match="recording"):
        shelf.has("../rec-1")


class _Cloud:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.losses: list[Loss] = []
        self.sizes: list[int] = []
        self.known: dict[str, set[str]] = {}
        self.forgotten: list[str] = []

    async def append(self, body: object, at: object = None) -> Record:
        assert isinstance(body, Loss)
        self.losses.append(body)
        return None  # type: ignore[return-value]

    async def offer(self, file: File, path: Path) -> Record:
        self.sizes.append(path.stat().st_size - file.size_bytes)  # noqa: ASYNC240
        self.files.append(file)
        self.known[file.file_id] = {"closed"}
        return None  # type: ignore[return-value]

    async def forget(self, file_id: str) -> None:
        self.forgotten.append(file_id)

    async def phases(self, file_id: str) -> frozenset[str]:
        return frozenset(self.known.get(file_id, ()))


def _service(folder: Path, cloud: _Cloud, clock: FakeClock, slot: Slot[Frame]) -> TimelapseService:
    return TimelapseService(
        TimelapseFolder(folder),
        {"gate": slot},
        settings=PreviewSettings(timelapse_px=160),
        outlets=TimelapseOutlets(device="box", sink=cloud, offer=cloud.offer, phases=cloud.phases, forget=cloud.forget),
        clock=clock,
        health=Health(clock),
    )


def _pictures(folder: TimelapseFolder, day: Day, count: int) -> None:
    for at in range(count):
        folder.put(day, day.start_ms + at * 60_000, jpeg(40 + at, width=320, height=240), 160)


async def test_a_day_that_is_over_becomes_one_video_is_told_once_and_gives_way_with_a_record(tmp_path: Path) -> None:
    cloud, clock = _Cloud(), FakeClock()
    day = day_of("gate", clock.now().wall_ms - 86_400_000)
    slot: Slot[Frame] = Slot()
    slot.close()
    service = _service(tmp_path, cloud, clock, slot)
    _pictures(TimelapseFolder(tmp_path), day, 12)
    await service.run_once()
    await service.run_once()
    assert [file.file_id for file in cloud.files] == [f"timelapse-gate-{day.date}"]
    assert cloud.sizes == [0]
    assert cloud.files[0].key == f"timelapses/box/gate/{day.date}.mp4"
    with av.open(str(TimelapseFolder(tmp_path).video(day))) as box:
        frames = [frame for frame in box.decode(video=0) if isinstance(frame, VideoFrame)]
    assert (len(frames), frames[0].width, frames[0].height) == (12, 160, 120)
    (holding,) = service.holdings()
    assert holding.worth == Worth.PLAIN_VIDEO
    await service.evict(holding)
    assert [loss.file_id for loss in cloud.losses] == [holding.id]
    assert cloud.forgotten == [holding.id], "the uploader would tell of the same loss again"
    assert service.holdings() == []


async def test_one_that_is_uploaded_goes_without_a_loss(tmp_path: Path) -> None:
    cloud, clock = _Cloud(), FakeClock()
    day = day_of("gate", clock.now().wall_ms - 86_400_000)
    slot: Slot[Frame] = Slot()
    slot.close()
    service = _service(tmp_path, cloud, clock, slot)
    _pictures(TimelapseFolder(tmp_path), day, 3)
    await service.run_once()
    cloud.known[cloud.files[0].file_id].add("uploaded")
    await service.mark_uploaded(cloud.files[0].file_id)
    (holding,) = service.holdings()
    assert holding.worth == Worth.UPLOADED
    await service.evict(holding)
    assert cloud.losses == []


def test_a_kill_while_the_video_is_made_costs_nothing(tmp_path: Path) -> None:
    folder, day = TimelapseFolder(tmp_path), day_of("gate", NOON_MS)
    _pictures(folder, day, 5)
    folder.video(day).with_suffix(".draft").write_bytes(b"half a video")
    assert folder.unfinished() == [day]
    assert folder.finish(day, 24)
    assert (folder.unfinished(), folder.finished()) == ([], [day])
    assert not list(tmp_path.rglob("*.draft"))


def test_a_kill_before_all_pictures_are_deleted_leaves_the_whole_video(tmp_path: Path) -> None:
    folder, day = TimelapseFolder(tmp_path), day_of("gate", NOON_MS)
    _pictures(folder, day, 5)
    assert folder.finish(day, 24)
    whole = folder.video(day).read_bytes()
    (tmp_path / "gate" / day.date).mkdir()
    (tmp_path / "gate" / day.date / "00000007.jpg").write_bytes(jpeg(1, width=320, height=240))
    assert folder.finish(day, 24)
    assert folder.video(day).read_bytes() == whole
    assert folder.unfinished() == []


async def test_what_was_told_stays_as_it_was_told_also_when_the_clock_leaps(tmp_path: Path) -> None:
    cloud, clock = _Cloud(), FakeClock()
    folder, slot = TimelapseFolder(tmp_path), Slot[Frame]()
    slot.close()
    day, tomorrow = (day_of("gate", clock.now().wall_ms + at * 86_400_000) for at in (-1, 1))
    _pictures(folder, day, 2)
    _pictures(folder, tomorrow, 2)
    service = _service(tmp_path, cloud, clock, slot)
    await service.run_once()
    assert folder.unfinished() == [tomorrow], "by a clock that was put back: it may not be over"
    told = folder.video(day).read_bytes()
    _pictures(folder, day, 3)
    assert folder.unfinished() == [tomorrow], "nothing is added to a day that is made"
    folder.delete(day)
    _pictures(folder, day, 3)
    await service.run_once()
    assert (folder.finished(), folder.unfinished()) == ([], [tomorrow])
    assert (len(cloud.files), len(told)) == (1, cloud.files[0].size_bytes)


async def test_a_day_of_a_clock_that_nobody_trusted_does_not_go_for_its_days(tmp_path: Path) -> None:
    cloud, clock = _Cloud(), FakeClock()
    folder, slot = TimelapseFolder(tmp_path), Slot[Frame]()
    slot.close()
    day = day_of("gate", clock.now().wall_ms - 86_400_000)
    folder.put(day, day.start_ms, jpeg(40, width=320, height=240), 160, trusted=False)
    _pictures(folder, day, 2)
    await _service(tmp_path, cloud, clock, slot).run_once()
    again = _service(tmp_path, cloud, clock, slot)
    await again.run_once()
    (holding,) = again.holdings()
    assert not holding.trusted
    await again.evict(holding)
    assert (folder.finished(), folder.used_bytes(), folder.trusted(day)) == ([], 0, True)


async def test_pictures_of_which_no_video_can_be_made_are_told_as_lost_and_end_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.recording.previews.timelapse_video._H264", {"preset": "no such preset"})
    cloud, clock = _Cloud(), FakeClock()
    folder, slot = TimelapseFolder(tmp_path), Slot[Frame]()
    slot.close()
    day = day_of("gate", clock.now().wall_ms - 86_400_000)
    _pictures(folder, day, 2)
    await _service(tmp_path, cloud, clock, slot).run_once()
    assert [loss.file_id for loss in cloud.losses] == [day.file_id]
    assert (folder.unfinished(), folder.finished(), cloud.files) == ([], [], [])


def test_what_pictures_and_videos_take_is_counted_and_strangers_folders_are_left_alone(tmp_path: Path) -> None:
    folder, day = TimelapseFolder(tmp_path), day_of("gate", NOON_MS)
    _pictures(folder, day, 3)
    pictures = sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))
    assert folder.used_bytes() == folder.used_bytes() == pictures
    (tmp_path / "My Camera" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "gate" / "abcd-ef-gh").mkdir()
    assert folder.unfinished() == [day]
    folder.finish(day, 24)
    assert folder.used_bytes() == folder.size(day) > 0


def test_what_the_disk_bears_for_small_pictures_is_counted(tmp_path: Path) -> None:
    """Point 5 of recording and sync: the write budget is computed of everything."""
    meter = WearMeter()
    folder, day = TimelapseFolder(tmp_path, wear=meter), day_of("gate", NOON_MS)
    _pictures(folder, day, 2)
    pictures = sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))
    assert meter.totals() == (pictures, 4)
    folder.finish(day, 24)
    assert meter.totals() == (pictures + folder.size(day), 6)
    layout = SheetLayout(tile_width=80, tile_height=60, columns=1, times_ms=(0,), duration_ms=5)
    shelf = SheetShelf(tmp_path / "previews", wear=(sheets := WearMeter()))
    shelf.put("rec-1", Sheet(layout, b"page", b"thumb"))
    assert sheets.totals() == (shelf.used_bytes(), 6)


async def test_work_that_nobody_wants_any_more_ends_at_its_next_picture() -> None:
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work(go_on: GoOn) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                go_on()
        finally:
            ended.set()

    task = asyncio.create_task(quietly(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_what_cannot_be_decoded_makes_no_timelapse(tmp_path: Path) -> None:
    folder, day = TimelapseFolder(tmp_path), day_of("gate", NOON_MS)
    with pytest.raises(ValueError, match="decoded"):
        folder.put(day, NOON_MS, b"no picture", 160)
    _pictures(folder, day, 1)
    next((tmp_path / "gate" / day.date).glob("*.jpg")).write_bytes(b"torn")
    assert not folder.finish(day, 24)
    assert (folder.unfinished(), folder.finished()) == ([], [])


async def test_one_that_did_not_arrive_is_offered_again_at_the_next_start(tmp_path: Path) -> None:
    """A repair of the store may have dropped it from the uploads; an offer does nothing twice."""
    cloud, clock = _Cloud(), FakeClock()
    day = day_of("gate", clock.now().wall_ms - 86_400_000)
    slot: Slot[Frame] = Slot()
    slot.close()
    _pictures(TimelapseFolder(tmp_path), day, 3)
    await _service(tmp_path, cloud, clock, slot).run_once()
    await _service(tmp_path, cloud, clock, slot).run_once()
    assert [file.file_id for file in cloud.files] == [f"timelapse-gate-{day.date}"] * 2
    cloud.known[cloud.files[0].file_id].add("lost")
    await _service(tmp_path, cloud, clock, slot).run_once()
    assert len(cloud.files) == 2, "what was given up stays given up"
