"""How full the disk is, over the API."""

from pathlib import Path

import msgspec

from edge.core.clock import SystemClock
from edge.core.health import Health
from edge.core.storage_view import StorageView
from edge.recording.retention.service import RetentionService
from edge.recording.retention.settings import RetentionSettings
from tests.support.web import make_web


def _retention(folder: Path) -> RetentionService:
    clock = SystemClock()
    return RetentionService(
        [], settings=RetentionSettings(), free_bytes=lambda: 10**10, clock=clock, health=Health(clock)
    )


async def test_the_disk_is_shown_to_who_signed_in(tmp_path: Path) -> None:
    retention = _retention(tmp_path)
    await retention.sweep()
    web = make_web(tmp_path, storage=retention)
    assert (await web.ask("GET", "/v1/storage", signed_in=False)).status_code == 401
    found = await web.ask("GET", "/v1/storage")
    view = msgspec.json.decode(found.content, type=StorageView)
    assert (view.free_bytes, view.room, view.horizon_s) == (10**10, True, None)
    assert [one.kind for one in view.classes][:3] == ["continuous", "event", "manual"]


async def test_an_appliance_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    assert (await make_web(tmp_path).ask("GET", "/v1/storage")).status_code == 404
