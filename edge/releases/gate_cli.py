"""`afferent edge gate`: whether the appliance on this machine works, and whether it may be restarted now."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from edge.core.errors import EdgeError
from edge.core.standing import Standing, read_standing
from edge.releases.gate import STEADY_S, Question, Verdict, reasons_against_restart, wait_for
from edge.releases.journal import Phase, read_journal
from edge.releases.layout import Layout
from edge.releases.places import ROOT, STATE


@click.command(
    short_help="Does the appliance work? May it be restarted now?",
    epilog="""\b
Examples:
  afferent edge gate                                   look until it works, two minutes at most
  afferent edge gate --idle                            may it be restarted now?
  cp /run/afferent/standing.json before.json           then change something, restart, and:
  afferent edge gate --before before.json --json       what did not work before is excused""",
)
@click.option("--wait", "wait_s", type=click.FloatRange(0, 3600), default=120, show_default=True, metavar="SECONDS")
@click.option(
    "--steady",
    "steady_s",
    type=click.FloatRange(0, 600),
    default=STEADY_S,
    show_default=True,
    metavar="SECONDS",
    help="It must have worked so long without a break.",
)
@click.option("--idle", is_flag=True, help="Ask only whether it may be restarted now.")
@click.option("--release", "name", default="", metavar="NAME", help="It must be this release that runs.")
@click.option("--before", type=click.Path(path_type=Path), help="A standing.json of before, to excuse what it shows.")
@click.option("--standing", type=click.Path(path_type=Path), help="The standing to judge by.")
@click.option("--state", type=click.Path(path_type=Path), default=STATE, show_default=True, help="The state folder.")
@click.option("--root", type=click.Path(path_type=Path), default=ROOT, show_default=True, help="Where releases lie.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on the standard output.")
def gate(idle: bool, as_json: bool, **said: Any) -> None:
    """Judge by the standing that the appliance writes every two seconds; say of each thing why it does not pass.

    Passes when in one run of it: the standing is fresh, the daemon is ready, no part failed, each camera's frames grow,
    every model passed its self-test, and records are acknowledged or there are none to send; and all of it holds for
    --steady seconds. --wait 0 takes one look, and asks for no steadiness. While a release is being tried, what did not
    work before is excused. Exit: 0 it passes, 1 it does not, or not within --wait seconds.
    """
    from edge.releases.compose import Choice, watch_of

    watch = watch_of(
        Choice(
            tell=lambda words: click.echo(words, err=True),
            root=said["root"],
            state=said["state"],
            standing=said["standing"],
        )
    )
    if idle:
        _answer_idle(reasons_against_restart(watch), as_json=as_json)
        return
    try:
        before = read_standing(said["before"]) if said["before"] else _before_the_update(said["root"])
    except EdgeError as error:
        raise click.ClickException(str(error)) from error
    steady_s = said["steady_s"] if said["wait_s"] else 0.0
    question = Question(release=said["name"], before=before)
    _answer(wait_for(question, watch, said["wait_s"], steady_s), as_json=as_json)


def _before_the_update(root: Path) -> Standing | None:
    """How it stood before the release that is being tried now, if one is."""
    try:
        journal = read_journal(Layout(root).journal)
    except OSError:
        return None
    return journal.standing if journal and journal.phase in {Phase.RESTARTING, Phase.TRYING} else None


def _answer(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(verdict))
    else:
        for check in verdict.checks:
            click.echo(f"{'ok   ' if check.ok else 'WRONG'} {check.name}{': ' if check.why else ''}{check.why}")
    sys.exit(not verdict.ok)


def _answer_idle(reasons: list[str], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"idle": not reasons, "busy": reasons}))
    else:
        click.echo("\n".join(reasons) or "It may be restarted.")
    sys.exit(bool(reasons))
