"""The folder of secrets that the units load as a whole reaches the settings, on the device and in the cloud."""

from pathlib import Path

import pytest

from cloud.config import CloudConfig
from edge.core.secrets import read_secret


def test_a_secret_of_the_folder_that_the_unit_loads_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd puts the id of `LoadCredential=ID:FOLDER` and a `_` before each file's name; one given alone wins."""
    loaded, own = tmp_path / "loaded", tmp_path / "secrets"
    loaded.mkdir()
    own.mkdir()
    (own / "broker").write_text("of the folder\n", encoding="utf-8")
    (loaded / "afferent_broker").write_text("of the unit\n", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(loaded))
    cloud = CloudConfig(secrets_dir=str(own))
    assert read_secret("broker", own) == cloud.secret("broker") == "of the unit"
    (loaded / "broker").write_text("of a drop-in\n", encoding="utf-8")
    assert read_secret("broker", own) == cloud.secret("broker") == "of a drop-in"
