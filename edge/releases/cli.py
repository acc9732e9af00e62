"""`afferent edge release`: the only thing that changes what is installed; people, Ansible and the appliance use it.

What does the work is imported when it is used: every command of the appliance, and the appliance, import this.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from edge.releases.errors import NotNowError, ReleaseError
from edge.releases.journal import Journal, Outcome, source_of
from edge.releases.layout import Layout
from edge.releases.places import KEYS, ROOT, STATE
from edge.releases.report import NOT_NOW, progress, report_of, show

if TYPE_CHECKING:
    from edge.releases.compose import Choice
    from edge.releases.working import Work

Command = Callable[..., None]
_PATH: Final = click.Path(path_type=Path)


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def put(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return put


_root = click.option("--root", type=_PATH, default=ROOT, show_default=True, help="Where the releases lie.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on the standard output.")
_common = _options(_root, _json)
_keys = click.option(
    "--keys", type=_PATH, default=KEYS, show_default=True, help="Folder with the *.pub that may sign releases."
)
_bundle = _options(
    click.argument("bundle", metavar="FILE|URL"),
    click.option("--sha256", default="", metavar="HEX", help="Digest of the bundle; needed for a URL."),
    _keys,
    click.option("--downgrade", is_flag=True, help="Take it although it is older than what is good."),
    click.option("--config", type=_PATH, help="Settings for the self-test; by default those in /etc/afferent."),
)
_switch = _options(
    click.option("--unit", "units", multiple=True, metavar="NAME", help="Restart this instead of the usual units."),
    click.option("--no-restart", is_flag=True, help="Restart nothing: somebody else does."),
    click.option("--even-busy", is_flag=True, help="Restart although a session is being recorded."),
    click.option(
        "--wait-idle",
        "wait_idle_s",
        type=click.FloatRange(0, 86_400),
        default=0,
        metavar="SECONDS",
        help="Wait so long while a session is being recorded.  [default: 0]",
    ),
)
_gate = _options(
    click.option(
        "--wait",
        "wait_s",
        type=click.FloatRange(1, 3600),
        default=120,
        metavar="SECONDS",
        help="How long the gate may take.  [default: 120]",
    ),
    click.option(
        "--steady",
        "steady_s",
        type=click.FloatRange(0, 600),
        default=10,
        metavar="SECONDS",
        help="How long it must have worked without a break.  [default: 10]",
    ),
    click.option(
        "--standing", type=_PATH, help="The daemon's standing.json; by default that of the runtime directory."
    ),
    click.option("--gate-url", default="", metavar="URL", help="On a server: what must answer 200."),
    click.option("--state", type=_PATH, default=STATE, show_default=True, help="The appliance's state folder."),
)


@click.group(
    epilog="""\b
Examples:
  afferent edge release apply afferent-0.1.1-aarch64.tar       all of it: stage, activate, commit
  afferent edge release stage https://example.org/a.tar --sha256 6f0c...
  afferent edge release activate 0.1.1                         switch, restart; it is being tried
  afferent edge release commit --wait 120                      keep it if it works, else take it back
  afferent edge release rollback                               back to what ran before
  afferent edge release status --json

