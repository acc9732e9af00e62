"""`afferent edge diagnostics`: the bundle without the cloud, for whoever is at the machine, and for Ansible."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.config import EdgeConfig
    from edge.daemon.remote.diagnostics import Part


@click.command("diagnostics")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="Settings in TOML; by default /etc/afferent/edge.toml if it exists, else the built-in defaults.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; `-` for standard output, by default afferent-diagnostics.tar.gz here.",
)
def diagnostics(path: Path | None, output: Path | None) -> None:
    """Write a bundle for support: versions, settings without secrets, health, journal, disk, and the store's soundness.

    Safe to run beside the appliance. There is nothing of participants in it.
    """
    from contract.errors import InvalidSettingsError
    from edge.config import load_config
    from edge.daemon.remote.diagnostics import bundle

    try:
        config = load_config(path)
    except InvalidSettingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    content = bundle(_parts(config), made_s=int(time.time()))
    target = output or Path("afferent-diagnostics.tar.gz")
    if str(target) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        target.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{target}: {error.strerror}") from error
    click.echo(f"{target}: {len(content)} bytes")


def _parts(config: "EdgeConfig") -> "Mapping[str, Part]":
    import importlib.metadata
    import platform

    from edge.core.standing import find_standing, running_release
    from edge.daemon.remote.begin import FOLDER
    from edge.daemon.remote.diagnostics import as_json, disk_text, host_text, journal_text, store_text
    from edge.daemon.remote.folder import DesiredFolder
    from edge.daemon.remote.overlay import plain_of
    from edge.daemon.remote.redaction import redacted

    versions = {
        "software": importlib.metadata.version("afferent"),
        "release": running_release(Path(sys.prefix)),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    folder = DesiredFolder(config.state / FOLDER)
    desired = {"version": folder.version, "seen": folder.seen, "refused": folder.refused}
    return {
        "versions.json": lambda: as_json(versions),
        "config.json": lambda: as_json(redacted(plain_of(config))),
        "desired.json": lambda: as_json(desired),
        "standing.json": lambda: find_standing(config.state).read_bytes(),
        "store.json": lambda: store_text(config.state / "store.db"),
        "disk.json": lambda: disk_text(config.state),
        "host.txt": host_text,
        "journal.txt": journal_text,
    }
