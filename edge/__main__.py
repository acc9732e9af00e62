"""`afferent edge`: run the appliance, check its settings, examine it, and its password."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contract.errors import InvalidSettingsError

if TYPE_CHECKING:
    from edge.config import EdgeConfig

_LOG_FORMAT = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="Settings in TOML; by default /etc/afferent/edge.toml if it exists, else the built-in defaults.",
)


@click.group(
    epilog="""\b
Examples:
  afferent edge doctor                           examine camera, sensor, clock, disk, broker, bucket, models
  afferent edge check-config --config edge.toml  say what is wrong with a configuration, and where
  afferent edge run --config edge.toml           run in the foreground; systemd does the same
  afferent edge password --reset                 make a new password for the page"""
)
def edge_cli() -> None:
    """The appliance: cameras and body signals in, seen on the LAN, carried to the cloud."""


@edge_cli.command()
@_config_option
def run(path: Path | None) -> None:
    """Run the appliance until SIGTERM or Ctrl-C.

    Needs no settings: it takes the first camera of this machine, or a simulated scene, and shows it on port 8000.
    """
    config = _load(path)
    logging.basicConfig(level=config.log_level.upper(), format=_LOG_FORMAT, stream=sys.stderr)
    from edge.core.memory import bound_allocator

    bound_allocator()
    from edge.core.errors import EdgeError
    from edge.daemon import run_daemon

    try:
        asyncio.run(run_daemon(config))
    except EdgeError as error:
        raise click.ClickException(str(error)) from error


@edge_cli.command("check-config")
@_config_option
def check_config(path: Path | None) -> None:
    """Read the settings and say whether they are right; exit with 2 if not. Starts nothing, changes nothing."""
    config = _load(path)
    cameras = ", ".join(f"{camera.id} ({_kind(camera)})" for camera in config.cameras) or "none"
    sensors = ", ".join(f"{sensor.id} ({_kind(sensor)})" for sensor in config.sensors) or "none"
    click.echo(f"The settings are right. Device {config.device}; cameras: {cameras}; sensors: {sensors}.")
    click.echo(f"State folder: {config.state}")


@edge_cli.command()
@_config_option
def doctor(path: Path | None) -> None:
    """Examine camera, serial port, clock, disk, broker, bucket and models; say what to do about what is wrong.

    Exits with 1 if something needs doing. Safe to run beside the appliance.
    """
    config = _load(path)
    from edge.doctor import examine

    logging.basicConfig(level=logging.CRITICAL)
    findings = examine(config, lambda finding: click.echo(finding.as_text()))
    wrong = sum(not finding.fine for finding in findings)
    click.echo("Everything examined is fine." if not wrong else f"{wrong} of {len(findings)} need attention.")
    sys.exit(1 if wrong else 0)


@edge_cli.command()
@_config_option
@click.option("--reset", is_flag=True, help="Make a new password; everybody signed in is signed out at the next start.")
def password(path: Path | None, reset: bool) -> None:
    """Say where the page's first password is, or make a new one and print it."""
    config = _load(path)
    from edge.daemon import page_password

    try:
        click.echo(page_password(config, reset=reset))
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or config.state}: {error.strerror}; run this as the appliance's user"
        ) from error


def _kind(settings: object) -> str:
    return str(getattr(type(settings), "__struct_config__").tag)  # noqa: B009 (msgspec's own name for it)


def _load(path: Path | None) -> "EdgeConfig":
    from edge.config import load_config

    try:
        return load_config(path)
    except InvalidSettingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    edge_cli()
