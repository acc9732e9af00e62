"""`afferent cloud authority`, and what `afferent cloud device` has to do with certificates."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from cloud.command_line import CONFIG, load, run_to_end
from cloud.config import CloudConfig
from cloud.daemon import open_database
from cloud.device_cli import device
from cloud.store.clock import SystemClock
from cloud.store.migrate import migrate
from cloud.store.private_file import write_private
from cloud.trust.broker import SERVICE_SIGN, access_list, mosquitto_conf
from cloud.trust.desk import TrustDesk, trust_desk
from cloud.trust.errors import TrustError
from cloud.trust.issuing import Order
from cloud.trust.register import OTHERS, Asker
from contract.errors import ContractError
from contract.ids import check_id
from contract.times import to_wire

_T = TypeVar("_T")
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
_SANS: Final = click.option("--san", "sans", multiple=True, help="A host name or address; NAME if none is given.")
_OUT: Final = click.option("--out", type=click.Path(path_type=Path), help="Folder to make NAME/ in.")
_REQUEST: Final = click.option(
    "--request", type=click.File(), help="Sign this certificate signing request instead of making a key; prints PEM."
)


@click.group(
    epilog="""\b
Examples:
  afferent cloud authority init
  afferent cloud authority issue-server broker.example.org --san broker.example.org --san 192.0.2.7
  afferent cloud authority issue-client ingest
  afferent cloud authority broker-acl > acl"""
)
def authority() -> None:
    """The private authority that certifies devices, broker and cloud. See docs/trust.md."""


@authority.command("init")
@_JSON
@CONFIG
def init(config_path: Path | None, as_json: bool) -> None:
    """Make the authority's key, certificate and list of the revoked, where they are missing."""

    async def go(desk: TrustDesk) -> bool:
        made = await asyncio.to_thread(desk.authority.init, desk.clock.now_ms())
        return await desk.revocation.refresh() or made

    made = _with_desk(config_path, go)
    _say_authority(load(config_path), {"changed": made}, as_json)


@authority.command("show")
@_JSON
@CONFIG
def show(config_path: Path | None, as_json: bool) -> None:
    """Say where the authority is, until when it holds, and its pin."""
    _say_authority(load(config_path), {}, as_json)


@authority.command("crl")
@click.option("--out", type=click.Path(path_type=Path), help="Copy the list there instead of printing it.")
@CONFIG
def crl(config_path: Path | None, out: Path | None) -> None:
    """Bring the list of revoked certificates up to date, and print it."""

    async def go(desk: TrustDesk) -> str:
        await desk.revocation.refresh()
        return await asyncio.to_thread(desk.authority.revocation_list)

    _give(_with_desk(config_path, go), out)


@authority.command("issue-server")
@click.argument("name")
@_SANS
@_OUT
@_REQUEST
@_JSON
@CONFIG
def issue_server(config_path: Path | None, name: str, sans: tuple[str, ...], **how: Any) -> None:
    """Certify a server that is reached as NAME (or by --san): key.pem and certificate.pem below --out/NAME.

    What is there and holds for another third of its time is left alone.
    """
    days = load(config_path).trust.server_days
    _issue(config_path, Order("server", name, sans or (name,), days), "servers", **how)


@authority.command("issue-client")
@click.argument("name")
@_OUT
@_REQUEST
@_JSON
@CONFIG
def issue_client(config_path: Path | None, name: str, **how: Any) -> None:
    """Certify a part of the cloud as a client of the broker, with the common name @NAME.

    What is there and holds for another third of its time is left alone.
    """
    days = load(config_path).trust.server_days
    _issue(config_path, Order("client", f"{SERVICE_SIGN}{_checked(name)}", (), days), "clients", **how)


@authority.command("revoke")
@click.argument("name")
@CONFIG
def revoke_name(config_path: Path | None, name: str) -> None:
    """Revoke all certificates whose common name is NAME: of a server, or @NAME of a client; no device's."""
    ended = _with_desk(config_path, lambda desk: desk.revocation.revoke(name, by=_asker(), kinds=OTHERS))
    click.echo(f"{ended} certificates of {name} revoked; see that brokers take up the list")


@authority.command("broker-conf")
@click.option("--folder", default="/etc/mosquitto/afferent", help="Where its certificates will lie.")
@click.option("--port", default=8883, help="TCP port.")
def broker_conf(folder: str, port: int) -> None:
    """Print the configuration of a mosquitto that admits by certificate alone."""
    click.echo(mosquitto_conf(folder, port), nl=False)


