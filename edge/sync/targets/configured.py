"""From settings to an object storage; each kind is imported only where it is configured."""

from collections.abc import Callable
from pathlib import Path

from edge.core.secrets import read_secret
from edge.sync.settings import FolderSettings, ObjectsSettings, OffSettings
from edge.sync.targets.target import Target


def target_maker(settings: ObjectsSettings, *, default_folder: Path, secrets_dir: Path) -> Callable[[], Target] | None:
    """What makes the target, None if there is none. Making it blocks; raise `LinkError` or `SecretMissingError`.

    Only the default folder is made where it is missing: another one that is gone may be a share that is not mounted.
    """
    if isinstance(settings, OffSettings):
        return None

    def make() -> Target:
        if isinstance(settings, FolderSettings):
            from edge.sync.targets.folder import FolderTarget

            folder = Path(settings.path).expanduser() if settings.path else default_folder
            return FolderTarget(folder, part_bytes=settings.part_size_bytes, create=not settings.path)
        from edge.sync.targets.s3 import S3Target, read_keys

        return S3Target(settings, read_keys(settings, lambda name: read_secret(name, secrets_dir)))

    return make
