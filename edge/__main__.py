"""`afferent edge`: run the appliance, check its settings, examine it, its password, and its optional models."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from contract.errors import InvalidSettingsError
from edge.diagnostics_cli import diagnostics
from edge.enrol_cli import enrol
from edge.recording.cli import aside_command
from edge.releases.cli import release
from edge.releases.gate_cli import gate
from edge.web.account_cli import account_commands

if TYPE_CHECKING:
    from edge.config import EdgeConfig

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
  afferent edge password --reset                 make a new password for the page
  afferent edge model add --help                 install a detector of faces, objects or expressions
  afferent edge enrol --help                     make this device known to a cloud
  afferent edge gate                             wait until it works; exit with 1 if it does not
  afferent edge release status                   which releases lie here, which one runs"""
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
    from edge.core.logs import begin_log
    from edge.core.memory import bound_allocator

    begin_log(config.log_level)
    bound_allocator()
    from edge.core.errors import EdgeError
    from edge.daemon import run_daemon

    try:
        sys.exit(asyncio.run(run_daemon(config)))
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
@click.option(
    "--reset",
    is_flag=True,
    help="Make a new password for admin: its sessions end at once, those of other accounts go on.",
)
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


@edge_cli.group(
    epilog="""\b
Examples:
  afferent edge model add face_yunet.onnx --task faces --kind yunet --licence MIT
  afferent edge model add https://example.org/yolox_nano.onnx --sha256 6f0c... \\
      --task objects --kind yolox --labels coco --licence Apache-2.0
  afferent edge model list
  afferent edge model remove yolox_nano"""
)
def model() -> None:
    """Optional detectors: nothing is bundled, you install what you trust.

    Models are ONNX graphs. They are kept in `models` of the state folder (or in models.folder), and a running appliance
    takes up what was installed or removed within seconds. Each runs only on what moves, at a bounded rate.
    """


@model.command("add", short_help="Install a model from a file or a URL.")
@click.argument("source", metavar="FILE|URL")
@click.option("--sha256", default="", metavar="HEX", help="Digest of the graph; needed for a URL.")
@click.option("--task", type=click.Choice(["faces", "objects", "expressions"]), help="What it is to do.")
@click.option(
    "--kind",
    type=click.Choice(["yunet", "yolox", "rtdetr", "classifier"]),
    help="How its answer is to be read: yunet for faces, yolox or rtdetr (DETR too) for objects, classifier for "
    "expressions.",
)
@click.option("--labels", default="", metavar="FILE|coco", help="Class names in their order, one a line.")
@click.option("--name", default="", help="Name to install it under; by default made of the file's.")
@click.option("--licence", default="unknown", help="The licence that its publisher gives it.")
@click.option("--set", "said", multiple=True, metavar="KEY=VALUE", help="A parameter, see above; may be repeated.")
@click.option("--manifest", type=click.Path(path_type=Path), help="A manifest instead of --task, --kind and the rest.")
@_config_option
def model_add(path: Path | None, source: str, **said: Any) -> None:
    """Install the model in FILE or at URL (https, or http), of at most 200 MB.

    Its SHA-256 is compared before anything opens it. Then its tensors are read, a manifest is written (or yours is
    taken), it is run on a picture of ours, and put in place whole or not at all; a model of the same name is replaced.

    \b
    Parameters, where the publisher's recipe is not the usual one of its kind:
      channel_order=bgr|rgb  scale=NUMBER  mean=NUMBERS  std=NUMBERS   (value * scale - mean) / std
      fit=letterbox|stretch  pad=0..255    width=PIXELS height=PIXELS  where the graph leaves them open
      strides=8,16,32        decoded=0|1   activation=sigmoid|softmax|none  boxes=pixels|shares
      max_overlap=0..1       probe.CLASS=HH|HL|LH|LL   what an expression means (valence, arousal)
    A line `happy = HH` in the file of labels says the same. The usual names of expressions are known.
    """
    config = _load(path)
    from edge.core.errors import EdgeError
    from edge.vision.detect.installing import Words, add_model

    try:
        for line in add_model(Words(source=source, **said), config.models, config.state):
            click.echo(line)
    except EdgeError as error:
        raise click.ClickException(str(error)) from error


@model.command("list", short_help="Show what is installed, and whether it works.")
@_config_option
def model_list(path: Path | None) -> None:
    """Show the models that are installed, each after a self-test: task, provider and licence."""
    config = _load(path)
    from edge.vision.detect.installing import list_models

    logging.basicConfig(level=logging.ERROR)
    for line in list_models(config.models, config.state):
        click.echo(line)


@model.command("remove", short_help="Take a model out.")
@click.argument("name")
@_config_option
def model_remove(path: Path | None, name: str) -> None:
    """Take the model NAME out; a running appliance stops to use it within seconds."""
    config = _load(path)
    from edge.core.errors import EdgeError
    from edge.models.install import remove

    try:
        manifest = remove(config.models.folder_in(config.state), name)
    except EdgeError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Removed {manifest.name} {manifest.version} ({manifest.task}).")


def _kind(settings: object) -> str:
    return str(getattr(type(settings), "__struct_config__").tag)  # noqa: B009 (msgspec's own name for it)


def _load(path: Path | None) -> "EdgeConfig":
    from edge.config import load_config

    try:
        return load_config(path)
    except InvalidSettingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)


def _state(path: Path | None) -> Path:
    return _load(path).state


for _command in (gate, release, enrol, diagnostics, account_commands(_state), aside_command(_state)):
    edge_cli.add_command(_command)


if __name__ == "__main__":
    edge_cli()