@authority.command("broker-acl")
@click.option("--client", "clients", multiple=True, default=("ingest",), help="Of issue-client; may be repeated.")
@click.option("--home-assistant", is_flag=True, help="Also let devices introduce themselves to Home Assistant.")
def broker_acl(clients: tuple[str, ...], home_assistant: bool) -> None:
    """Print the access list that keeps each device to its own topics."""
    click.echo(access_list([_checked(each) for each in clients], home_assistant=home_assistant), nl=False)


@device.command("invite")
@click.argument("name")
@click.option("--hours", type=click.FloatRange(1 / 60, 720), help="Life of the token; trust.token_hours if absent.")
@CONFIG
def invite(config_path: Path | None, name: str, hours: float | None) -> None:
    """Print a token with which the device NAME can enrol once. An unused one that it had dies."""
    click.echo(_with_desk(config_path, lambda desk: desk.enrolment.invite(name, by=_asker(), hours=hours)))


@device.command("list")
@_JSON
@CONFIG
def list_devices(config_path: Path | None, as_json: bool) -> None:
    """List devices that were invited or certified, and until when."""
    rows = _with_desk(config_path, lambda desk: desk.register.devices())
    if as_json:
        click.echo(msgspec.json.encode([row._asdict() for row in rows]))
        return
    now_ms = SystemClock().now_ms()
    for row in rows:
        click.echo(f"{row.device:<32} {_standing(row.expires_ms, row.revoked_ms, row.invited_until_ms, now_ms)}")


@device.command("revoke")
@click.argument("name")
@CONFIG
def revoke(config_path: Path | None, name: str) -> None:
    """End all certificates and invitations of the device NAME, and write the list that brokers read."""
    ended = _with_desk(config_path, lambda desk: desk.revocation.revoke(_checked(name), by=_asker()))
    click.echo(f"{ended} certificates of {name} revoked; brokers refuse it once they have read the list again")


def _issue(
    config_path: Path | None, order: Order, below: str, *, out: Path | None, request: Any, as_json: bool
) -> None:
    folder = out or _folder(load(config_path)) / below
    if request:
        pem = _with_desk(config_path, lambda desk: desk.issuing.sign_request(order, request.read()))
        _give(pem, out)
        return
    place = folder / order.name.removeprefix(SERVICE_SIGN)
    changed = _with_desk(config_path, lambda desk: desk.issuing.keep(order, place))
    _say({"folder": str(place), "name": order.name, "changed": changed}, as_json)


def _say_authority(config: CloudConfig, more: dict[str, Any], as_json: bool) -> None:
    desk = trust_desk(config.trust, config.state_path, database=open_database(config), clock=SystemClock())
    try:
        certificate, pin = desk.authority.certificate(), desk.authority.pin()
    except TrustError as error:
        raise click.ClickException(str(error)) from error
    ends = certificate.not_valid_after_utc.isoformat()
    folder = str(desk.authority.folder)
    _say({"folder": folder, "name": certificate.subject.rfc4514_string(), "expires": ends, "pin": pin} | more, as_json)


def _say(facts: dict[str, Any], as_json: bool) -> None:
    text = msgspec.json.encode(facts).decode() if as_json else "\n".join(f"{k}: {v}" for k, v in facts.items())
    click.echo(text)


def _give(pem: str, out: Path | None) -> None:
    """A broker may read its list at any moment, and one that is half there admits nobody."""
    if out is None:
        click.echo(pem, nl=False)
        return
    try:
        write_private(out, pem.encode("ascii"), mode=0o644)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror}") from error


def _standing(expires_ms: int | None, revoked_ms: int | None, invited_ms: int | None, now_ms: int) -> str:
    words = []
    if revoked_ms is not None:
        words.append(f"revoked {to_wire(revoked_ms)}")
    elif expires_ms is not None:
        words.append(f"{'ran out' if expires_ms < now_ms else 'certified until'} {to_wire(expires_ms)}")
    if invited_ms is not None and invited_ms > now_ms:
        words.append(f"invited until {to_wire(invited_ms)}")
    return ", ".join(words) or "invited, and the token died unused"


def _checked(name: str) -> str:
    try:
        return check_id(name, "name")
    except ContractError as error:
        raise click.ClickException(str(error)) from error


def _asker() -> Asker:
    return Asker(f"cli:{getpass.getuser()}")


def _folder(config: CloudConfig) -> Path:
    return Path(config.trust.folder).expanduser() if config.trust.folder else config.state_path / "authority"


def _with_desk(config_path: Path | None, action: Callable[[TrustDesk], Awaitable[_T]]) -> _T:
    """Run `action` on a migrated database; what is refused becomes one line."""
    config = load(config_path)

    async def go() -> _T:
        database = open_database(config)
        try:
            await migrate(database)
            return await action(trust_desk(config.trust, config.state_path, database=database, clock=SystemClock()))
        finally:
            await database.close()

    try:
        return run_to_end(go())
    except (TrustError, ContractError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
