"""The steps of an update that is not disturbed, what it refuses, and what it remembers."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.releases.desk import Desk, UpdateRequest, write_request
from edge.releases.errors import HeldError, NotNowError, ReleaseError
from edge.releases.journal import Journal, Outcome, Phase, read_journal, write_journal
from edge.releases.updater import MOST_DOWNLOADS, MOST_TRIALS
from tests.support.release_world import NEW, OLD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A box on which the old release is installed."""
    world = World(tmp_path / "world")
    world.prepare()
    world.installed(OLD)
    return world


def _take(world: World, bundle: Path, **order: object) -> Outcome:
    journal = Journal(source=str(bundle), **order)  # type: ignore[arg-type]
    return world.work(world.updater()).take(journal)


def _links(world: World) -> tuple[str, str]:
    return world.layout.points_to("current"), world.layout.points_to("good")


def test_a_good_release_is_kept_and_the_one_before_too(world: World) -> None:
    assert _take(world, world.bundle(NEW)).result == "committed"
    assert _links(world) == (NEW, NEW)
    assert _take(world, world.bundle("3.0")).result == "committed"
    assert world.layout.staged() == [NEW, "3.0"]
    assert read_journal(world.layout.journal) == Journal(previous=NEW, last=world.updater().journal.last)


def test_a_second_run_changes_nothing(world: World) -> None:
    bundle = world.bundle(NEW)
    assert _take(world, bundle, goal="staged").changed
    assert not _take(world, bundle, goal="staged").changed
    assert _take(world, bundle).changed
    before = world.running()
    assert not _take(world, bundle).changed
    assert world.running() == before


def test_a_bad_release_is_taken_back_with_the_reason(world: World) -> None:
    outcome = _take(world, world.bundle(NEW, "bad"))
    assert (outcome.result, outcome.ok) == ("rolled_back", False)
    assert "did not pass the gate: works: 2.0 is bad" in outcome.reason
    assert _links(world) == (OLD, OLD)
    assert world.running()["release"] == OLD


def test_a_broken_release_is_never_switched_to(world: World) -> None:
    outcome = _take(world, world.bundle(NEW, "broken"))
    assert outcome.result == "failed"
    assert "fails its self-test" in outcome.reason
    assert world.layout.staged() == [OLD]
    assert world.running()["runs"] == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"machine": "aarch64"}, "is for aarch64"),
        ({"python": "3.12"}, "is for Python 3.12"),
        ({"kind": "cloud"}, "is a release of kind cloud"),
        ({"version": "0.9"}, "older than 1.0: --downgrade"),
    ],
)
def test_what_does_not_suit_is_refused(world: World, changes: dict[str, str], why: str) -> None:
    outcome = _take(world, world.bundle(NEW, **changes))
    assert outcome.result == "failed"
    assert why in outcome.reason
    assert world.layout.staged() == [OLD]


def test_an_older_one_is_taken_where_that_is_asked_for(world: World) -> None:
    assert _take(world, world.bundle(NEW, version="0.9"), downgrade=True).result == "committed"


def test_another_build_under_a_name_that_is_taken_is_refused(world: World) -> None:
    outcome = _take(world, world.bundle(OLD, source="another"))
    assert "another release with the name 1.0 is installed" in outcome.reason


def test_a_bundle_for_which_there_is_no_room_is_refused_before_it_is_unpacked(world: World) -> None:
    bundle = world.bundle(NEW)
    updater = world.updater(keep_free=1 << 60)
    outcome = world.work(updater).take(Journal(source=str(bundle)))
    assert "MB of free disk" in outcome.reason
    assert world.layout.staged() == [OLD]


def test_it_holds_while_a_session_is_recorded_and_goes_on_after_it(world: World) -> None:
    bundle = world.bundle(NEW)
    (world.folder / "session").touch()
    with pytest.raises(HeldError, match="a session is recorded"):
        _take(world, bundle)
    assert _links(world) == (OLD, OLD)
    with pytest.raises(NotNowError, match="is under way"):
        _take(world, world.bundle("3.0"))
    with pytest.raises(HeldError):
        world.work(world.updater()).activate(NEW, Journal())
    (world.folder / "session").unlink()
    assert _take(world, bundle).result == "committed"


def test_the_same_wish_with_other_words_goes_as_far_as_they_say(world: World) -> None:
    bundle = world.bundle(NEW)
    (world.folder / "session").touch()
    with pytest.raises(HeldError):
        _take(world, bundle)
    assert _take(world, bundle, even_busy=True).result == "committed"


def test_without_a_key_nothing_is_begun_that_stays(world: World) -> None:
    bundle = world.bundle(NEW)
    (world.keys / "ours.pub").unlink()
    outcome = _take(world, bundle)
    assert (outcome.result, "put the public key there" in outcome.reason) == ("failed", True)
    assert world.updater().journal.phase is Phase.IDLE


