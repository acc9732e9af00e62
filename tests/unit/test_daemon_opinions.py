"""What people say of events: the last word counts, and no word is lost to another said at the same moment."""

import threading
from pathlib import Path

import pytest

from edge.core.errors import StoreError
from edge.core.files import write_private
from edge.daemon import opinions as opinions_module
from edge.daemon.opinions import Opinions


def test_the_last_word_on_each_event_is_there_after_a_restart(tmp_path: Path) -> None:
    said = Opinions(tmp_path / "front.json")
    said.say("evt-1", normal=True)
    said.say("evt-2", normal=True)
    said.say("evt-1", normal=False)
    again = Opinions(tmp_path / "front.json")
    assert [again.of(event) for event in ("evt-1", "evt-2", "evt-3")] == [False, True, None]


def test_of_two_who_speak_at_once_both_are_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def slow(path: Path, content: bytes) -> None:
        try:
            both.wait(0.3)  # the second writer, if there may be one
        except threading.BrokenBarrierError:
            both.reset()
        write_private(path, content)

    monkeypatch.setattr(opinions_module, "write_private", slow)
    said = Opinions(tmp_path / "front.json")
    speakers = [threading.Thread(target=said.say, args=(f"evt-{at}",), kwargs={"normal": True}) for at in range(2)]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    again = Opinions(tmp_path / "front.json")
    assert [again.of("evt-0"), again.of("evt-1")] == [True, True]


def test_a_disk_that_refuses_has_heard_nothing(tmp_path: Path) -> None:
    (tmp_path / "opinions").write_text("a file where the folder should be")
    said = Opinions(tmp_path / "opinions" / "front.json")
    with pytest.raises(StoreError, match="not kept"):
        said.say("evt-1", normal=True)
    assert said.of("evt-1") is None


def test_only_the_latest_thousand_are_kept_and_a_damaged_file_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opinions_module, "_MOST", 3)
    path = tmp_path / "front.json"
    path.write_bytes(b"[1, 2")
    said = Opinions(path)
    for at in range(5):
        said.say(f"evt-{at}", normal=True)
    assert [said.of(f"evt-{at}") for at in range(5)] == [None, None, True, True, True]
