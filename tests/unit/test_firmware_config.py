"""What surrounds the appliance: examples that load, rules of udev that mean something, drop-ins that systemd takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.capture.settings import CommandSettings
from edge.config import load_config
from edge.models.settings import ModelSettings
from edge.sync.settings import BrokerSettings
from tests.conftest import ROOT
from tests.support.systemd_units import directives, installed_in

FIRMWARE = ROOT / "firmware-config"
EXAMPLES = sorted((FIRMWARE / "examples").glob("*.toml"))
RULES = (FIRMWARE / "udev/70-afferent.rules").read_text(encoding="utf-8").splitlines()
MATCHES = {"ACTION", "SUBSYSTEM", "KERNEL", "DRIVERS", "ENV"}
ASSIGNED = {"GROUP", "MODE", "SYMLINK", "TAG", "ENV", "ATTR", "LABEL", "GOTO"}
_TERM = re.compile(r'([A-Z]+)(\{\w+\})?(==|!=|\+=|=)"([^"]*)"')


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads(path: Path) -> None:
    config = load_config(path)
    assert config.device and config.cameras


def test_there_is_an_example_for_each_kind_of_box() -> None:
    listed = re.findall(r"`([a-z-]+\.toml)`", (FIRMWARE / "examples/README.md").read_text(encoding="utf-8"))
    assert listed == [*dict.fromkeys(listed)]
    assert sorted(listed) == [path.name for path in EXAMPLES]


def test_no_example_carries_a_secret() -> None:
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^(password|secret|token)\s*=", text, re.MULTILINE)


def test_the_fleet_device_shows_its_certificate_and_knows_no_password() -> None:
    broker = load_config(FIRMWARE / "examples/fleet-device.toml").broker
    assert (broker.tls, broker.username, broker.password_secret) == (True, "", "")
    assert broker.ca_file.startswith("/var/lib/afferent/identity/")
    assert broker != BrokerSettings()


def test_the_jetson_names_tensorrt_before_the_rest_and_reads_the_camera_daemon() -> None:
    config = load_config(FIRMWARE / "examples/jetson.toml")
    assert config.models.detector_providers[0] == "TensorrtExecutionProvider"
    assert config.models.providers == ModelSettings().providers
    (camera,) = config.cameras
    assert isinstance(camera, CommandSettings)
    assert "nvarguscamerasrc" in camera.argv


@pytest.mark.parametrize("line", [line for line in RULES if line and not line.startswith("#")])
def test_a_rule_of_udev_matches_first_and_then_assigns(line: str) -> None:
    """`udevadm verify` is of systemd 254; this reads the rules as udev does."""
    terms = [_TERM.fullmatch(term.strip()) for term in line.split(", ")]
    assert all(terms), line
    parts = [term.groups() for term in terms if term]
    matching = [operator in ("==", "!=") for _, _, operator, _ in parts]
    assert matching == sorted(matching, reverse=True)
    for (key, _, _, value), matches in zip(parts, matching, strict=True):
        assert key in (MATCHES if matches else ASSIGNED)
        assert value


def test_every_name_that_the_examples_use_is_one_that_the_rules_give() -> None:
    given = {name.rstrip(",") for line in RULES for name in re.findall(r'SYMLINK\+="(afferent/[a-z]+-usb)"', line)}
    for path in EXAMPLES:
        used = re.findall(r'"/dev/(afferent/[^"]+)"', path.read_text(encoding="utf-8"))
        assert set(used) <= given


def test_the_drop_ins_and_the_unit_of_the_jetson_are_understood_by_systemd(tmp_path: Path) -> None:
    own = installed_in(tmp_path) / "etc/systemd/system"
    drop_ins = own / "afferent-edge.service.d"
    drop_ins.mkdir()
    for file in (FIRMWARE / "jetson/jetson.conf", FIRMWARE / "raspberry-pi/afferent-edge-uart.conf"):
        shutil.copy(file, drop_ins)
    shutil.copy(FIRMWARE / "jetson/afferent-power.service", own)
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/true", tmp_path / "bin/sh")
    argv = ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", "afferent-edge.service"]
    done = subprocess.run([*argv, "afferent-power.service"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_sandbox_of_the_jetson_opens_only_what_it_says() -> None:
    names = {one.name for one in directives(FIRMWARE / "jetson/jetson.conf")}
    opened = {"DeviceAllow", "SupplementaryGroups", "MemoryDenyWriteExecute", "PrivateTmp", "PrivateUsers"}
    assert names == opened | {"Environment", "MemoryHigh", "MemoryMax"}


def test_what_a_shell_is_to_be_told_is_shell() -> None:
    for path in (*FIRMWARE.rglob("README.md"), ROOT / "systemd/README.md"):
        blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        done = subprocess.run(["bash", "-n"], input="\n".join(blocks), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path


@pytest.mark.parametrize("name", ["", "examples", "jetson", "raspberry-pi", "sensor-node", "udev"])
def test_each_folder_says_what_it_is_for(name: str) -> None:
    text = (FIRMWARE / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (FIRMWARE / name / target).exists(), target
