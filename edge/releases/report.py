"""What a command of `release` ends with: one object for programs, or a few lines for people, and an exit code."""

from collections.abc import Callable
from typing import Final

import click
import msgspec
from msgspec import Struct

from edge.releases.journal import Journal, Outcome, read_journal
from edge.releases.layout import Layout

NOT_NOW: Final = 75
"""EX_TEMPFAIL of sysexits.h: try again later."""


class Report(Struct, frozen=True, kw_only=True):
    """See docs/releases.md."""

    v: int = 1
    outcome: str
    changed: bool
    release: str
    reason: str
    phase: str
    current: str
    good: str
    previous: str
    releases: list[str]
    last: Outcome | None = None


def report_of(layout: Layout, outcome: str, *, release: str = "", reason: str = "", changed: bool = False) -> Report:
    """How things stand below the root, and what the command did."""
    journal = read_journal(layout.journal) or Journal()
    return Report(
        outcome=outcome,
        changed=changed,
        release=release or journal.release,
        reason=reason,
        phase=journal.phase.value,
        current=layout.points_to("current"),
        good=layout.points_to("good"),
        previous=journal.previous,
        releases=layout.staged(),
        last=journal.last,
    )


def show(report: Report, *, as_json: bool) -> None:
    """Print it on the standard output."""
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    if report.outcome != "status":
        click.echo(f"{report.outcome}: {report.release or '-'}{': ' if report.reason else ''}{report.reason}")
    click.echo(f"current   {report.current or 'none'}")
    click.echo(f"good      {report.good or 'none'}")
    click.echo(f"previous  {report.previous or 'none'}")
    click.echo(f"staged    {', '.join(report.releases) or 'none'}")
    if report.phase != "idle":
        click.echo(f"under way {report.release or 'an update'}: {report.phase}")
    if report.last:
        why = f": {report.last.reason}" if report.last.reason else ""
        click.echo(f"last      {report.last.result} {report.last.release}{why} ({report.last.ended})")


def progress(*, as_json: bool) -> Callable[[str], None]:
    """Tells what is being done: to people on the standard error, in both forms."""
    return lambda words: click.echo(words if as_json else f"· {words}", err=True)
