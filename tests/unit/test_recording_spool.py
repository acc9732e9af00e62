"""What the spool knows of events, and which file plays."""

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contract.errors import InvalidIdError
from edge.recording.clip import Clip
from edge.recording.sidecar import MOST_EVENTS, Sidecar, read_sidecar, write_sidecar
from edge.recording.spool import Spool
from tests.support.encoded import encoded


def _sidecar(recording_id: str, *, start_ms: int = 0, camera: str = "front") -> Sidecar:
    return Sidecar(
        recording_id=recording_id,
        camera=camera,
        reason="event",
        codec="h264",
        start_ms=start_ms,
        width_px=64,
        height_px=48,
    )


def test_a_clip_is_found_growing_and_whole_and_not_once_it_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    sidecar = _sidecar("rec-1")
    part = spool.begin(sidecar)
    assert spool.clip_of("rec-1") is None, "nothing of it can be played yet"
    part.write_bytes(b"a fragment")
    assert spool.clip_of("rec-1") == part
    spool.close(sidecar)
    assert spool.clip_of("rec-1") == tmp_path / "front" / "rec-1.mp4"
    spool.discard(sidecar)
    assert spool.clip_of("rec-1") is None
    assert spool.clip_of("rec-never") is None


def test_what_is_erased_while_it_is_noted_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note would name the participant."""
    spool, noting, go_on = Spool(tmp_path), threading.Event(), threading.Event()
    sidecar = _sidecar("rec-1")
    spool.begin(sidecar)

    def slow(*args: Any) -> None:
        noting.set()
        go_on.wait(10)
        write_sidecar(*args)

    monkeypatch.setattr("edge.recording.spool.write_sidecar", slow)
    uploaded = threading.Thread(target=spool.advance, args=(sidecar, "uploaded"))
    uploaded.start()
    assert noting.wait(10)
    erased = threading.Thread(target=spool.erase, args=(sidecar,))
    erased.start()
    erased.join(0.2)
    go_on.set()
    for thread in (uploaded, erased):
        thread.join()
    assert list(spool.entries()) == []


@pytest.mark.parametrize("recording_id", ["../store", "*", "", "rec-[1]", "front/rec-1"])
def test_an_id_that_is_a_path_or_a_pattern_is_refused(tmp_path: Path, recording_id: str) -> None:
    with pytest.raises(InvalidIdError):
        Spool(tmp_path).clip_of(recording_id)


def test_the_recording_of_an_event_is_the_oldest_that_shows_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.begin(_sidecar("rec-2", start_ms=2).showing("ev-1").showing("ev-2"))
    spool.begin(_sidecar("rec-1", start_ms=1).showing("ev-1"))
    spool.begin(_sidecar("rec-0", start_ms=0, camera="yard").showing("ev-0"))
    assert [spool.recording_of(f"ev-{number}") for number in range(4)] == ["rec-0", "rec-1", "rec-2", None]


def test_a_sidecar_names_the_first_event_and_a_bounded_number_in_all(tmp_path: Path) -> None:
    sidecar = _sidecar("rec-1")
    for number in range(2 * MOST_EVENTS):
        sidecar = sidecar.showing(f"ev-{number}").showing("ev-0")
    assert (sidecar.event_id, len(sidecar.event_ids)) == ("ev-0", MOST_EVENTS)
    spool = Spool(tmp_path)
    spool.begin(sidecar)
    assert spool.find("rec-1") == sidecar


def test_a_sidecar_of_an_older_version_is_read(tmp_path: Path) -> None:
    old = msgspec.to_builtins(_sidecar("rec-1").showing("ev-1"))
    del old["event_ids"]
    path = tmp_path / "front" / "rec-1.json"
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode(old))
    sidecar = read_sidecar(path)
    assert sidecar
    assert sidecar.shows("ev-1")
    assert sidecar.showing("ev-2").event_id == "ev-1"


class _Meter:
    """Counts what wears the disk."""

    def __init__(self) -> None:
        self.bytes = self.syncs = 0

    def wrote(self, n_bytes: int) -> None:
        """So many bytes more."""
        self.bytes += n_bytes

    def synced(self, n: int = 1) -> None:
        """So often more."""
        self.syncs += n


def test_what_wears_the_disk_is_told_where_it_happens(tmp_path: Path) -> None:
    """All bytes of the video and of its notes, and one sync for each fragment beside those of the notes."""
    meter = _Meter()
    spool = Spool(tmp_path, wear=meter)
    clip = Clip(_sidecar("rec-1"), spool, fragment_s=lambda: 0.5)
    for unit in encoded(50, fps=25, key_every=12):
        clip.add(unit)
    noted, syncs_of_notes, syncs_of_folders = (tmp_path / "front" / "rec-1.json").stat().st_size, 2, 3
    assert clip.size_bytes == clip.safe_bytes == meter.bytes - noted
    assert meter.syncs == 3 + syncs_of_notes + syncs_of_folders
    closed = clip.finish(0)
    assert closed
    assert meter.bytes == closed.size_bytes + noted + (tmp_path / "front" / "rec-1.json").stat().st_size
