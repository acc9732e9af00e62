"""`afferent cloud account tie`: who a member is, on which device under which name, said on the server."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import click
import msgspec

from cloud.store.accounts import Accounts
from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.ties import Tie

_CONFIG: Final = click.option("--config", "path", type=click.Path(path_type=Path), help="Settings in TOML.")
_NAME: Final = click.argument("name")
_DEVICE: Final = click.argument("device")
_PERSON: Final = click.argument("person")


class Desk(Protocol):
    """How the commands reach the accounts: `cloud.web.account_cli.Desk`."""

    def run(self, path: Path | None, action: Callable[[Accounts], Any]) -> Any:
        """Run `action` on a migrated database."""
        ...


def _of_a_person(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """A command that takes an account, a device, and a person there."""

    def made(work: Callable[..., None]) -> click.Command:
        for given in (click.pass_obj, _CONFIG, _PERSON, _DEVICE, _NAME):
            work = given(work)
        return click.command(name, epilog=f"\b\nExamples:\n  afferent cloud account {name} ada gate-1 P07")(work)

    return made


@_of_a_person("tie")
def tie(desk: Desk, name: str, device: str, person: str, path: Path | None) -> None:
    """Say that the account NAME takes part as PERSON on DEVICE: a member sees what is recorded of that person there."""
    deed, now_ms = _deed("account.tie", name), SystemClock().now_ms()
    desk.run(path, lambda accounts: accounts.ties.tie(name, Tie(device, person), deed, now_ms=now_ms))
    click.echo(f"{name} is {person} of {device}")


@_of_a_person("untie")
def untie(desk: Desk, name: str, device: str, person: str, path: Path | None) -> None:
    """Say that the account NAME is not (any more) PERSON of DEVICE."""
    deed, now_ms = _deed("account.untie", name), SystemClock().now_ms()
    desk.run(path, lambda accounts: accounts.ties.untie(name, Tie(device, person), deed, now_ms=now_ms))
    click.echo(f"{name} is not {person} of {device}")


@click.command("ties", epilog="\b\nExamples:\n  afferent cloud account ties ada --json")
@_NAME
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@_CONFIG
@click.pass_obj
def ties(desk: Desk, name: str, as_json: bool, path: Path | None) -> None:
    """Show on which devices the account NAME takes part, and under which name."""
    found: list[Tie] = desk.run(path, lambda accounts: accounts.ties.of(name))
    if as_json:
        click.echo(msgspec.json.encode([one._asdict() for one in found]))
        return
    for one in found:
        click.echo(f"{one.device:<32} {one.person}")


def _deed(action: str, account: str) -> Deed:
    return Deed(f"cli:{getpass.getuser()}", action, account)
