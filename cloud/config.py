"""The cloud's configuration: each room's own settings under one roof, read from TOML; no file at all works too."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from cloud.ingest.settings import BrokerSettings
from cloud.objects.settings import FolderSettings, ObjectsSettings, S3Settings
from cloud.registry.settings import RegistrySettings
from cloud.store.settings import StoreSettings
from cloud.trust.settings import TrustSettings
from cloud.web.settings import ProcessSettings, WebSettings
from contract.errors import InvalidSettingsError
from contract.ids import check_id
from contract.settings import decode_settings

DEFAULT_PATH: Final = Path("/etc/afferent/cloud.toml")
_OF_FOLDER: Final = "afferent_"
"""What systemd puts before the name of a file of the folder that our units load as a whole (`LoadCredential=`)."""


class CloudConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set about the cloud."""

    state_dir: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder of everything the cloud keeps by default; empty means $STATE_DIRECTORY, "
            "else afferent/cloud in the user's state folder.",
        ),
    ] = ""
    secrets_dir: Annotated[
        str,
        Meta(max_length=4096, description="Folder of secrets, one per file; empty means secrets in the state folder."),
    ] = ""
    store: StoreSettings = msgspec.field(default_factory=StoreSettings)
    broker: BrokerSettings = msgspec.field(default_factory=BrokerSettings)
    objects: ObjectsSettings = msgspec.field(default_factory=FolderSettings)
    models: RegistrySettings = msgspec.field(default_factory=RegistrySettings)
    web: WebSettings = msgspec.field(default_factory=WebSettings)
    processes: ProcessSettings = msgspec.field(default_factory=ProcessSettings)
    trust: TrustSettings = msgspec.field(default_factory=TrustSettings)

    @property
    def state_path(self) -> Path:
        """The state folder; it need not be there yet."""
        if self.state_dir:
            return Path(self.state_dir).expanduser()
        if given := os.environ.get("STATE_DIRECTORY"):
            return Path(given.split(":")[0])
        home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(home).expanduser() / "afferent" / "cloud"

    @property
    def database_url(self) -> str:
        """The database that is meant."""
        return self.store.database_url or f"sqlite:///{self.state_path / 'cloud.db'}"

    @property
    def objects_path(self) -> Path:
        """The folder that is meant where recordings lie in one."""
        given = "" if isinstance(self.objects, S3Settings) else self.objects.path
        return Path(given).expanduser() if given else self.state_path / "objects"

    @property
    def models_path(self) -> Path:
        """The folder that is meant where models lie."""
        return Path(self.models.folder).expanduser() if self.models.folder else self.state_path / "models"

    def secret(self, name: str) -> str | None:
        """The secret `name`, or None for the empty name; raise `InvalidSettingsError` that says where it should be."""
        if not name:
            return None
        check_id(name, "secret")
        folder = Path(self.secrets_dir).expanduser() if self.secrets_dir else self.state_path / "secrets"
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        loaded = [Path(given) / name, Path(given) / f"{_OF_FOLDER}{name}"] if given else []
        places = [*loaded, folder / name]
        for path in places:
            if path.is_file():
                return path.read_text(encoding="utf-8").rstrip("\n")
        raise InvalidSettingsError(f"secret {name!r} not found: put it into {' or '.join(map(str, places))}")


def load_config(path: Path | None) -> CloudConfig:
    """Read `path`; without one, the system's file if there is one, else the defaults.

    Raise `InvalidSettingsError` that names the file, the path within it, the bound and the value.
    """
    if path is None and not DEFAULT_PATH.is_file():
        return CloudConfig()
    path = path or DEFAULT_PATH
    try:
        return decode_settings(tomllib.loads(path.read_text(encoding="utf-8")), CloudConfig)
    except OSError as error:
        raise InvalidSettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettingsError(f"{path}: not TOML: {error}") from error
    except InvalidSettingsError as error:
        raise InvalidSettingsError(f"{path}: {error}") from error
