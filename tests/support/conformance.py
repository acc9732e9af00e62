"""What every object storage must do, whatever it is: one suite, which each kind of target goes through."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from edge.core.errors import LinkError
from edge.sync.targets.target import Object, Target, UploadCancelledError, UploadUnknownError

PART = 5 << 20
DATA = bytes(range(256)) * (11 << 12)
"""11 MiB: two whole parts and one of 1 MiB."""
FOLDER = "recordings/gate/2026/11/21/front"
Read = Callable[[str], bytes]
Storage = tuple[Target, Read]


def thing_of(data: bytes, name: str = "rec-1") -> Object:
    """What `data` is to become."""
    return Object(key=f"{FOLDER}/{name}.mp4", size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def nothing(_sent: int) -> None:
    """Look on."""


def part(number: int) -> bytes:
    """One part of `DATA`."""
    return DATA[(number - 1) * PART : number * PART]


def send_parts(target: Target, thing: Object, upload_id: str, numbers: tuple[int, ...] = (1, 2, 3)) -> dict[int, str]:
    """Store parts; return their tags."""
    return {number: target.put_part(thing, upload_id, number, part(number), nothing) for number in numbers}


class TargetConformance:
    """Inherit it beside a fixture `storage`: a target with parts of `PART`, and how to look behind it."""

    tells_age = True
    """Whether the storage knows when an upload was begun."""

    def test_a_small_object_goes_in_one_piece(self, storage: Storage) -> None:
        target, read = storage
        thing = thing_of(b"clip", "small")
        target.check()
        assert not target.confirm(thing, {})
        sent: list[int] = []
        target.put(thing, b"clip", sent.append)
        assert target.confirm(thing, {})
        assert read(thing.key) == b"clip"
        assert sent[-1] == 4

    def test_an_object_may_be_empty(self, storage: Storage) -> None:
        target, read = storage
        target.put(thing_of(b"", "empty"), b"", nothing)
        assert target.confirm(thing_of(b"", "empty"), {})
        assert read(thing_of(b"", "empty").key) == b""

    def test_a_big_object_goes_in_parts(self, storage: Storage) -> None:
        target, read = storage
        thing = thing_of(DATA, "big")
        upload_id = target.begin(thing)
        tags = send_parts(target, thing, upload_id)
        target.complete(thing, upload_id, tags)
        assert target.confirm(thing, tags)
        assert read(thing.key) == DATA

    def test_what_still_grows_goes_in_parts_and_is_confirmed_by_them(self, storage: Storage) -> None:
        target, read = storage
        whole = thing_of(DATA, "growing")
        growing = replace(whole, size_bytes=0, sha256="")
        upload_id = target.begin(growing)
        tags = send_parts(target, replace(growing, size_bytes=PART), upload_id, (1,))
        tags |= send_parts(target, replace(growing, size_bytes=2 * PART + 9), upload_id, (2,))
        assert target.held(replace(growing, size_bytes=2 * PART + 9), upload_id, tags) == tags
        tags |= send_parts(target, whole, upload_id, (3,))
        target.complete(whole, upload_id, tags)
        assert target.confirm(whole, tags)
        assert read(whole.key) == DATA

    def test_parts_go_side_by_side_in_any_order(self, storage: Storage) -> None:
        target, read = storage
        thing = thing_of(DATA, "wide")
        upload_id = target.begin(thing)

        def send(number: int) -> Mapping[int, str]:
            return send_parts(target, thing, upload_id, (number,))

        with ThreadPoolExecutor(3) as threads:
            tags = {number: tag for found in threads.map(send, (3, 2, 1)) for number, tag in found.items()}
        assert target.held(thing, upload_id, tags) == tags
        target.complete(thing, upload_id, tags)
        assert target.confirm(thing, tags)
        assert read(thing.key) == DATA

    def test_parts_may_be_sent_again_and_after_a_restart(self, storage: Storage) -> None:
        target, read = storage
        thing = thing_of(DATA, "again")
        upload_id = target.begin(thing)
        tags = send_parts(target, thing, upload_id, (1, 2))
        assert not target.confirm(thing, {}), "nothing is there before it is whole"
        tags |= send_parts(target, thing, upload_id, (2, 3))
        target.complete(thing, upload_id, tags)
        assert read(thing.key) == DATA

    def test_an_aborted_upload_is_unknown(self, storage: Storage) -> None:
        target, _ = storage
        thing = thing_of(DATA, "aborted")
        upload_id = target.begin(thing)
        tags = send_parts(target, thing, upload_id, (1,))
        assert target.held(thing, upload_id, tags) == tags
        assert target.held(thing, upload_id, tags | {2: '"never sent"'}) == tags
        target.abort(thing.key, upload_id)
        target.abort(thing.key, upload_id)
        with pytest.raises(UploadUnknownError):
            target.held(thing, upload_id, tags)
        with pytest.raises(LinkError):  # moto answers 500 where others say NoSuchUpload
            target.complete(thing, upload_id, tags)
        assert not target.confirm(thing, tags)

    def test_completing_twice_is_unknown_but_confirmed(self, storage: Storage) -> None:
        """A crash between the target's completion and our note of it."""
        target, _ = storage
        thing = thing_of(DATA, "twice")
        upload_id = target.begin(thing)
        tags = send_parts(target, thing, upload_id)
        target.complete(thing, upload_id, tags)
        with suppress(UploadUnknownError):
            target.complete(thing, upload_id, tags)
        assert target.confirm(thing, tags)

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, storage: Storage) -> None:
        target, read = storage
        gone, kept = thing_of(b"clip", "gone"), thing_of(b"clip", "kept")
        for thing in (gone, kept):
            target.put(thing, b"clip", nothing)
        target.delete(gone.key)
        target.delete(gone.key)
        target.delete(f"{FOLDER}/none/there.mp4")
        assert not target.confirm(gone, {})
        assert read(kept.key) == b"clip"

    def test_another_content_under_the_key_is_not_confirmed(self, storage: Storage) -> None:
        target, _ = storage
        target.put(thing_of(b"other", "x"), b"other", nothing)
        assert not target.confirm(thing_of(b"clips", "x"), {})
        assert not target.confirm(thing_of(b"longer", "x"), {})

    def test_a_part_stops_when_we_stop(self, storage: Storage) -> None:
        target, _ = storage
        thing = thing_of(DATA, "stopped")
        upload_id = target.begin(thing)

        def stop(_sent: int) -> None:
            raise UploadCancelledError("stopping")

        with pytest.raises(LinkError):
            target.put_part(thing, upload_id, 1, part(1), stop)
        target.abort(thing.key, upload_id)

    def test_uploads_left_behind_are_found_and_aborted(self, storage: Storage) -> None:
        """Where the cloud cleans up by itself nothing is found."""
        target, _ = storage
        thing = thing_of(DATA, "left")
        upload_id = target.begin(thing)
        if self.tells_age:
            assert target.abandoned(f"{FOLDER}/", 3600) == []
        assert target.abandoned("recordings/another/", -60) == []
        for left in (found := target.abandoned(f"{FOLDER}/left", -60)):
            assert left == (thing.key, upload_id)
            target.abort(left.key, left.upload_id)
        assert len(found) <= 1
        assert target.abandoned(f"{FOLDER}/left", -60) == []
