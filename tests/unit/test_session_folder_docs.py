"""What docs/session-folder.md shows works as it stands there, on a folder that a session left."""

import re
from pathlib import Path
from typing import Any

import pytest

from edge.affect.sessions.folder.tables import ALL
from tests.conftest import ROOT
from tests.support.session_folders import FakeCameras, StillClock, opened_folders

PAGE = (ROOT / "docs/session-folder.md").read_text(encoding="utf-8")


async def test_the_examples_of_the_page_open_a_session_and_align_its_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StillClock()
    cameras = FakeCameras(tmp_path / "spool", "front", clock=clock)
    async with opened_folders(tmp_path, clock=clock, cameras=cameras, filming=["front"]) as stage:
        view = await stage.viewed(session_id="s-2026-11-21-07")
        await stage.until(lambda: bool(cameras.made))
        stage.deliver("left", 1500)
        await stage.room.desk.stop(view.session_id)
        note = await stage.whole(view.session_id)
    monkeypatch.chdir(stage.root)
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(re.sub(r"\.plot\(.*\)", "", block), names)  # noqa: S102 - our own page
    assert len(names["signals"]) == 2 * 1500
    assert names["moment"] == note.start_ms + 40 + 12_500
    assert set(names["near"].t_ms - names["moment"]) == set(range(-500, 501, 10))


def test_the_page_names_every_column_and_file() -> None:
    for table in ALL:
        assert f"{table.table}.parquet" in PAGE
        missing = [name for name in table.names if f"`{name}`" not in PAGE]
        assert not missing, table.table
