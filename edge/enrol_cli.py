"""`afferent edge enrol`: makes this device known to a cloud, once."""

import sys
from pathlib import Path
from typing import Any

import click


@click.command(
    "enrol",
    epilog="""\b
Examples:
  afferent edge enrol --cloud https://cloud.example.org:8443 --token-file token.txt
  ssh cloud afferent cloud device invite gate-1 |
    afferent edge enrol --cloud https://cloud.example.org:8443 --token-file -""",
)
@click.option("--cloud", required=True, help="Address of the cloud's API, https://host:port.")
@click.option("--token-file", "from_file", required=True, help="File with the token; `-` for standard input.")
@click.option("--ca-file", default="", help="Authority of the cloud's web server, where that is not the devices' own.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(1, 120), default=20.0, help="Seconds of silence to bear.")
@click.option("--replace", is_flag=True, help="Enrol anew though there is a certificate that holds.")
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    help="Settings in TOML; by default /etc/afferent/edge.toml if it exists, else the built-in defaults.",
)
def enrol(path: Path | None, **wish: Any) -> None:
    """Enrol this device: get a certificate for a token of `afferent cloud device invite NAME`.

    NAME must be this device's (`device` in the settings). The key is made here and never leaves the machine. Killed in
    between, run it again with the same token. Where the device is enrolled already it says so and spends no token. A
    running appliance takes the certificate up within seconds.
    """
    from contract.errors import InvalidSettingsError
    from edge.config import load_config
    from edge.core.clock import SystemClock
    from edge.core.errors import EdgeError
    from edge.identity.cli import Wish, enrol_here

    try:
        config = load_config(path)
        click.echo(enrol_here(Wish(device=config.device, **wish), config.state, SystemClock()))
    except InvalidSettingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except EdgeError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or 'state folder'}: {error.strerror}; run this as the appliance's user"
        ) from error


if __name__ == "__main__":
    enrol()
