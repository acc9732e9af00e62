"""The appliance's settings: no file works, a wrong one is told where and how, and the README's examples are right."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InvalidSettingsError
from contract.ids import check_id
from edge.config import EdgeConfig, device_name, load_config, parse_config
from edge.sync.settings import NO_BROKER
from tests.conftest import ROOT


def test_no_file_at_all_gives_an_appliance_that_works() -> None:
    config = EdgeConfig()
    assert check_id(config.device)
    assert [camera.id for camera in config.cameras] == ["front"]
    assert config.web.open_networks == ("127.0.0.0/8", "::1/128")


def test_a_config_that_names_a_broker_is_known_from_one_that_names_none() -> None:
    """By the object: somebody may well name the very broker that an appliance looks for by itself."""
    assert EdgeConfig().broker is NO_BROKER
    assert parse_config(b"[web]\nport = 1\n", "x").broker is NO_BROKER
    named = parse_config(b'[broker]\nhost = "127.0.0.1"\n', "x").broker
    assert named == NO_BROKER
    assert named is not NO_BROKER


def test_the_command_line_finds_the_state_of_an_installed_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run by root, or the appliance's user, without what systemd tells the daemon."""
    system = tmp_path / "var"
    monkeypatch.setattr("edge.config.SYSTEM_STATE", system)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    own = tmp_path / "afferent" / "edge"
    assert EdgeConfig().state == own, "nothing is installed"
    system.mkdir()
    assert EdgeConfig().state == system
    with monkeypatch.context() as somebody_else:
        somebody_else.setattr("os.geteuid", lambda: 4711)
        assert EdgeConfig().state == own
    own.mkdir(parents=True)
    assert EdgeConfig().state == own, "somebody runs one of their own here"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/other")
    assert EdgeConfig().state == Path("/var/lib/other")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[cameras]]\nsource = "simulated"\nfps = 500', ["$.cameras[0].fps", "<= 120", "500"]),
        ('[[cameras]]\nsource = "webcam"', ["$.cameras[0]", "'webcam'"]),
        ("[web]\nport = 0", ["$.web.port", ">= 1", "0"]),
        ("[wep]\nport = 1", ["$", "'wep'", "unknown"]),
        ('[broker]\npassword = "hunter2"', ["$.broker", "'password'", "unknown"]),
        ('[[cameras]]\nsource = "rtsp"\nurl = "rtsp://u:p@host/"', ["$.cameras[0]", "password_secret"]),
        ('[[cameras]]\nsource="auto"\n[[cameras]]\nsource="simulated"', ["two cameras", "'front'"]),
        ("device = 3", ["$.device", "str", "3"]),
        ("device = 'a/b'", ["$.device", "a/b"]),
        ("not toml", ["not TOML", "line 1"]),
    ],
)
def test_a_wrong_setting_is_named_with_path_bound_and_value(text: str, words: list[str]) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        parse_config(text.encode(), "edge.toml")
    assert str(caught.value).startswith("edge.toml: ")
    for word in words:
        assert word in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match=r"absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml")


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_a_clear_error(raw: bytes) -> None:
    try:
        parse_config(raw, "x")
    except InvalidSettingsError as error:
        assert str(error).startswith("x: ")


@given(st.text(max_size=80))
def test_any_host_name_gives_a_device_id(host: str) -> None:
    assert check_id(device_name(host))


def test_every_example_of_the_readme_is_read() -> None:
    """The blocks marked toml are for the device but for the one with a [store], which is the cloud's."""
    from cloud.config import CloudConfig
    from contract.settings import decode_settings

    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        raw = tomllib.loads(block)
        decode_settings(raw, CloudConfig if "store" in raw else EdgeConfig)
