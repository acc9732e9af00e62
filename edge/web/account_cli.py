"""`afferent edge account`: who may sign in to the page, said on the box itself. No password ever is an argument."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

_config = click.option("--config", "path", type=click.Path(path_type=Path), help="Settings in TOML.")
_name = click.argument("name")
_roles = ["viewer", "operator", "admin"]
_asked = click.option(
    "--ask", is_flag=True, help="Ask for the password (or read it from a pipe) instead of making one."
)
_SHORTEST, _LONGEST = 10, 256


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the commands work on: a state folder."""

    state: Path

    def note(self, action: str, target: str) -> None:
        """Into the audit log, as whoever runs this."""
        from edge.core.audit import AuditLog
        from edge.core.clock import SystemClock

        actor = f"cli:{os.environ.get('SUDO_USER') or os.getuid()}"
        AuditLog(self.state / "audit", clock=SystemClock()).note(actor, "console", action, target)


def account_commands(state_of: Callable[[Path | None], Path]) -> click.Group:
    """The group `account`. `state_of` finds the state folder by the path of the settings, or ends the program."""

    @click.group(
        epilog="""\b
Examples:
  afferent edge account add lena --role operator
  afferent edge account list
  afferent edge account remove lena"""
    )
    @_config
    @click.pass_context
    def account(context: click.Context, path: Path | None) -> None:
        """Accounts of people: viewers see, operators also run things, admins also say who may.

        A running appliance takes up what is changed here at once.
        """
        context.obj = _Desk(state_of(path))

    for command in (_add, _list, _role, _remove, _password):
        account.add_command(command)
    return account


@click.command("add", short_help="Add an account, and print its password.")
@_name
@click.option("--role", type=click.Choice(_roles), default="viewer", show_default=True)
@_asked
@click.pass_obj
def _add(desk: _Desk, name: str, role: str, ask: bool) -> None:
    """Add the account NAME (small letters, digits, dots, dashes, underscores)."""
    from edge.core.clock import SystemClock
    from edge.web.accounts import Account, Accounts, check_name
    from edge.web.passwords import hash_password

    with _told():
        check_name(name)
        password = _chosen(ask)
        since_ms = SystemClock().now().wall_ms
        made = Account(role=role, password=hash_password(password), since_ms=since_ms)  # type: ignore[arg-type]
        Accounts(desk.state / "auth").add(name, made)
    desk.note("account add", f"account={name} role={role}")
    click.echo(f"Added {name} ({role})." if ask else password)


@click.command("list", short_help="Show every account.")
@click.pass_obj
def _list(desk: _Desk) -> None:
    """Show every account with its role."""
    from edge.web.accounts import Accounts

    with _told():
        for name, account in sorted(Accounts(desk.state / "auth").all().items()):
            click.echo(f"{name:32} {account.role}")


@click.command("role", short_help="Give another role.")
@_name
@click.argument("role", type=click.Choice(_roles))
@click.pass_obj
def _role(desk: _Desk, name: str, role: str) -> None:
    """Make the account NAME a viewer, operator or admin. The last admin stays one."""
    from edge.web.accounts import Accounts

    with _told():
        Accounts(desk.state / "auth").set_role(name, role)  # type: ignore[arg-type]
    desk.note("account role", f"account={name} role={role}")
    click.echo(f"{name} is {role} now.")


@click.command("remove", short_help="Take an account away.")
@_name
@click.pass_obj
def _remove(desk: _Desk, name: str) -> None:
    """Take the account NAME away; its sessions end. The last admin stays."""
    from edge.web.accounts import Accounts

    with _told():
        Accounts(desk.state / "auth").remove(name)
    desk.note("account remove", f"account={name}")
    click.echo(f"Removed {name}.")


@click.command("password", short_help="Give another password, and print it.")
@_name
@_asked
@click.pass_obj
def _password(desk: _Desk, name: str, ask: bool) -> None:
    """Give the account NAME another password; its sessions end."""
    from edge.web.accounts import Accounts
    from edge.web.passwords import hash_password

    with _told():
        password = _chosen(ask)
        Accounts(desk.state / "auth").set_password(name, hash_password(password))
    desk.note("account password", f"account={name}")
    click.echo(f"{name} has another password now." if ask else password)


def _chosen(ask: bool) -> str:
    from edge.web.passwords import generate_password

    if not ask:
        return generate_password()
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline(_LONGEST + 2).rstrip("\n")
    if not _SHORTEST <= len(password) <= _LONGEST:
        raise click.ClickException(f"A password has {_SHORTEST} to {_LONGEST} signs.")
    return password


@contextmanager
def _told() -> Iterator[None]:
    from contract.errors import InvalidIdError
    from edge.core.errors import EdgeError

    try:
        yield
    except (EdgeError, InvalidIdError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}; run this as the appliance's user") from error
