"""The playbooks, from nothing: two boxes, a broker and a cloud over ssh, and what becomes of them when things go wrong.

In the order of the file: each test leaves a site that works to the next.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from tests.fleet import appliance, scenery
from tests.fleet.box import Box
from tests.fleet.bundles import BLIND, FIRST, NEXT, bundles
from tests.fleet.figures import note
from tests.fleet.fleet import Fleet, own_net
from tests.fleet.site import CANARY, CLOUD, EDGES, HOSTS, SECRETS, WATCHED, Played, Site
from tests.fleet.watch import Watch

REST = EDGES[1]
_PARTICIPANT = "p01"
_PROMISED = (
    "gate.json", "release.json", "standing.json", "doctor.txt", "edge.toml", "journal.txt", "units.txt", "exposure.txt",
    "disk.txt", "state.txt", "memory.txt", "clock.txt", "addresses.txt", "kernel.txt",
)  # fmt: skip
_TOLD = ("gate", "release", "standing")
_CABLE_OUT_S = 25  # longer than ssh takes to notice
_TRIED_S = 600  # Ansible names a task only when it is over: how far a box is, it says itself


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = bundles()
    with _hosts() as fleet:
        scenery.still_camera(fleet.host(REST))
        yield Site(fleet, bundles=made.folder, key=made.key)


def _hosts() -> AbstractContextManager[Fleet]:
    """Hosts of our own, or the network that AFFERENT_FLEET_NET names and that stays as the tests leave it."""
    named = os.environ.get("AFFERENT_FLEET_NET")
    return nullcontext(Fleet.running(named)) if named else Fleet.started(own_net("site"), HOSTS)


def _boxes(site: Site) -> dict[str, Box]:
    return {name: Box(site.fleet.host(name)) for name in EDGES}


def _watch(site: Site) -> Watch:
    return Watch(site.fleet.host(CLOUD))


def _well(played: Played) -> Played:
    """It went through everywhere."""
    assert (played.code, played.count("failed"), played.count("unreachable")) == (0, {}, {}), played.text[-6000:]
    return played


def test_a_site_is_made_from_nothing(site: Site) -> None:
    """One command; then every box passes its gate, and what it tells has reached the cloud."""
    played = _well(site.play("provision"))
    note("provision_site_s", played.took_s)
    assert set(played.recap) == set(HOSTS)
    for name, box in _boxes(site).items():
        assert (box.current, box.good) == (FIRST, FIRST)
        box.host.run(*box.gate(wait_s=60))
        site.hear_from(name)


def test_a_second_run_changes_nothing(site: Site) -> None:
    """Also in check mode, and for the playbooks that change settings and releases."""
    assert _well(site.play("provision")).count("changed") == {}
    assert _well(site.play("provision", "--check")).count("changed") == {}
    assert _well(site.play("configure")).count("changed") == {}
    assert _well(site.play("deploy", release_version=FIRST)).count("changed") == {}


def test_the_monitoring_sees_boxes_and_cloud(site: Site) -> None:
    """Everybody answers, with series of ours, and nothing rings."""
    watch = _watch(site)
    site.until(lambda: watch.up() == dict.fromkeys(WATCHED, True), "everybody is up")
    site.until(lambda: watch.instances("rate(afferent_camera_frames_total[1m]) > 0") == set(EDGES), "frames come")
    assert watch.instances("afferent_ingest_broker_connected == 1") == {"ingest"}
    assert watch.instances("afferent_fleet_devices") == {"worker"}
    assert {name: watch.alerts(name) for name in WATCHED} == {name: {} for name in WATCHED}


def test_a_camera_that_gives_nothing_rings_and_diagnostics_tell_why(site: Site, tmp_path: Path) -> None:
    """The alert fires by the rules as shipped, and ends by itself; what is collected meanwhile names the camera."""
    watch, boxes = _watch(site), _boxes(site)
    scenery.unplug(boxes[REST].host)
    try:
        site.until(lambda: "AfferentCameraFailed" in watch.alerts(REST), "it is noticed")
        before = {name: box.traces() for name, box in boxes.items()}
        assert _well(site.play("collect-diagnostics", folder=str(tmp_path))).count("changed") == {}
        assert {name: box.traces() for name, box in boxes.items()} == before
        site.until(lambda: watch.alerts(REST).get("AfferentCameraFailed") == "firing", "it rings", within_s=240)
        assert watch.alerts(REST) == {"AfferentCameraFailed": "firing"}
    finally:
        scenery.plug_in(boxes[REST].host)
    site.until(lambda: watch.alerts(REST) == {}, "it is over", within_s=120)
    for name, box in boxes.items():
        _see_what_was_collected(tmp_path / name, box, well=name != REST)


def _see_what_was_collected(folder: Path, box: Box, *, well: bool) -> None:
    """All that the page about the fleet promises, and nothing that is secret."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert all(found.pop(name).strip() for name in _PROMISED), sorted(found)
    gate, release, standing = (json.loads((folder / f"{name}.json").read_bytes()) for name in _TOLD)
    assert (gate["ok"], release["current"], standing["release"]) == (well, FIRST, FIRST)
    wrong = [check["name"] for check in gate["checks"] if not check["ok"]]
    assert wrong == ([] if well else ["part camera.front", "camera front"])
    whole = b"".join(path.read_bytes() for path in folder.iterdir())
    secrets = box.secrets()
    assert set(SECRETS.values()) <= set(secrets)
    assert [secret for secret in secrets if secret.encode() in whole] == []
    assert not any(sign in whole for sign in (b"PRIVATE KEY", b"\xff\xd8\xff", b"\x89PNG", b"ftyp"))


