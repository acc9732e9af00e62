"""Snapshots: whole files, exact names, a bounded folder, and no way out of it."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.files import write_private
from edge.web.snapshots import Snapshots
from tests.support.clock import START_MS, FakeClock


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_name_is_the_second_and_two_of_one_second_differ(tmp_path: Path) -> None:
    """S1.12"""
    snapshots = Snapshots(tmp_path / "snapshots", clock=FakeClock(), keep=10)
    first, second = await snapshots.take(b"one"), await snapshots.take(b"two")
    assert first == f"snapshot_{START_MS // 1000 + 1}.jpg"
    assert re.fullmatch(r"snapshot_\d+\.jpg", second)
    assert (await snapshots.read(first), await snapshots.read(second)) == (b"one", b"two")


async def test_many_at_once_get_a_name_each(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path, clock=FakeClock(), keep=100)
    names = await asyncio.gather(*(snapshots.take(b"%d" % number) for number in range(24)))
    assert len(set(names)) == 24
    assert [await snapshots.read(name) for name in names] == [b"%d" % number for number in range(24)]


async def test_the_oldest_goes_and_other_files_stay(tmp_path: Path) -> None:
    clock = FakeClock()
    snapshots = Snapshots(tmp_path, clock=clock, keep=3)
    write_private(tmp_path / "readme.txt", b"mine")
    names = []
    for _ in range(5):
        clock.advance(1)
        names.append(await snapshots.take(b"x"))
    assert files_in(tmp_path) == ["readme.txt", *names[2:]]
    assert await snapshots.read(names[0]) is None


async def test_a_disk_that_does_not_take_it_raises_and_leaves_nothing(tmp_path: Path) -> None:
    write_private(tmp_path / "snapshots", b"a file where the folder should be")
    with pytest.raises(OSError, match="snapshots"):
        await Snapshots(tmp_path / "snapshots", clock=FakeClock(), keep=3).take(b"x")


@given(
    st.one_of(st.text(max_size=40), st.sampled_from(["../password.json", "snapshot_1.jpg/../x", ".", "/etc/passwd"]))
)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    reading = Snapshots(Path("/nonexistent"), clock=FakeClock(), keep=3).read(name)
    try:
        reading.send(None)
    except StopIteration as ended:
        assert ended.value is None
    else:
        reading.close()
        assert re.fullmatch(r"snapshot_[0-9]{1,12}\.jpg", name)
