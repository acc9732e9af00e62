"""`afferent cloud account`: who may sign in and what they may do, said on the server. No password is ever an argument.

What runs meanwhile takes up a change at its next request.
"""

import getpass
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from cloud.store.accounts import FIRST_USER, Account, Accounts
from cloud.store.audit import Deed
from cloud.store.clock import SystemClock
from cloud.store.database import Database
from cloud.store.errors import AlreadyExistsError
from cloud.store.first_password import FirstPassword
from cloud.store.migrate import migrate
from cloud.store.passwords import LONGEST, SHORTEST, generate_password
from cloud.store.roles import ROLES, Role
from cloud.web.tie_cli import tie, ties, untie
from contract.times import to_wire

_CONFIG: Final = click.option("--config", "path", type=click.Path(path_type=Path), help="Settings in TOML.")
_NAME: Final = click.argument("name")


@dataclass(frozen=True)
class Desk:
    """How the commands reach what they are about, by the path of the settings."""

    with_database: Callable[[Path | None, Callable[[Database], Awaitable[Any]]], Any]
    state_of: Callable[[Path | None], Path]

    def run(self, path: Path | None, action: Callable[[Accounts], Awaitable[Any]]) -> Any:
        """Run `action` on a migrated database; what is refused becomes one line."""

        async def go(database: Database) -> Any:
            await migrate(database)
            return await action(Accounts(database))

        return self.with_database(path, go)


def account_commands(desk: Desk, name: str, *, short_help: str | None = None) -> click.Group:
    """The group of them under a name."""

    @click.group(
        name,
        short_help=short_help,
        epilog="""\b
Examples:
  afferent cloud account add ada --role operator
  afferent cloud account list
  afferent cloud account role ada viewer
  afferent cloud account tie ada gate-1 P07
  afferent cloud account first-password""",
    )
    @click.pass_context
    def group(context: click.Context) -> None:
        """Accounts: members see their own data, viewers all of it, operators ask devices, admins say who may."""
        context.obj = desk

    for command in (_add, _list, _role, _password, _remove, _first_password, tie, untie, ties):
        group.add_command(command)
    return group


@click.command(
    "add",
    epilog="""\b
Examples:
  afferent cloud account add ada --role operator      asks; an empty answer makes a password
  afferent cloud account add ada < password.txt       takes the first line
  afferent cloud account add ada --replace            a new password; ends all of ada's sessions""",
)
@_NAME
@click.option("--role", type=click.Choice(ROLES), help="viewer if absent; the first account is an admin's.")
@click.option("--replace", is_flag=True, help="Where there is one, give it a new password; its role stays.")
@_CONFIG
@click.pass_obj
def _add(desk: Desk, name: str, role: Role | None, replace: bool, path: Path | None) -> None:
    """Add the account NAME. The password is never taken from the command line."""
    if role and replace:
        raise click.ClickException("--replace leaves the role as it is: see `afferent cloud account role`")
    chosen = _ask_password()
    password, now_ms = chosen or generate_password(), SystemClock().now_ms()

    async def go(accounts: Accounts) -> str:
        try:
            given = await accounts.add(name, password, _deed("account.add", name), role=role, now_ms=now_ms)
        except AlreadyExistsError:
            if not replace:
                raise
            await accounts.set_password(name, password, _deed("account.password", name), now_ms=now_ms)
            return f"account {name} has another password"
        return f"account {name} added as {given}"

    said = desk.run(path, go)
    click.echo(said if chosen else f"{said}, password: {password}")
    _forget_first_password(desk, name, path)


@click.command("list", epilog="\b\nExamples:\n  afferent cloud account list --json")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@_CONFIG
@click.pass_obj
def _list(desk: Desk, as_json: bool, path: Path | None) -> None:
    """Show every account: its role, since when, and how often it is signed in."""
    found: list[Account] = desk.run(path, lambda accounts: accounts.all(SystemClock().now_ms()))
    if as_json:
        click.echo(msgspec.json.encode([one._asdict() for one in found]))
        return
    for one in found:
        held = f"{one.sign_ins} signed in, {one.programs} tokens"
        click.echo(f"{one.name:<32} {one.role:<9} since {to_wire(one.created_ms)}, {held}")


@click.command("role", epilog="\b\nExamples:\n  afferent cloud account role ada operator")
@_NAME
@click.argument("role", type=click.Choice(ROLES))
@_CONFIG
@click.pass_obj
def _role(desk: Desk, name: str, role: Role, path: Path | None) -> None:
    """Give the account NAME another role. The last admin stays one."""
    deed, now_ms = _deed("account.role", name), SystemClock().now_ms()
    desk.run(path, lambda accounts: accounts.set_role(name, role, deed, now_ms=now_ms))
    click.echo(f"{name} is {role} now")


@click.command("password", epilog="\b\nExamples:\n  afferent cloud account password ada < password.txt")
@_NAME
@_CONFIG
@click.pass_obj
def _password(desk: Desk, name: str, path: Path | None) -> None:
    """Give the account NAME another password, asked for or by standard input; its sessions and tokens end."""
    chosen = _ask_password()
    password, deed, now_ms = chosen or generate_password(), _deed("account.password", name), SystemClock().now_ms()
    desk.run(path, lambda accounts: accounts.set_password(name, password, deed, now_ms=now_ms))
    click.echo(f"account {name} has another password" if chosen else password)
    _forget_first_password(desk, name, path)


@click.command("remove", epilog="\b\nExamples:\n  afferent cloud account remove ada")
@_NAME
@_CONFIG
@click.pass_obj
def _remove(desk: Desk, name: str, path: Path | None) -> None:
    """Take the account NAME away, with its sessions and tokens. The last admin stays."""
    deed, now_ms = _deed("account.remove", name), SystemClock().now_ms()
    desk.run(path, lambda accounts: accounts.remove(name, deed, now_ms=now_ms))
    click.echo(f"account {name} removed")
    _forget_first_password(desk, name, path)


@click.command("first-password", epilog="\b\nExamples:\n  sudo afferent cloud account first-password")
@_CONFIG
@click.pass_obj
def _first_password(desk: Desk, path: Path | None) -> None:
    """Print the password of the account admin that the first run made, until it is replaced."""
    first = FirstPassword(desk.state_of(path))
    try:
        password = first.read()
    except OSError as error:
        raise click.ClickException(f"{first.path}: {error.strerror}; run this as the cloud's user") from error
    if not password:
        raise click.ClickException(
            f"{first.path} is not there: the first password was replaced, or this cloud never started. "
            f"This sets a new one: afferent cloud account password {FIRST_USER}"
        )
    click.echo(password)


def _ask_password() -> str:
    """What was chosen; empty for one to be made."""
    if sys.stdin.isatty():
        words = "Password (empty makes one)"
        password: str = click.prompt(words, default="", hide_input=True, confirmation_prompt=True, show_default=False)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if password and not SHORTEST <= len(password) <= LONGEST:
        raise click.ClickException(
            f"a password needs {SHORTEST} characters or more, and {LONGEST} at most: choose another one"
        )
    return password


def _deed(action: str, target: str) -> Deed:
    return Deed(actor=f"cli:{getpass.getuser()}", action=action, target=target)


def _forget_first_password(desk: Desk, name: str, path: Path | None) -> None:
    if name != FIRST_USER:
        return
    first = FirstPassword(desk.state_of(path))
    try:
        first.forget()
    except OSError as error:
        click.echo(f"{first.path} is out of date and cannot be removed: {error.strerror}", err=True)
