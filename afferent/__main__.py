"""`afferent`: hands over to the edge or the cloud, each imported only when it is asked for."""

import importlib
import importlib.metadata
import os
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import click

_SIDES = {
    "edge": ("edge.__main__", "edge_cli", "the appliance: run it, check its settings, examine it", "edge,cpu"),
    "cloud": ("cloud.__main__", "cloud_cli", "the cloud: run it, migrate its database, add users", "cloud"),
    "demo": ("afferent.demo", "demo", "start an appliance and a local cloud on this machine", "edge,cpu,cloud,broker"),
}


class _Sides(click.Group):
    """Subcommands that are imported when used, so that a device needs no cloud code and `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every subcommand."""
        return [*_SIDES, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the side that was asked for; say how to install it if it is not."""
        if cmd_name not in _SIDES:
            return super().get_command(ctx, cmd_name)
        module, attribute, _, extras = _SIDES[cmd_name]
        try:
            command: Any = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"{cmd_name!r} is not installed here ({error.name} is missing): pip install 'afferent[{extras}]'"
            ) from error
        found: click.Command = command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the sides without importing them."""
        rows = [(name, words) for name, (_, _, words, _) in _SIDES.items()]
        rows += [(name, command.get_short_help_str()) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=_Sides,
    epilog="""\b
Examples:
  afferent demo                                   look at everything on this machine
  afferent edge run --config /etc/afferent/edge.toml
  afferent edge doctor                            what works, what does not, what to do
  afferent cloud account add ada                  let somebody sign in to the cloud""",
)
def main() -> None:
    """Cameras and body signals in, understood on the spot, seen on the LAN, carried to the cloud."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"afferent {importlib.metadata.version('afferent')}")


if __name__ == "__main__":
    main()
