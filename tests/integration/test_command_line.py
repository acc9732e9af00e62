"""One command line that teaches."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud.__main__ import cloud_cli
from tests.conftest import ROOT


def afferent(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "afferent", *words], cwd=ROOT, capture_output=True, text=True, input=stdin, check=False
    )


@pytest.mark.parametrize(
    "words", [(), ("edge",), ("edge", "run"), ("edge", "doctor"), ("cloud",), ("cloud", "user", "add"), ("demo",)]
)
def test_help_teaches(words: tuple[str, ...]) -> None:
    done = afferent(*words, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    if words in {(), ("edge",), ("cloud",), ("demo",)}:
        assert "Examples:" in done.stdout


def test_every_command_of_the_issue_is_there() -> None:
    assert all(word in afferent("--help").stdout for word in ("edge", "cloud", "demo", "version"))
    assert all(word in afferent("edge", "--help").stdout for word in ("run", "check-config", "doctor"))
    assert all(word in afferent("cloud", "--help").stdout for word in ("run", "migrate", "user"))


def test_version_is_that_of_the_package() -> None:
    assert afferent("version").stdout.startswith("afferent 0.")


def test_check_config_says_what_is_wrong_and_exits_with_2(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text('[[cameras]]\nsource = "simulated"\nfps = 500\n', encoding="utf-8")
    done = afferent("edge", "check-config", "--config", str(settings))
    assert done.returncode == 2
    assert "$.cameras[0].fps" in done.stderr
    assert "500" in done.stderr
    assert "Traceback" not in done.stderr
    assert afferent("edge", "run", "--config", str(settings)).returncode == 2


def test_the_cloud_says_what_is_wrong_with_its_settings_and_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(
        f'state_dir = "{tmp_path / "state"}"\n[store]\ndatabase_url = "postgresql://me:pw@db.example.org/a"\n'
    )
    done = CliRunner().invoke(cloud_cli, ["check-config", "--config", str(path)])
    assert (done.exit_code, done.stdout.splitlines()[0]) == (
        0,
        "The settings are right. Database: postgresql at db.example.org.",
    )
    assert "pw" not in done.output
    path.write_text("[web]\nport = 99999\n")
    done = CliRunner().invoke(cloud_cli, ["check-config", "--config", str(path)])
    assert done.exit_code == 2
    assert "$.web.port" in done.output
    assert list(tmp_path.iterdir()) == [path], "it makes nothing"


def test_doctor_examines_each_part_and_says_what_to_do(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text(
        f"""
state_dir = "{tmp_path / "state"}"
[[cameras]]
id = "gone"
source = "v4l2"
device = "/dev/video99"
[[cameras]]
id = "scene"
source = "simulated"
[[sensors]]
source = "serial"
port = "/dev/ttyUSB99"
[broker]
port = 1
[objects]
type = "s3"
bucket = "nowhere"
endpoint = "http://127.0.0.1:1"
access_key_secret = "absent"
secret_key_secret = "absent"
""",
        encoding="utf-8",
    )
    done = afferent("edge", "doctor", "--config", str(settings))
    assert done.returncode == 1, done.stderr
    lines = {
        line.partition("] ")[2].partition(":")[0]: line for line in done.stdout.splitlines() if line.startswith("[")
    }
    for part in ("disk", "clock", "model motion", "model anomaly", "model emotion", "camera gone", "camera scene"):
        assert part in lines
    for part in ("camera gone", "sensor body", "broker", "object storage"):
        assert lines[part].startswith("[!!]"), lines[part]
    assert lines["camera scene"].startswith("[ok]")
    assert "absent" in lines["object storage"]
    assert done.stdout.count("→") >= 4


def test_the_first_password_is_a_private_file_and_a_new_one_can_be_made(tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text(f'state_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    first = afferent("edge", "password", "--reset", "--config", str(settings))
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.strip()) >= 16
    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0, path
        assert first.stdout.strip().encode() not in path.read_bytes(), path
