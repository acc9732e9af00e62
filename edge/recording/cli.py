"""`afferent edge set-aside`: shows what lies in the spool and nobody can place, and deletes it."""

from collections.abc import Callable
from pathlib import Path

import click


def aside_command(state: Callable[[Path | None], Path]) -> click.Command:
    """The command; `state` tells the state folder of the settings at a path."""

    @click.command(
        "set-aside",
        epilog="""\b
Examples:
  afferent edge set-aside            what was set aside, since when, and how big it is
  afferent edge set-aside --remove   delete all of it, once you looked""",
    )
    @click.option("--remove", is_flag=True, help="Delete all of it, so that no power cut brings it back.")
    @click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path),
        help="Settings in TOML; by default /etc/afferent/edge.toml if it exists, else the built-in defaults.",
    )
    def set_aside(path: Path | None, *, remove: bool) -> None:
        """Show the files of recordings that nobody can place, because their notes and headers are damaged.

        Each was recorded as lost when it was set aside. They count to the disk's budget, give way when it runs short,
        and go at any erasure of a participant. Safe to run beside the appliance.
        """
        try:
            for line in _lines(state(path), remove=remove):
                click.echo(line)
        except OSError as error:
            raise click.ClickException(
                f"{error.filename}: {error.strerror}; run this as the appliance's user"
            ) from error

    return set_aside


def _lines(state: Path, *, remove: bool) -> list[str]:
    from contract.times import to_wire
    from edge.core.files import printable_name
    from edge.core.sizes import said_bytes
    from edge.recording.aside import FOLDER, AsideFolder

    aside = AsideFolder(state / "recordings" / FOLDER)
    files = aside.files()
    listed = [
        f"{printable_name(str(file.path))}  {said_bytes(file.size_bytes)}  {to_wire(file.changed_ms)}" for file in files
    ]
    if remove:
        return [*listed, f"Deleted {aside.clear()} files."]
    return [*listed, f"{len(files)} files set aside, {said_bytes(sum(file.size_bytes for file in files))}."]