def test_a_box_that_is_cut_off_is_missed(site: Site) -> None:
    """At once; the alert itself waits five minutes, for nothing is lost meanwhile."""
    watch, host = _watch(site), site.fleet.host(CANARY)
    host.pull_cable()
    try:
        site.until(lambda: watch.alerts(CANARY) == {"AfferentBoxAway": "pending"}, "it is missed")
        assert {name for name, up in watch.up().items() if not up} == {CANARY}
    finally:
        host.mend_cable()
    site.until(lambda: watch.alerts(CANARY) == {} and watch.up()[CANARY], "it is back")


def test_check_mode_says_what_would_be_done_and_does_nothing(site: Site) -> None:
    """A deployment and a setting: announced, not done, done, and then nothing is left to do."""
    before = {name: box.traces() for name, box in _boxes(site).items()}
    announced = _well(site.play("deploy", "--check", release_version=NEXT))
    assert {name: line.result for name, line in announced.report.items()} == dict.fromkeys(EDGES, "would deploy")
    wanted = {"edge_settings_box": {"log_level": "warning"}}
    assert set(_well(site.play("configure", "--check", **wanted)).count("changed")) == set(EDGES)
    assert {name: box.traces() for name, box in _boxes(site).items()} == before
    assert set(_well(site.play("configure", **wanted)).count("changed")) == set(EDGES)
    assert _well(site.play("configure", **wanted)).count("changed") == {}
    _well(site.play("configure"))


def test_a_canary_that_does_not_pass_is_taken_back_and_the_rest_untouched(site: Site) -> None:
    """Its camera gives no frame: it is active, and yet not well."""
    rest = _boxes(site)[REST]
    before = rest.traces()
    played = site.play("deploy", release_version=BLIND, edge_gate_s=30)
    assert played.code != 0
    assert played.report[CANARY].result == "failed", played.text[-4000:]
    assert "frames" in played.report[CANARY].why
    assert played.report[REST].result == "untouched"
    assert rest.traces() == before
    for box in _boxes(site).values():
        assert (box.current, box.good) == (FIRST, FIRST)
        box.host.run(*box.gate(wait_s=60))


def test_a_session_holds_a_deployment_off(site: Site) -> None:
    """The box where somebody takes part is left alone, and is not restarted; the report says why."""
    box = _boxes(site)[REST]
    box.session("begin", _PARTICIPANT)
    pid = appliance.shown(box.host, "MainPID")
    try:
        played = site.play("deploy", release_version=NEXT, edge_wait_idle_s=1)
        assert played.report[REST].result == "held", played.text[-4000:]
        assert "session" in played.report[REST].why
        assert (box.current, appliance.shown(box.host, "MainPID")) == (FIRST, pid)
    finally:
        box.session("end", _PARTICIPANT)
    assert _boxes(site)[CANARY].current == NEXT
    _well(site.play("rollback", f"--limit={CANARY}"))


def test_two_hosts_are_deployed_to_and_taken_back_in_time(site: Site) -> None:
    """`deploy_two_hosts_s`, `rollback_s`"""
    played = _well(site.play("deploy", release_version=NEXT, waves=["100%"]))
    assert {name: line.result for name, line in played.report.items()} == dict.fromkeys(EDGES, "deployed")
    assert {box.good for box in _boxes(site).values()} == {NEXT}
    back = _well(site.play("rollback"))
    assert {box.current for box in _boxes(site).values()} == {FIRST}
    took = note("deploy_two_hosts_s", played.took_s), note("rollback_s", back.took_s)
    assert took[0] <= 180
    assert took[1] <= 30


