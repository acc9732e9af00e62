"""The units: systemd's own tools find nothing wrong with them, and what they say is what the code does."""

import subprocess
from pathlib import Path

import click
import pytest

from afferent.__main__ import main
from edge.daemon import run, watchdog
from edge.releases.cli import release
from edge.releases.desk import FOLDER, REQUEST
from edge.releases.places import KEYS, ROOT, STATE
from tests.support.systemd_units import UNITS, directives, installed_in, said, unit_files

EDGE, CLOUD, UPDATE = (UNITS / f"afferent-{name}.service" for name in ("edge", "cloud@", "update"))
INSTANCES = ("serve", "ingest", "worker")
LATER_THAN_252 = {
    *("ConditionCredentialEncrypted", "CoredumpReceive", "DelegateSubgroup", "ExtensionDirectoriesPolicy"),
    *("ImportCredential", "LiveMount", "MemoryKSM", "MemoryPressureThresholdSec", "MemoryPressureWatch"),
    *("MemoryTHP", "MemoryZSwapMax", "MemoryZSwapWriteback", "NFTSet", "OpenFile", "PollLimitBurst"),
    *("PollLimitIntervalSec", "PrivateBPF", "PrivatePIDs", "ProtectHostnameEx", "RestartMaxDelaySec", "RestartMode"),
    *("RestartSteps", "RootEphemeral", "SetLoginEnvironment", "SurviveFinalKillSignal", "WeightedRestart"),
}
"""Directives of systemd 253 to 257; Debian 12 has 252."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_in(tmp_path_factory.mktemp("machine"))


def test_systemd_finds_nothing_wrong(machine: Path) -> None:
    names = [path.name.replace("@.", "@serve.") for path in unit_files()]
    done = _ask("systemd-analyze", "verify", "--man=no", f"--root={machine}", *names)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "most"), [("afferent-edge", 1.7), ("afferent-cloud@serve", 1.7), ("afferent-update-boot", 1.7)]
)
def test_the_exposure_is_low(machine: Path, unit: str, most: float) -> None:
    """`exposure_score`: 1.7 or lower, of the unit as it is installed."""
    assert _exposure(machine, unit) <= most


def test_the_updater_is_as_fenced_in_as_root_can_be(machine: Path) -> None:
    """It has three capabilities and writes two folders; its score says so."""
    assert _exposure(machine, "afferent-update") <= 2.7
    assert said(UPDATE, "CapabilityBoundingSet") == ["CAP_DAC_OVERRIDE CAP_CHOWN CAP_SYS_ADMIN"]
    assert said(UPDATE, "ReadWritePaths") == ["/opt/afferent", "-/var/lib/afferent/update"]


@pytest.mark.parametrize("path", unit_files(), ids=lambda path: path.name)
def test_every_directive_is_known_to_debian_12(path: Path) -> None:
    assert not {one.name for one in directives(path)} & LATER_THAN_252


@pytest.mark.parametrize("path", [EDGE, CLOUD], ids=lambda path: path.name)
def test_what_is_started_exists(path: Path) -> None:
    (line,) = said(path, "ExecStart")
    program, *words = line.split()
    assert program in {f"/opt/afferent/{release}/venv/bin/afferent" for release in ("current", "good")}
    for instance in INSTANCES if "%i" in words else ("",):
        _parse([word.replace("%i", instance) for word in words])


@pytest.mark.parametrize("path", [UPDATE, UNITS / "afferent-update-boot.service"], ids=lambda path: path.name)
def test_the_updater_is_started_with_words_that_it_knows(path: Path) -> None:
    """It runs from the last release that was good, and works where the units and tmpfiles.d say."""
    (line,) = said(path, "ExecStart")
    program, *words = line.split()
    assert program == "/opt/afferent/good/venv/bin/afferent"
    assert words[:2] == ["edge", "release"]
    context = _parse(words[2:], release)
    assert context.params["root"] == ROOT
    assert str(ROOT) in said(path, "ReadWritePaths")
    (watched,) = said(UNITS / "afferent-update.path", "PathExists")
    assert Path(watched) == STATE / FOLDER / REQUEST
    assert str(KEYS) in _made("edge")


def test_what_waits_for_a_network_is_no_part_of_the_boot() -> None:
    """An update that cannot go on would keep `multi-user.target` waiting, and whoever waits for that."""
    (wanted,) = said(UNITS / "afferent.target", "Wants")
    assert UPDATE.name not in wanted
    assert {"afferent-update.timer", "afferent-update.path", EDGE.name} <= set(wanted.split())
    assert not said(UPDATE, "WantedBy")


def test_nothing_starts_before_what_it_reads_is_mounted() -> None:
    """A read-only root binds these with `nofail`, which nobody waits for: defaults would be taken for settings."""
    for path in (EDGE, CLOUD, UPDATE):
        assert {"/opt/afferent", "/etc/afferent"} <= _needs(path)
    assert "/var/lib/afferent" in _needs(UPDATE)  # to the others a StateDirectory= says it
    assert _needs(UNITS / "afferent-update-boot.service") == {"/opt/afferent"}


def test_a_request_that_cannot_be_deleted_does_not_start_the_updater_for_ever() -> None:
    watch = UNITS / "afferent-update.path"
    assert said(watch, "TriggerLimitIntervalSec") == ["10min"]
    assert said(watch, "TriggerLimitBurst") == ["30"]


def test_the_target_of_the_cloud_starts_each_of_its_processes() -> None:
    (wanted,) = said(UNITS / "afferent-cloud.target", "Wants")
    assert wanted.split() == [f"afferent-cloud@{instance}.service" for instance in INSTANCES]


def test_the_watchdog_is_fed_twice_before_it_bites() -> None:
    (seconds,) = said(EDGE, "WatchdogSec")
    assert float(seconds) >= 2 * watchdog._FEED_EVERY_S


def test_start_and_stop_are_given_the_time_they_take() -> None:
    """`stop_s`: SIGTERM to clean exit within 5 s; systemd kills only what did not manage."""
    (start,), (stop,) = said(EDGE, "TimeoutStartSec"), said(EDGE, "TimeoutStopSec")
    assert float(start) > 2 * watchdog._READY_WITHIN_S
    assert float(stop) > run._CLOSE_WITHIN_S + 2


@pytest.mark.parametrize("path", [EDGE, CLOUD], ids=lambda path: path.name)
def test_it_is_started_again_with_back_off(path: Path) -> None:
    """Ten starts in five minutes, then a timer; not at once where a setting is wrong, always where it asks for it."""
    assert said(path, "Restart") == ["always"]
    assert said(path, "RestartForceExitStatus") == said(path, "SuccessExitStatus") == ["75"]
    assert said(path, "RestartPreventExitStatus") == ["2"]
    (timer,) = said(path, "OnFailure")
    again = UNITS / timer.replace("@%i", "@")
    assert said(again, "Unit") == [path.name.replace("@.", "@%i.")]
    assert said(again, "RemainAfterElapse") == ["no"]


def test_secrets_that_are_not_there_do_not_keep_it_from_starting() -> None:
    """A folder may be empty, a file may not be missing; tmpfiles.d makes the folder."""
    for path, kind in ((EDGE, "edge"), (CLOUD, "cloud")):
        (secrets,) = said(path, "LoadCredential")
        name, _, folder = secrets.partition(":")
        assert (name, _made(kind)[folder]) == ("afferent", ("0700", "root"))


@pytest.mark.parametrize(("path", "kind"), [(EDGE, "edge"), (CLOUD, "cloud")])
def test_its_user_exists_and_owns_its_state(path: Path, kind: str) -> None:
    (user,), (state,), (mode,) = (said(path, name) for name in ("User", "StateDirectory", "StateDirectoryMode"))
    lines = (UNITS / f"sysusers.d/afferent-{kind}.conf").read_text(encoding="utf-8").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("u ")] == [user]
    assert _made(kind)[f"/var/lib/{state}"] == (mode, user)


def test_the_appliance_may_use_cameras_boards_and_bluetooth() -> None:
    lines = (UNITS / "sysusers.d/afferent-edge.conf").read_text(encoding="utf-8").splitlines()
    groups = {line.split()[2] for line in lines if line.startswith("m afferent ")}
    assert groups == {"video", "dialout", "bluetooth", "systemd-journal"}
    assert {"char-81 rw", "char-166 rw", "char-188 rw"} <= set(said(EDGE, "DeviceAllow"))


def test_systemd_makes_the_users(tmp_path: Path) -> None:
    for kind in ("edge", "cloud"):
        done = _ask(
            "systemd-sysusers", f"--root={tmp_path}", "--dry-run", str(UNITS / f"sysusers.d/afferent-{kind}.conf")
        )
        assert done.returncode == 0, done.stderr


def _made(kind: str) -> dict[str, tuple[str, str]]:
    """Mode and owner of each folder that tmpfiles.d makes."""
    lines = (UNITS / f"tmpfiles.d/afferent-{kind}.conf").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if line.startswith("d ")]
    return {path: (mode, user) for _, path, mode, user, *_ in words}


def _needs(path: Path) -> set[str]:
    return {name for line in said(path, "RequiresMountsFor") for name in line.split()}


def _exposure(machine: Path, unit: str) -> float:
    done = _ask("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--root={machine}", f"{unit}.service")
    (line,) = [line for line in done.stdout.splitlines() if "Overall exposure level" in line]
    return float(line.split(":")[1].split()[0])


def _ask(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def _parse(words: list[str], command: click.Command = main) -> click.Context:
    """Let click follow the words to a command, and take its options; raises what click would tell a person."""
    context = click.Context(command)
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name!r} in {context.command_path!r}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command.make_context(command.name, words)