\b
Exit: 0 done, 1 refused or failed or taken back, 2 wrong words, 75 not now (try again)."""
)
def release() -> None:
    """Releases side by side: installed, tried, kept or taken back; may be killed at any moment.

    What runs is chosen by the link /opt/afferent/current; nothing of an installed release is ever changed. Whatever
    dies in between, `resume` goes on, and the box has a release that runs at every moment.
    """


@release.command(short_help="Install a release beside the others; changes nothing of what runs.")
@_bundle
@_common
def stage(bundle: str, **said: Any) -> None:
    """Download (or take the file), verify signature and digests, install beside the others, self-test."""
    _run(said, lambda work: work.take(_order(said, goal="staged", source=source_of(bundle))))


@release.command(short_help="Switch to an installed release and restart; it is being tried then.")
@click.argument("name", metavar="RELEASE")
@_switch
@_gate
@_common
def activate(name: str, **said: Any) -> None:
    """Switch `current` to RELEASE and restart. Only `commit` keeps it; if the host goes down first it is taken back."""
    _run(said, lambda work: work.activate(name, _order(said)))


@release.command(short_help="Keep the release that is being tried, if it works; else take it back.")
@click.option("--no-gate", is_flag=True, help="Keep it without asking the gate.")
@_switch
@_gate
@_common
def commit(no_gate: bool, **said: Any) -> None:
    """Ask the gate, at most --wait seconds; then keep the release or go back to the one before, with the reason."""
    _run(said, lambda work: work.commit(gate=not no_gate))


@release.command(short_help="Go back to what ran before.")
@click.option("--to", default="", metavar="RELEASE", help="This one instead; it must be installed.")
@click.option("--reason", default="asked for", show_default=True, help="Kept with the outcome.")
@_switch
@_gate
@_common
def rollback(to: str, reason: str, **said: Any) -> None:
    """Take back the release that is being tried; if none is, go back to the one that was good before, if it works."""
    _run(said, lambda work: work.roll_back(reason, _order(said), to))


@release.command(short_help="All of it: stage, activate, commit.")
@_bundle
@_switch
@_gate
@_common
def apply(bundle: str, **said: Any) -> None:
    """Install a release, switch to it when no session is being recorded, and keep it if it works; else go back."""
    _run(said, lambda work: work.take(_order(said, goal="committed", source=source_of(bundle))))


@release.command(short_help="Go on with what was interrupted, then with what the appliance asks for.")
@click.option("--boot", is_flag=True, help="Only put the links right, before anything is started.")
@_keys
@click.option("--config", type=_PATH, help="Settings for the self-test; by default those in /etc/afferent.")
@_switch
@_gate
@_common
def resume(boot: bool, **said: Any) -> None:
    """Go on with what was interrupted, then with STATE/update/request.json; result.json beside it tells the end.

    Started at boot, by a timer, and when a request is written. Ends with 0 also if an update failed: the result tells;
    but not if the request cannot be deleted.
    """
    from edge.releases.desk import Desk

    if boot:
        _run(said, None)
    else:
        _run(said, lambda work: _last(work.resume(Desk(said["state"]))), fails=False)


@release.command(short_help="What runs, what is good, what is under way.")
@_common
def status(root: Path, as_json: bool) -> None:
    """Say what runs, what is good, what is installed, what is under way, and how the last update ended."""
    show(report_of(Layout(root), "status"), as_json=as_json)


@release.command(short_help="Delete releases that nobody would go back to.")
@_common
def prune(**said: Any) -> None:
    """Delete every release but current, good, the one before it, and one that is being installed."""
    from edge.releases.compose import updater_of
    from edge.releases.pruning import prune as prune_releases

    with _caught(said), updater_of(_choice(said)) as updater:
        layout, journal = Layout(said["root"]), updater.journal
        gone = prune_releases(layout, keep={journal.previous, journal.release, journal.before})
        show(report_of(layout, "pruned", reason=", ".join(gone), changed=bool(gone)), as_json=said["as_json"])


@release.command(short_help="Verify a bundle's signature and say what it is.")
@click.argument("bundle", type=_PATH, metavar="FILE")
@_keys
@_json
def inspect(bundle: Path, keys: Path, as_json: bool) -> None:
    """Verify the signature of a bundle that lies here, and say what it is. The files in it are not looked at."""
    from edge.releases.bundle import read_note
    from edge.releases.keys import load_keys

    try:
        note = read_note(bundle, load_keys(keys))
    except (ReleaseError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(note.raw, nl=False)
        return
    found = note.release
    click.echo(f"{found.release}: version {found.version}, {found.kind}, {found.machine}, Python {found.python}")
    click.echo(
        f"{len(found.files)} files, {found.total_bytes / 1e6:.0f} MB; {found.installed_bytes / 1e6:.0f} installed"
    )


@release.command("self-test", short_help="Load every bundled model and let it prove itself.")
def self_test() -> None:
    """Load every model that comes with this release; each is run before it is used. Exits with 1 if one fails."""
    from edge.core.errors import ModelError
    from edge.models.store import ModelStore

    store = ModelStore()
    for manifest in store.available():
        try:
            provider = store.load(manifest.task).provider
        except ModelError as error:
            raise click.ClickException(f"model {manifest.name}: {error}") from error
        click.echo(f"model {manifest.name} {manifest.version}: works ({provider})")


def _run(said: dict[str, Any], do: "Callable[[Work], Outcome] | None", *, fails: bool = True) -> None:
    """Carry it out as the only updater, print the report, and exit. Without `do`: what is to be done at boot."""
    from edge.releases.compose import ports_of, updater_of
    from edge.releases.working import Work

    choice, layout = _choice(said), Layout(said["root"])
    with _caught(said), updater_of(choice) as updater:
        if do is None:
            updater.at_boot()
            outcome = Outcome(result="nothing", release=updater.journal.release, changed=False)
        else:
            outcome = do(Work(updater, layout, ports_of(choice), wait_idle_s=said.get("wait_idle_s", 0.0)))
        report = report_of(
            layout, outcome.result, release=outcome.release, reason=outcome.reason, changed=outcome.changed
        )
        show(report, as_json=said["as_json"])
    if fails and not outcome.ok:
        sys.exit(1)


@contextmanager
def _caught(said: dict[str, Any]) -> Iterator[None]:
    """Errors as a report and an exit code."""
    try:
        yield
    except NotNowError as error:
        _end(said, "held", str(error), NOT_NOW)
    except (ReleaseError, OSError) as error:
        _end(said, "failed", str(error), 1)


def _end(said: dict[str, Any], outcome: str, reason: str, code: int) -> NoReturn:
    if said["as_json"]:
        show(report_of(Layout(said["root"]), outcome, reason=reason), as_json=True)
    else:
        click.echo(f"Error: {reason}", err=True)
    sys.exit(code)


def _order(said: dict[str, Any], **more: Any) -> Journal:
    return Journal(
        sha256=said.get("sha256", ""),
        downgrade=said.get("downgrade", False),
        restart=not said.get("no_restart", False),
        even_busy=said.get("even_busy", False),
        **more,
    )


def _choice(said: dict[str, Any]) -> "Choice":
    from edge.releases.compose import Choice

    known = {name: said[name] for name in Choice.__dataclass_fields__ if name in said}
    return Choice(tell=progress(as_json=said["as_json"]), **known)


def _last(outcomes: list[Outcome]) -> Outcome:
    return outcomes[-1] if outcomes else Outcome(result="nothing", release="", changed=False)


if __name__ == "__main__":
    release()
