"""A recording gets its final name when it is closed, also while it is on its way to object storage."""

from pathlib import Path
from typing import Any

from edge.outbox.upload_rows import Upload
from edge.sync.uploading.carriage import Carriage
from tests.support.outboxes import recording


def _upload(path: Path, body: Any) -> Upload:
    return Upload(
        id="rec-1",
        kind="recording",
        rank=2,
        lane="front",
        added_row=1,
        path=path,
        key="recordings/d/front/rec-1.mp4",
        size_bytes=100,
        body=body,
        upload_id="upload-1",
        part_bytes=10,
        paused=False,
        attempts=0,
        last_error="",
        failed_ms=None,
    )


def test_what_was_begun_under_the_growing_name_is_read_on_under_the_final_one(tmp_path: Path) -> None:
    growing, whole = tmp_path / "rec-1.part.mp4", tmp_path / "rec-1.mp4"
    growing.write_bytes(bytes(100))
    road: Any = None
    carriage = Carriage(road, _upload(growing, None))
    carriage.update(_upload(growing, None), safe_bytes=50)
    reader = carriage._reader_of_parts()
    assert reader.read(1, 10, {}, lambda: None) == bytes(10)
    growing.rename(whole)
    carriage.update(_upload(whole, recording("rec-1", bytes(100))), safe_bytes=0)
    assert carriage._reader_of_parts() is reader, "what was hashed stays known"
    assert reader.read(2, 10, {}, lambda: None) == bytes(10)
