"""A request that cannot be deleted: it is done once, everybody is told, and the updater ends as failed."""

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from edge.releases.cli import release
from edge.releases.desk import FOLDER, REQUEST, Desk, UpdateRequest, write_request
from edge.releases.errors import StuckRequestError
from edge.releases.journal import Journal, read_journal
from tests.support.release_world import NEW, OLD, World

_ROLL_BACK: Final = UpdateRequest(request="r2", action="rollback")


class _Stuck(Desk):
    """A desk on a disk that gives nothing back: what `chattr +i` and a read-only mount do."""

    def clear(self) -> None:
        """It cannot be."""
        raise StuckRequestError("request.json cannot be deleted (Operation not permitted)")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A box on which an update was done."""
    world = World(tmp_path / "world")
    world.prepare()
    world.installed(OLD)
    _take(world, NEW)
    return world


def _take(world: World, name: str) -> None:
    assert world.work(world.updater()).take(Journal(source=str(world.bundle(name)))).result == "committed"


def _resume_stuck(world: World) -> None:
    with pytest.raises(StuckRequestError, match="cannot be deleted"):
        world.work(world.updater()).resume(_Stuck(world.state))


def test_it_is_done_once_though_others_update_in_between(world: World) -> None:
    write_request(world.state, _ROLL_BACK)
    _resume_stuck(world)
    assert world.running()["release"] == OLD
    answer = world.answer()
    assert answer
    assert (answer.request, answer.state) == ("r2", "succeeded")
    assert "cannot be deleted" in answer.reason
    _take(world, "3.0")
    runs = world.running()["runs"]
    _resume_stuck(world)
    assert (world.running()["release"], world.running()["runs"]) == ("3.0", runs)


def test_one_that_failed_before_it_began_is_not_begun_when_it_could_be(world: World) -> None:
    """There was nothing to go back to when it was asked."""
    world.work(world.updater()).roll_back("asked", Journal())
    write_request(world.state, _ROLL_BACK)
    _resume_stuck(world)
    answer = world.answer()
    assert answer
    assert (answer.state, "no release to go back to" in answer.reason) == ("failed", True)
    _take(world, "3.0")
    _resume_stuck(world)
    assert world.running()["release"] == "3.0"


def test_an_update_whose_request_stays_goes_on_to_its_end(world: World) -> None:
    world.bundle("3.0")
    write_request(world.state, UpdateRequest(request="r3", url="http://127.0.0.1:9/3.0.tar", sha256="0" * 64))
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        world.work(world.updater()).resume(_Stuck(world.state))
    journal = read_journal(world.layout.journal)
    assert journal
    assert (journal.request, journal.phase) == ("r3", "downloading")


def test_what_was_answered_is_remembered_but_not_for_ever(world: World) -> None:
    for number in range(20):
        write_request(world.state, UpdateRequest(request=f"r{number}", url="file:///x", sha256="0" * 64))
        world.resume()
    journal = read_journal(world.layout.journal)
    assert journal
    assert journal.answered == [f"r{number}" for number in range(4, 20)]


def test_a_folder_that_cannot_be_moved_aside_ends_the_updater_as_failed(world: World) -> None:
    """S6: not with 0, or nobody ever looks."""
    for name in (REQUEST, ".no-file"):
        (world.state / FOLDER / name / "full").mkdir(parents=True)
    words = ["resume", "--root", str(world.layout.root), "--state", str(world.state), "--json"]
    result = CliRunner().invoke(release, words)
    assert result.exit_code == 1
    assert "cannot be deleted" in json.loads(result.stdout)["reason"]
    answer = world.answer()
    assert answer
    assert (answer.state, "cannot be deleted" in answer.reason) == ("failed", True)