def test_a_bundle_that_is_replaced_meanwhile_is_refused(world: World) -> None:
    bundle = world.bundle(NEW)
    updater = world.updater()
    updater.begin(Journal(phase=Phase.VERIFYING, source=str(bundle)))
    updater.run(until=Phase.STAGING)
    world.bundle("3.0").replace(bundle)
    assert "the bundle changed meanwhile" in updater.run().reason


def test_activating_is_held_without_a_trace(world: World) -> None:
    _take(world, world.bundle(NEW), goal="staged")
    (world.folder / "session").touch()
    with pytest.raises(HeldError):
        world.work(world.updater()).activate(NEW, Journal())
    assert world.updater().journal.phase is Phase.IDLE
    assert world.work(world.updater()).activate(NEW, Journal(even_busy=True)).result == "tried"


def test_activate_tries_and_commit_or_rollback_ends_it(world: World) -> None:
    _take(world, world.bundle(NEW), goal="staged")
    assert world.work(world.updater()).activate(NEW, Journal()).result == "tried"
    assert _links(world) == (NEW, OLD)
    assert not world.work(world.updater()).activate(NEW, Journal()).changed
    back = world.work(world.updater()).roll_back("asked", Journal())
    assert (back.result, back.ok) == ("rolled_back", True)
    assert _links(world) == (OLD, OLD)
    world.work(world.updater()).activate(NEW, Journal())
    assert world.work(world.updater()).commit(gate=True).result == "committed"
    assert not world.work(world.updater()).commit(gate=True).changed
    assert _links(world) == (NEW, NEW)


def test_what_fails_can_be_kept_by_who_takes_it_upon_them(world: World) -> None:
    _take(world, world.bundle(NEW, "bad"), goal="staged")
    world.work(world.updater()).activate(NEW, Journal())
    assert world.work(world.updater()).commit(gate=False).result == "committed"


def test_one_goes_back_to_what_was_good_before_and_only_once(world: World) -> None:
    _take(world, world.bundle(NEW))
    back = world.work(world.updater()).roll_back("asked", Journal())
    assert (back.result, back.release, back.ok) == ("rolled_back", OLD, True)
    assert _links(world) == (OLD, OLD)
    with pytest.raises(ReleaseError, match="no release to go back to"):
        world.work(world.updater()).roll_back("asked", Journal())
    assert not world.work(world.updater()).roll_back("asked", Journal(), to=OLD).changed


def test_only_what_was_good_before_need_not_be_steady(world: World) -> None:
    """`rollback_s`: 30 or less. A release that was taken back, or only lies there, is as good as new."""
    _take(world, world.bundle(NEW, "bad"))
    assert world.asked_of_gate() == ["1.0 new", "2.0 new", "1.0 proven"]
    _take(world, world.bundle("3.0"))
    world.work(world.updater()).roll_back("asked", Journal())
    _take(world, world.bundle("4.0"), goal="staged")
    world.work(world.updater()).roll_back("asked", Journal(), to="4.0")
    assert world.asked_of_gate()[3:] == ["3.0 new", "1.0 proven", "4.0 new"]


def test_what_is_not_there_cannot_be_activated(world: World) -> None:
    with pytest.raises(ReleaseError, match=r"no release '9\.9', only 1\.0"):
        world.work(world.updater()).activate("9.9", Journal())
    with pytest.raises(ReleaseError, match="nothing is being tried"):
        (world.layout.root / "good").unlink()
        world.work(world.updater()).commit(gate=True)


def test_a_release_under_which_the_host_goes_down_is_taken_back_at_the_next_boot(world: World) -> None:
    _take(world, world.bundle(NEW), goal="staged")
    world.work(world.updater()).activate(NEW, Journal())
    world.boot("boot-2")
    world.updater().at_boot()
    assert _links(world) == (OLD, OLD)
    world.start()
    world.resume()
    last = world.updater().journal.last
    assert last
    assert (last.result, last.ok) == ("rolled_back", False)
    assert "the host went down while it was being tried" in last.reason


def test_an_updater_that_is_killed_in_each_trial_gives_up(world: World) -> None:
    _take(world, world.bundle(NEW), goal="staged")
    world.work(world.updater()).activate(NEW, Journal())
    updater = world.updater()
    write_journal(world.layout.journal, replace(updater.journal, tries=MOST_TRIALS))
    world.resume()
    assert _links(world) == (OLD, OLD)


