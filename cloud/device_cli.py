"""`afferent cloud device`: the devices of the fleet. `cloud.trust_cli` adds what is about their certificates.

What is asked here is kept in the database, where whoever sends finds it; no other process need run meanwhile.
"""

import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar, get_args

import click
import msgspec

from cloud.command_line import CONFIG, with_database
from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.commands import Asked, CommandConflictError, CommandSlice, TooManyCommandsError
from cloud.store.database import Database
from cloud.store.desired import ANY, VersionConflictError
from cloud.store.migrate import migrate
from cloud.store.remote import Remote, remote_over
from cloud.web.fleet_shapes import LONGEST_S, DesiredRequest
from cloud.web.problems import ProblemError
from cloud.web.wishes import wish_of
from contract.ids import new_token
from contract.remote import CommandName

_T = TypeVar("_T")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.group(
    epilog="""\b
Examples:
  afferent cloud device show gate
  afferent cloud device command gate snapshot --arguments '{"camera": "front"}'
  afferent cloud device desired gate > desired.json
  afferent cloud device desired gate --set desired.json --expect 3"""
)
def device() -> None:
    """Devices: what they are, what they shall be, and what they shall do."""


@device.command("show", epilog="\b\nExamples:\n  afferent cloud device show gate --json")
@click.argument("name")
@_JSON
@CONFIG
def show(config_path: Path | None, name: str, as_json: bool) -> None:
    """Say how the device NAME is, what it refuses, and which of its commands have not ended."""

    async def go(remote: Remote) -> dict[str, Any]:
        about = (await remote.fleet.about([name]))[name]
        reported, telemetry = await remote.fleet.said(name)
        commands = await remote.commands.page(CommandSlice(device=name, state="open"))
        return {**about, "reported": reported, "telemetry": telemetry, "commands": commands}

    found = _with_remote(config_path, name, go)
    click.echo(msgspec.json.encode(found) if as_json else "\n".join(_words(found)))


@device.command(
    "command",
    epilog="""\b
Examples:
  afferent cloud device command gate restart
  afferent cloud device command gate diagnostics --expires-s 86400
  afferent cloud device command gate snapshot --arguments '{"camera": "front"}' --id shot-1""",
)
@click.argument("name")
@click.argument("what", type=click.Choice(get_args(CommandName)))
@click.option("--arguments", default="{}", help="A JSON object.")
@click.option("--expires-s", type=click.FloatRange(5, LONGEST_S), default=3600, help="Not begun after so long.")
@click.option("--id", "command_id", help="The same id again asks for nothing more; made up if absent.")
@CONFIG
def command(config_path: Path | None, name: str, what: str, arguments: str, **how: Any) -> None:
    """Ask the device NAME to do WHAT once, and print the id under which it can be followed."""
    given = _json(arguments, dict[str, Any], "--arguments")
    command_id = how["command_id"] or new_token("cmd")

    async def go(remote: Remote) -> None:
        now_ms = SystemClock().now_ms()
        asked = Asked(command_id, what, given, now_ms + round(how["expires_s"] * 1000))
        await remote.commands.ask([name], asked, _deed("command.ask", name), now_ms=now_ms)

    _with_remote(config_path, name, go)
    click.echo(command_id)


@device.command(
    "desired",
    epilog="""\b
Examples:
  afferent cloud device desired gate
  afferent cloud device desired gate --set desired.json --expect 3
  echo '{"settings": {"log_level": "debug"}}' | afferent cloud device desired gate --set -""",
)
@click.argument("name")
@click.option("--set", "wanted", type=click.File(), help="JSON with settings, plans and models; - is standard input.")
@click.option("--expect", type=click.IntRange(min=0), help="Refuse unless this is the version; 0 is none.")
@CONFIG
def desired(config_path: Path | None, name: str, wanted: TextIO | None, expect: int | None) -> None:
    """Print what the device NAME shall be, or say it anew with --set."""
    asked = _json(wanted.read(), DesiredRequest, "--set") if wanted else None

    async def go(remote: Remote) -> Any:
        if asked is None:
            return await remote.desired.newest(name)
        expected = ANY if expect is None else expect
        deed, now_ms = _deed("desired.set", name), SystemClock().now_ms()
        return await remote.desired.set(name, wish_of(asked), deed, expected=expected, now_ms=now_ms)

    found = _with_remote(config_path, name, go)
    click.echo(msgspec.json.format(msgspec.json.encode(found or DesiredRequest()), indent=2))


@device.command("remove", epilog="\b\nExamples:\n  afferent cloud device remove gate")
@click.argument("name")
@CONFIG
def remove(config_path: Path | None, name: str) -> None:
    """Take the device NAME off the list and its retained messages from the broker. Its records stay; see `revoke`."""

    async def go(remote: Remote) -> None:
        await remote.fleet.remove(name, _deed("device.remove", name), now_ms=SystemClock().now_ms())

    _with_remote(config_path, name, go)
    click.echo(f"{name} is off the list; it comes back should it speak again")


def _with_remote(config_path: Path | None, name: str, action: Callable[[Remote], Awaitable[_T]]) -> _T:
    """Run `action` where the device is known; what is refused becomes one line."""

    async def go(database: Database) -> _T:
        await migrate(database)
        remote = remote_over(database)
        if name not in await remote.fleet.known([name]):
            raise click.ClickException(f"device {name!r} never spoke: see GET /v1/devices")
        return await action(remote)

    try:
        return with_database(config_path, go)
    except VersionConflictError as error:
        raise click.ClickException(f"{error}: look at it again") from error
    except (CommandConflictError, TooManyCommandsError) as error:
        raise click.ClickException(str(error)) from error
    except ProblemError as error:
        raise click.ClickException(f"{error.problem.field}: {error.problem.detail}; {error.problem.remedy}") from error


def _deed(action: str, target: str) -> Deed:
    return Deed(actor=f"cli:{getpass.getuser()}", action=action, target=target)


def _json(text: str, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{where}: {error}") from error


def _words(found: dict[str, Any]) -> list[str]:
    reported = found["reported"] or {}
    lines = [
        f"shall be version {found['desired_version']}, is version {found['reported_version']}"
        f" ({found['desired_state'] or 'never reported'})",
        f"software {reported.get('software') or 'unknown'}, release {found['release'] or 'none'}",
        f"waiting: {found['outbox_records']} records, {found['uploads_pending']} uploads",
    ]
    lines += [f"refused {one['path']}: {one['reason']}" for one in reported.get("refused", [])]
    return lines + [f"command {one['command_id']} {one['name']}: {one['state']}" for one in found["commands"]]
