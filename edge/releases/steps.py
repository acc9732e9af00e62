"""The steps of an update: each does all of its work, again if need be, and returns the journal of the next one."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from contract.times import to_wire
from edge.core.standing import Standing
from edge.releases.errors import HeldError, ReleaseBrokenError
from edge.releases.gate import Question, Verdict
from edge.releases.journal import Journal, Outcome, Phase, Result
from edge.releases.layout import Layout
from edge.releases.ports import Ports
from edge.releases.pruning import prune
from edge.releases.staging import Stager

_MOST_REASON: Final = 2000
"""Characters: what an appliance tells of itself goes into it, and the journal must stay one that can be read."""


class Steps:
    """Writes below the layout's root, but never the journal."""

    def __init__(self, layout: Layout, ports: Ports, stager: Stager) -> None:
        self._layout = layout
        self._ports = ports
        self._stager = stager
        self._steps: dict[Phase, Callable[[Journal], Journal]] = {
            Phase.DOWNLOADING: self._download,
            Phase.VERIFYING: self._verify,
            Phase.STAGING: self._stage,
            Phase.TESTING: self._test,
            Phase.HOLDING: self._hold,
            Phase.SWITCHING: self.switch,
            Phase.RESTARTING: self._restart,
            Phase.TRYING: self._try,
            Phase.COMMITTING: self._commit,
            Phase.RETURNING: self.go_back,
            Phase.RESTARTING_BACK: self._restart_back,
            Phase.CHECKING_BACK: self._check_back,
        }

    def do(self, journal: Journal) -> Journal:
        """The step that `journal` says. Raise `ReleaseError`, `NotNowError` or `OSError` if it cannot be done."""
        return self._steps[journal.phase](journal)

    def switch(self, journal: Journal) -> Journal:
        """Everything that a later step needs is made first: with a full disk there is no way back else."""
        if not self._layout.has(journal.release):
            raise ReleaseBrokenError(f"the release {journal.release} is gone")
        if journal.before:
            self._layout.reserve("current", journal.before)
        self._layout.reserve("good", journal.release)
        self._ports.tell(f"switching from {journal.before or 'nothing'} to {journal.release}")
        self._layout.point("current", journal.release)
        if not self._layout.points_to("good"):
            self._layout.point("good", journal.release)
        return replace(journal, phase=Phase.RESTARTING, boot=self._ports.host.boot)

    def go_back(self, journal: Journal, *, ask: bool = True) -> Journal:
        """Move `current` back; with `ask`, raise `HeldError` while a session is being recorded."""
        if ask and not journal.even_busy and journal.restart:
            self._raise_if_busy()
        self._ports.tell(f"going back to {journal.before}: {journal.reason}")
        self._layout.point("current", journal.before)
        return replace(journal, phase=Phase.RESTARTING_BACK)

    def back(self, journal: Journal, reason: str, *, asked: bool = False, even_busy: bool = False) -> Journal:
        """To be taken back for `reason`, if there is one to go back to."""
        if not journal.before:
            return self.ended(journal, "failed", f"{reason}; there is none to go back to, so it stays")
        return replace(
            journal,
            phase=Phase.RETURNING,
            reason=reason[:_MOST_REASON],
            asked_back=asked,
            even_busy=even_busy or journal.even_busy,
        )

    def went_back(self, journal: Journal, reason: str) -> Journal:
        """The old one runs again, for `reason`."""
        self._layout.sweep()
        return self.ended(journal, "rolled_back", reason, ok=journal.asked_back)

    def ended(
        self, journal: Journal, result: Result, reason: str = "", *, changed: bool = True, ok: bool | None = None
    ) -> Journal:
        """At rest, with how it came out."""
        self._ports.tell(f"{result}: {journal.release}{': ' if reason else ''}{reason}")
        last = Outcome(
            result=result,
            ok=result != "failed" if ok is None else ok,
            release=journal.release,
            reason=reason[:_MOST_REASON],
            request=journal.request,
            changed=changed,
            ended=to_wire(self._ports.time.wall_ms()),
        )
        rest = Journal(previous=journal.previous, last=last, answered=journal.answered)
        return rest.with_answered(journal.request)

    def _download(self, journal: Journal) -> Journal:
        self._stager.bring(journal)
        return replace(journal, phase=Phase.VERIFYING)

    def _verify(self, journal: Journal) -> Journal:
        release = self._stager.verify(journal)
        if self._layout.has(release):
            return replace(journal, phase=Phase.TESTING, release=release)
        return replace(journal, phase=Phase.STAGING, release=release)

    def _stage(self, journal: Journal) -> Journal:
        self._stager.stage(journal)
        return replace(journal, phase=Phase.TESTING, made=True)

    def _test(self, journal: Journal) -> Journal:
        """The stager deletes what fails here, unless it runs."""
        self._stager.test(journal)
        if journal.goal == "staged":
            self._layout.sweep()
            return self.ended(journal, "staged", changed=journal.made)
        return replace(journal, phase=Phase.HOLDING)

    def _hold(self, journal: Journal) -> Journal:
        if self._layout.points_to("current") == journal.release:
            return self._already(journal)
        if not journal.even_busy:
            self._raise_if_busy()
        standing = self._ports.standing()
        return replace(journal, phase=Phase.SWITCHING, before=self._layout.points_to("current"), standing=standing)

    def _already(self, journal: Journal) -> Journal:
        good = self._layout.points_to("good")
        if good == journal.release:
            return self.ended(journal, "committed", changed=False)
        return replace(journal, phase=Phase.TRYING, before=good, boot=self._ports.host.boot)

    def _restart(self, journal: Journal) -> Journal:
        if journal.boot != self._ports.host.boot and journal.before:
            return self.back(journal, "the host went down while it was being started")
        if journal.restart:
            self._ports.tell("restarting")
            self._ports.restart(self._layout.note_of(journal.release).kind)
        return replace(journal, phase=Phase.TRYING)

    def _try(self, journal: Journal) -> Journal:
        if journal.boot != self._ports.host.boot and journal.before:
            return self.back(journal, "the host went down while it was being tried")
        proven = journal.release == journal.previous
        verdict = self._ask_gate(journal.release, journal.standing, proven=proven)
        if verdict.ok:
            return replace(journal, phase=Phase.COMMITTING)
        return self.back(journal, f"it did not pass the gate: {verdict.reason}")

    def _commit(self, journal: Journal) -> Journal:
        good = self._layout.points_to("good")
        previous = good if good not in {"", journal.release} else journal.before or journal.previous
        self._layout.point("good", journal.release)
        self._layout.sweep()
        prune(self._layout, keep={journal.release, previous})
        result: Result = "rolled_back" if journal.back else "committed"
        return replace(self.ended(journal, result), previous="" if journal.back else previous)

    def _restart_back(self, journal: Journal) -> Journal:
        if journal.restart:
            self._ports.restart(self._layout.note_of(journal.before).kind)
        return replace(journal, phase=Phase.CHECKING_BACK)

    def _check_back(self, journal: Journal) -> Journal:
        if not journal.restart:
            return self.went_back(journal, journal.reason)
        verdict = self._ask_gate(journal.before, journal.standing, proven=True)
        also = "" if verdict.ok else f"; and {journal.before} does not pass either: {verdict.reason}"
        return self.went_back(journal, f"{journal.reason}{also}")

    def _ask_gate(self, release: str, before: Standing | None, *, proven: bool) -> Verdict:
        """A release that was good once is the way out of what is worse: it has to work, but is not kept waiting."""
        self._ports.tell(f"asking the gate about {release}")
        not_boot = before.boot if before else ""
        question = Question(release=release, not_boot=not_boot, before=before, proven=proven)
        return self._ports.gate(self._layout.note_of(release).kind, question)

    def _raise_if_busy(self) -> None:
        reasons = self._ports.busy()
        if reasons:
            raise HeldError(f"it must not be restarted now: {'; '.join(reasons)}")