@pytest.mark.parametrize("phase", [Phase.VERIFYING, Phase.STAGING, Phase.TESTING])
def test_an_updater_that_dies_of_a_bundle_each_time_gives_it_up(world: World, phase: Phase) -> None:
    """Of no memory, say: systemd starts it once a minute, and nothing else could be installed meanwhile."""
    bundle = world.bundle(NEW)
    if phase is Phase.TESTING:
        _take(world, bundle, goal="staged")
    order = Journal(phase=phase, source=str(bundle), release=NEW, tries=9)
    write_journal(world.layout.journal, order)
    world.resume()
    assert _links(world) == (NEW, NEW), "the tenth time it works"
    write_journal(world.layout.journal, replace(order, tries=10))
    world.resume()
    last = world.updater().journal.last
    assert last
    assert (last.result, last.reason) == (
        "failed",
        f"{phase.value} was begun 10 times and never came to its end: given up",
    )


def test_a_lost_journal_is_not_a_lost_box(world: World) -> None:
    _take(world, world.bundle(NEW, "bad"), goal="staged")
    world.work(world.updater()).activate(NEW, Journal())
    world.layout.journal.write_text("{", encoding="utf-8")
    world.resume()
    assert _links(world) == (OLD, OLD)
    (world.layout.root / "current").unlink()
    world.updater().at_boot()
    assert _links(world) == (OLD, OLD)


def test_a_first_release_that_fails_stays_for_there_is_no_other(tmp_path: Path) -> None:
    world = World(tmp_path / "fresh")
    world.prepare()
    outcome = _take(world, world.bundle(OLD, "bad"))
    assert outcome.result == "failed"
    assert "none to go back to" in outcome.reason
    assert _links(world) == (OLD, OLD)


def test_a_bundle_that_can_never_be_had_is_given_up(world: World) -> None:
    write_request(world.state, UpdateRequest(request="r1", url="http://127.0.0.1:9/a.tar", sha256="0" * 64))
    with pytest.raises(NotNowError, match="cannot be brought"):
        world.resume()
    answer = world.answer()
    assert answer
    assert (answer.state, answer.phase) == ("under_way", "downloading")
    assert "cannot be brought" in answer.reason
    write_journal(world.layout.journal, replace(world.updater().journal, tries=MOST_DOWNLOADS))
    world.resume()
    answer = world.answer()
    assert answer
    assert answer.state == "failed"
    assert "given up" in answer.reason


def test_a_request_to_go_back_is_one_and_is_done_once(world: World) -> None:
    _take(world, world.bundle(NEW))
    for _ in range(2):
        write_request(world.state, UpdateRequest(request="r2", action="rollback"))
        world.resume()
        answer = world.answer()
        assert answer
        assert (answer.request, answer.state, answer.release) == ("r2", "succeeded", OLD)
        assert Desk(world.state).take() is None
    assert world.running() == {"release": OLD, "runs": 3}


def test_a_request_to_go_back_waits_for_the_session_to_end(world: World) -> None:
    _take(world, world.bundle(NEW))
    (world.folder / "session").touch()
    write_request(world.state, UpdateRequest(request="r2", action="rollback"))
    with pytest.raises(HeldError):
        world.resume()
    (world.folder / "session").unlink()
    world.resume()
    assert _links(world) == (OLD, OLD)


def test_a_request_that_is_none_is_answered(world: World) -> None:
    write_request(world.state, UpdateRequest(request="r1", url="file:///etc/shadow", sha256="0" * 64))
    world.resume()
    answer = world.answer()
    assert answer
    assert answer.state == "failed"
    assert "only http and https" in answer.reason


def test_a_request_cannot_name_a_file_or_a_torn_address(world: World) -> None:
    bundle = world.bundle(NEW)
    for number, url in enumerate([str(bundle), "", "http://[", "http:///x", "//host/a.tar"]):
        write_request(world.state, UpdateRequest(request=f"r{number}", url=url, sha256="0" * 64))
        world.resume()
        answer = world.answer()
        assert answer
        assert (answer.request, answer.state) == (f"r{number}", "failed")
        assert "only http and https" in answer.reason
        assert Desk(world.state).take() is None
    assert world.layout.staged() == [OLD]


def test_whatever_an_appliance_tells_the_journal_stays_one_that_can_be_read(world: World) -> None:
    updater = world.updater()
    updater.begin(Journal(phase=Phase.TRYING, release=OLD, before=OLD))
    updater.take_back("x" * (2 << 20))
    updater.run()
    found = read_journal(world.layout.journal)
    assert found
    assert found.last
    assert len(found.last.reason) == 2000


def test_pruning_spares_what_one_would_go_back_to(world: World) -> None:
    for name in (NEW, "3.0", "4.0"):
        _take(world, world.bundle(name))
    assert world.layout.staged() == ["3.0", "4.0"]
    assert not [path for path in world.layout.releases.iterdir() if path.name.startswith(".")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=9), st.integers()).map(msgspec.json.encode))
def test_a_journal_is_read_or_known_to_be_unreadable(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "update.json"
    path.write_bytes(raw)
    found = read_journal(path)
    assert found is None or found.phase is Phase.IDLE