def test_a_server_that_does_not_say_that_it_is_ready_goes_back(site: Site) -> None:
    """Its units are active, but at the address that the gate asks nobody answers; what it took back works again."""
    host = site.fleet.host(CLOUD)
    played = site.play("deploy-cloud", release_version=NEXT, cloud_port=1, cloud_gate_s=15)
    assert played.code != 0
    assert played.report[CLOUD].result == "failed", played.text[-4000:]
    assert "address" in played.report[CLOUD].why
    assert (Box(host).current, Box(host).good) == (FIRST, FIRST)
    site.hear_from(CANARY)


def test_a_server_is_deployed_to_and_taken_back(site: Site) -> None:
    """By its own gate; what boxes tell meanwhile arrives, and the same release once more changes nothing."""
    host = site.fleet.host(CLOUD)
    played = _well(site.play("deploy-cloud", release_version=NEXT))
    note("deploy_server_s", played.took_s)
    assert played.report[CLOUD].result == "deployed"
    assert (Box(host).current, Box(host).good) == (NEXT, NEXT)
    for name in EDGES:
        site.hear_from(name)
    again = _well(site.play("deploy-cloud", release_version=NEXT))
    assert (again.report[CLOUD].result, again.count("changed")) == ("unchanged", {})
    _well(site.play("rollback", target="cloud"))
    assert (Box(host).current, Box(host).good) == (FIRST, FIRST)
    site.hear_from(CANARY)


def test_a_cable_pulled_in_mid_deployment(site: Site) -> None:
    """The box goes on alone with what it began; once the cable is back the playbook says how that went."""
    box = _boxes(site)[REST]
    with site.playing("deploy", f"--limit={REST}", release_version=NEXT, waves=["100%"]) as run:
        site.until(lambda: box.current == NEXT and box.good != NEXT, "it is tried", within_s=_TRIED_S)
        box.host.pull_cable()
        time.sleep(_CABLE_OUT_S)
        box.host.mend_cable()
        played = run.ended()
    assert played.report[REST].result == "deployed", played.text[-4000:]
    assert (box.current, box.good) == (NEXT, NEXT)
    box.host.run(*box.gate(wait_s=60))


def test_power_cut_in_mid_update(site: Site) -> None:
    """After the switch and before the verdict: at the next boot it is decided, and what runs is good."""
    box = _boxes(site)[CANARY]
    with site.playing("deploy", f"--limit={CANARY}", release_version=NEXT, away_s=20):
        site.until(lambda: box.current == NEXT and box.good != NEXT, "it is tried", within_s=_TRIED_S)
        box.host.cut_power()
    box.host.power_on()
    site.until(lambda: box.phase == "idle" and box.current == box.good, "it is decided", within_s=240)
    box.host.run(*box.gate(wait_s=90))


def test_certificates_are_renewed_without_losing_a_box(site: Site) -> None:
    """New serial numbers for all, and everybody still delivers."""
    before = {name: box.serial() for name, box in _boxes(site).items()}
    _well(site.play("rotate-certificates"))
    for name, box in _boxes(site).items():
        assert box.serial() != before[name]
        site.hear_from(name)


def test_a_revoked_box_is_shut_out(site: Site) -> None:
    """Its open connection ends, it says why, and the other one goes on."""
    site.fleet.host(CLOUD).run(*site.as_cloud("device", "revoke", REST))
    _well(site.play("provision", "--limit=cloud,broker"))
    box = _boxes(site)[REST]
    box.host.until(lambda: box.part("broker") == "failed", "it is refused", within_s=90)
    site.hear_from(CANARY)


def test_a_box_that_is_given_away_keeps_nothing_of_anybody(site: Site) -> None:
    """Decommission: neither participants' data nor a way in."""
    host = site.fleet.host(REST)
    assert _PARTICIPANT in host.run("sh", "-c", "ls -R /var/lib/afferent/sessions")
    _well(site.play("decommission", confirm=REST))
    assert host.ask("ls", "/var/lib/afferent/sessions").returncode != 0
    assert host.ask("ls", "/var/lib/afferent/identity/key.pem").returncode != 0
    assert not appliance.active(host)
    assert "afferent" not in host.run("ls", "-R", "/etc/systemd/system")
