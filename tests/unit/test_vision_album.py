"""The album of events: the best picture of each, a thumbnail, within a budget, found again after a restart."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.messages import Box, Severity
from edge.core.frame import Frame
from edge.core.health import Health, State
from edge.vision.events import album as album_module
from edge.vision.events.album import EventAlbum
from edge.vision.events.settings import EventSettings
from edge.vision.events.shelf import PictureShelf
from edge.vision.events.thumbnail import Note, crop_around, make_thumbnail, read_note
from tests.support.clock import START_MS, FakeClock
from tests.support.findings import finding
from tests.support.jpegs import grey_of, jpeg

MIB = 2**20


def _frame(seq: int, level: int = 128, *, width: int = 64, height: int = 48) -> Frame:
    return Frame("front", seq, jpeg(level, width=width, height=height), width, height, seq)


@contextmanager
def _album(
    folder: Path, clock: FakeClock | None = None, health: Health | None = None, **chosen: float
) -> Iterator[EventAlbum]:
    settings = EventSettings(**{"better_picture_s": 2.0, **chosen})  # type: ignore[arg-type]
    album = EventAlbum(folder, settings, clock or FakeClock(), health)
    try:
        yield album
    finally:
        album.close()


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (what is waited for happens in another thread)
            await asyncio.sleep(0.002)


async def test_the_first_picture_is_kept_at_once_a_better_one_after_a_pause_the_best_at_the_end(tmp_path: Path) -> None:
    clock = FakeClock()
    with _album(tmp_path, clock) as album:
        for seq, level in enumerate((60, 90, 120)):
            album.consider([("evt-1", finding())], _frame(seq, level))
        await _until(lambda: album.has("evt-1"))
        assert await _level(album, "evt-1") == pytest.approx(60, abs=4)
        clock.advance(2.1)
        album.consider([], _frame(5, 10))
        await _until(lambda: album.stats.written == 2)
        assert await _level(album, "evt-1") == pytest.approx(120, abs=4), "the best since, not the newest frame"
        album.consider([("evt-1", finding())], _frame(6, 180))
        album.finish("evt-1")
        await _until(lambda: album.stats.written == 3)
        assert await _level(album, "evt-1") == pytest.approx(180, abs=4)
    assert sorted(path.name for path in (tmp_path / "front").iterdir()) == ["evt-1-thumb.jpg", "evt-1.jpg"]


async def test_who_asks_before_the_first_picture_is_written_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    put = PictureShelf.put

    def slow_put(*arguments: object, **named: object) -> bool:
        assert may_write.wait(10)
        return put(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureShelf, "put", slow_put)
    with _album(tmp_path) as album:
        album.consider([("evt-1", finding())], _frame(1))
        asked = asyncio.create_task(album.read("evt-1", "thumbnail"))
        assert await album.read("evt-2", "thumbnail") is None, "of what is not coming nobody waits"
        may_write.set()
        assert await asked


async def test_what_waits_when_something_becomes_private_is_never_written(tmp_path: Path) -> None:
    with _album(tmp_path) as album:
        album.consider([("evt-1", finding())], _frame(0, 60))
        await _until(lambda: album.has("evt-1"))
        album.consider([("evt-1", finding())], _frame(1, 200))
        album.forget_waiting("back")
        album.forget_waiting("front")
        album.finish("evt-1")
    assert album.stats.written == 1
    assert grey_of((tmp_path / "front" / "evt-1.jpg").read_bytes()) == pytest.approx(60, abs=4)


async def _level(album: EventAlbum, event_id: str) -> float:
    data = await album.read(event_id, "picture")
    assert data
    return grey_of(data)


async def test_the_picture_is_the_cameras_own_jpeg_byte_for_byte(tmp_path: Path) -> None:
    frame = _frame(1)
    with _album(tmp_path) as album:
        album.consider([("evt-1", finding())], frame)
        album.finish("evt-1")
        await _until(lambda: album.has("evt-1"))
        assert await album.read("evt-1", "picture") == frame.jpeg
        thumbnail = await album.read("evt-1", "thumbnail")
        assert thumbnail
        assert read_note(thumbnail) == Note(START_MS + 1000, "LOW")


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    with _album(tmp_path) as album:
        album.consider([("evt-1", finding())], _frame(1, 50))
        album.consider([("evt-1", finding())], _frame(2, 200))
    assert grey_of((tmp_path / "front" / "evt-1.jpg").read_bytes()) == pytest.approx(200, abs=4)
    album.consider([("evt-2", finding())], _frame(3))
    assert album.stats.passed_over == 1, "closed is closed"


async def test_ids_that_are_paths_find_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    with _album(tmp_path / "events") as album:
        for event_id in ("../secret", "/etc/passwd", "", "evt-1/../../secret", "..", "evt-none"):
            assert not album.has(event_id)
            assert await album.read(event_id, "picture") is None


async def test_it_is_found_again_after_a_restart_and_what_is_torn_is_deleted(tmp_path: Path) -> None:
    with _album(tmp_path) as album:
        for number in range(3):
            album.consider([(f"evt-{number}", finding())], _frame(number))
    home = tmp_path / "front"
    (home / "evt-1.jpg").unlink()
    (home / "evt-2-thumb.jpg").write_bytes(b"")
    (home / ".evt-3.jpg.0a1b2c3d").write_bytes(b"half")
    (home / "evt-4.jpg").write_bytes(b"no thumbnail")
    (home / "readme.txt").write_text("not ours")
    with _album(tmp_path) as album:
        assert [album.has(f"evt-{number}") for number in range(5)] == [True, False, False, False, False]
        assert (album.stats.events, album.stats.used_bytes) == (1, _size(home, "evt-0"))
    assert sorted(path.name for path in home.iterdir()) == ["evt-0-thumb.jpg", "evt-0.jpg", "readme.txt"]


def _size(home: Path, event_id: str) -> int:
    return sum((home / f"{event_id}{ending}").stat().st_size for ending in (".jpg", "-thumb.jpg"))


def test_without_room_for_pictures_none_are_promised(tmp_path: Path) -> None:
    with _album(tmp_path, keep_pictures=0) as album:
        assert not album.promised("evt-1")
        album.consider([("evt-1", finding())], _frame(1))
        album.finish("evt-1")
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_refuses_is_said_promised_no_more_and_forgiven(tmp_path: Path) -> None:
    clock = FakeClock()
    health = Health(clock)
    folder = tmp_path / "events"
    folder.write_text("a file where the folder should be")
    with _album(folder, clock, health) as album:
        assert album.promised("evt-1")
        album.consider([("evt-1", finding())], _frame(1))
        await _until(lambda: album.stats.failed == 1)
        album.consider([], _frame(2))
        assert health.of("album") is State.DEGRADED
        assert not album.promised("evt-2")
        folder.unlink()
        album.consider([("evt-1", finding())], _frame(3))
        album.finish("evt-1")
        await _until(lambda: album.has("evt-1"))
        album.consider([], _frame(4))
        assert health.of("album") is State.OK


async def test_a_frame_that_cannot_be_decoded_is_counted_and_harms_no_other(tmp_path: Path) -> None:
    with _album(tmp_path) as album:
        album.consider([("evt-1", finding())], Frame("front", 1, b"\xff\xd8 no picture", 64, 48, 1))
        album.consider([("evt-2", finding())], _frame(2))
        await _until(lambda: album.has("evt-2"))
        assert (album.has("evt-1"), album.stats.failed) == (False, 1)


async def test_nobody_waits_for_a_slow_disk_and_of_each_event_only_the_newest_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    put = PictureShelf.put

    def slow_put(
        self: PictureShelf, camera: str, event_id: str, *, picture: bytes, thumbnail: bytes, note: Note
    ) -> bool:
        held.wait(20)
        return put(self, camera, event_id, picture=picture, thumbnail=thumbnail, note=note)

    monkeypatch.setattr(PictureShelf, "put", slow_put)
    clock = FakeClock()
    with _album(tmp_path, clock) as album:
        album.consider([("evt-first", finding())], _frame(0))
        await _until(lambda: not album._line)
        for seq in range(200):
            clock.advance(3)
            album.consider([("evt-1", finding())], _frame(seq, seq))
        many = [(f"evt-many-{number}", finding()) for number in range(80)]
        album.consider(many, _frame(1))
        assert len(album._line) == album_module._WAITING
        assert album.stats.passed_over == 81 - album_module._WAITING
        held.set()
        await _until(lambda: album.stats.written == 1 + album_module._WAITING)
        assert await _level(album, "evt-1") == pytest.approx(199, abs=4)


def _put(shelf: PictureShelf, event_id: str, at: int, severity: Severity = "LOW", size: int = 100) -> bool:
    thumbnail = make_thumbnail(jpeg(), (), source_px=64, width_px=80, note=Note(at, severity))
    assert thumbnail
    return shelf.put("front", event_id, picture=bytes([1]) * size, thumbnail=thumbnail, note=Note(at, severity))


def test_the_oldest_go_first_and_alarms_last(tmp_path: Path) -> None:
    shelf = PictureShelf(tmp_path, most=3, most_bytes=MIB)
    assert _put(shelf, "evt-alarm", 1, "CRITICAL")
    assert all(_put(shelf, f"evt-{at}", at) for at in (2, 3, 4))
    assert _kept(shelf) == {"evt-alarm", "evt-3", "evt-4"}
    assert all(_put(shelf, f"evt-high-{at}", at, "HIGH") for at in (5, 6))
    assert _kept(shelf) == {"evt-alarm", "evt-high-5", "evt-high-6"}
    assert not _put(shelf, "evt-7", 7), "alarms do not go for it"
    assert _put(shelf, "evt-high-8", 8, "HIGH")
    assert _kept(shelf) == {"evt-high-5", "evt-high-6", "evt-high-8"}
    assert {path.name for path in (tmp_path / "front").iterdir()} == {
        f"evt-high-{at}{ending}" for at in (5, 6, 8) for ending in (".jpg", "-thumb.jpg")
    }


def test_bytes_are_bounded_too_and_a_smaller_budget_holds_at_the_next_start(tmp_path: Path) -> None:
    shelf = PictureShelf(tmp_path, most=100, most_bytes=45_000)
    assert all(_put(shelf, f"evt-{at}", at, size=9000) for at in range(10))
    assert _kept(shelf) == {"evt-6", "evt-7", "evt-8", "evt-9"}
    assert shelf.used_bytes <= 45_000
    assert not _put(shelf, "evt-giant", 11, "CRITICAL", size=50_000)
    assert _put(shelf, "evt-9", 12, size=18_000), "a larger picture of the same event"
    assert _kept(shelf) == {"evt-7", "evt-8", "evt-9"}
    smaller = PictureShelf(tmp_path, most=1, most_bytes=MIB)
    assert _kept(smaller) == {"evt-9"}
    assert smaller.used_bytes == _size(tmp_path / "front", "evt-9")


def _kept(shelf: PictureShelf) -> set[str]:
    return {event_id for event_id in shelf._places if shelf.has(event_id)}


BOXES = st.lists(
    st.builds(Box, x=st.floats(-1, 2), y=st.floats(-1, 2), w=st.floats(0, 2), h=st.floats(0, 2)), max_size=5
)


@given(BOXES)
def test_a_crop_is_inside_the_picture_and_shows_what_it_is_about(boxes: list[Box]) -> None:
    crop = crop_around(boxes)
    assert 0.3 - 1e-9 <= crop.share <= 1
    assert -1e-9 <= crop.x <= 1 - crop.share + 1e-9
    assert -1e-9 <= crop.y <= 1 - crop.share + 1e-9
    for box in boxes:
        left, right, top, bottom = max(box.x, 0), min(box.x + box.w, 1), max(box.y, 0), min(box.y + box.h, 1)
        if right > left and bottom > top:
            assert crop.x - 1e-6 <= left <= right <= crop.x + crop.share + 1e-6
            assert crop.y - 1e-6 <= top <= bottom <= crop.y + crop.share + 1e-6


@pytest.mark.parametrize("width", [64, 320, 641, 1280, 1920])
@pytest.mark.parametrize("box", [None, Box(x=0.8, y=0.1, w=0.1, h=0.1)])
def test_a_thumbnail_is_small_of_the_pictures_shape_and_of_the_right_place(width: int, box: Box | None) -> None:
    height = width * 3 // 4
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 4, round(width * 0.75) :] = 220
    _, encoded = cv2.imencode(".jpg", picture)
    made = make_thumbnail(encoded.tobytes(), [box] if box else [], source_px=width, width_px=320, note=Note(1, "HIGH"))
    assert made
    small = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert small is not None
    share = 0.3 if box else 1.0
    assert small.shape[1] == pytest.approx(min(320, round(width * share)), abs=1)
    assert small.shape[0] / small.shape[1] == pytest.approx(0.75, abs=0.03)
    bright = float(np.mean(small > 128))
    assert bright == pytest.approx((5 / 6) ** 2 if box else 1 / 16, abs=0.03)
    assert read_note(made) == Note(1, "HIGH")


def test_a_picture_that_says_how_it_is_turned_has_a_thumbnail_of_what_is_seen() -> None:
    """Boxes are places of the picture as viewers show it and as analysis sees it: turned as its Exif says."""
    picture = np.full((480, 640, 3), 40, np.uint8)
    picture[:, :160] = 220
    _, encoded = cv2.imencode(".jpg", picture)
    turned = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    raw = encoded.tobytes()
    jpeg = raw[:2] + b"\xff\xe1" + (len(turned) + 2).to_bytes(2, "big") + turned + raw[2:]
    upper = [Box(x=0.4, y=0.02, w=0.1, h=0.1)]
    made = make_thumbnail(jpeg, upper, source_px=640, width_px=320, note=Note(1, "LOW"))
    assert made
    small = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert small is not None and small.shape[0] > small.shape[1]
    assert float(np.mean(small > 128)) > 0.7, "what was at the left side is above"


@given(st.binary(max_size=300))
def test_whatever_the_bytes_a_note_is_read_or_there_is_none(data: bytes) -> None:
    for head in (
        data,
        b"\xff\xd8" + data,
        b"\xff\xd8\xff\xfe\x00" + data,
        b"\xff\xd8\xff\xfe\x00\x20afferent-event " + data,
    ):
        note = read_note(head)
        assert note is None or note.wall_ms >= 0


@given(st.binary(max_size=200))
def test_what_is_no_jpeg_has_no_thumbnail(data: bytes) -> None:
    assert make_thumbnail(data, [], source_px=64, width_px=320, note=Note(1, "LOW")) is None
