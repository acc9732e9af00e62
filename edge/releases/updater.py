"""Takes an update from step to step. Before each the journal says which: whoever dies in it, the next does it again.

A step is a function of the journal that does its work, all of it again if need be, and returns the next journal. Until
`switching` a failure leaves everything as it was; after it, it takes back.
"""

import errno
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from contract.times import to_wire
from edge.core.standing import Standing
from edge.releases.errors import BundleRefusedError, HeldError, NotNowError, ReleaseBrokenError, ReleaseError
from edge.releases.gate import Question, Verdict
from edge.releases.journal import Journal, Outcome, Phase, Result, keep_room, read_journal, write_journal
from edge.releases.layout import Layout
from edge.releases.ports import Ports
from edge.releases.pruning import prune
from edge.releases.staging import Stager

MOST_DOWNLOADS: Final = 50
"""Runs that may try to download one bundle; by an hourly timer, two days."""
MOST_TRIALS: Final = 3
"""Gates that may be begun for one release: an updater that is killed in each would else never end."""
_MOST_REASON: Final = 2000
"""Characters: what an appliance tells of itself goes into it, and the journal must stay one that can be read."""
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SWITCHED: Final = {Phase.SWITCHING, Phase.RESTARTING, Phase.TRYING}
_GOING_BACK: Final = {Phase.RETURNING, Phase.RESTARTING_BACK, Phase.CHECKING_BACK}


class Updater:
    """Works on one root, of which it is the only writer: the caller holds the layout's lock."""

    def __init__(self, layout: Layout, ports: Ports, stager: Stager) -> None:
        self._layout = layout
        self._ports = ports
        self._stager = stager
        self.journal = read_journal(layout.journal) or self._after_loss()
        self._steps: dict[Phase, Callable[[Journal], Journal]] = {
            Phase.DOWNLOADING: self._download,
            Phase.VERIFYING: self._verify,
            Phase.STAGING: self._stage,
            Phase.TESTING: self._test,
            Phase.HOLDING: self._hold,
            Phase.SWITCHING: self._switch,
            Phase.RESTARTING: self._restart,
            Phase.TRYING: self._try,
            Phase.COMMITTING: self._commit,
            Phase.RETURNING: self._return,
            Phase.RESTARTING_BACK: self._restart_back,
            Phase.CHECKING_BACK: self._check_back,
        }

    def begin(self, order: Journal) -> None:
        """Begin what `order` says; raise `NotNowError` while another update is under way."""
        if self.journal.phase is not Phase.IDLE:
            raise NotNowError(
                f"an update to {self.journal.release or 'another release'} is under way ({self.journal.phase.value}): "
                "`afferent edge release resume` goes on with it, `rollback` takes it back"
            )
        self._layout.sweep()
        keep_room(self._layout.journal)
        self._write(replace(order, previous=self.journal.previous, last=self.journal.last, tries=0))

    def take_words(self, order: Journal) -> None:
        """Let the update that is under way go as far as `order` now says, and as it says."""
        self._write(
            replace(
                self.journal,
                goal=order.goal,
                downgrade=order.downgrade,
                restart=order.restart,
                even_busy=order.even_busy,
            )
        )

    def run(self, *, until: Phase = Phase.IDLE) -> Outcome:
        """Go on to the end, or to `until`; return how it ended.

        Raise `NotNowError` where it can only go on later; the journal then says where.
        """
        while self.journal.phase not in {Phase.IDLE, until}:
            self._step()
        if self.journal.phase is Phase.IDLE:
            return self.journal.last or Outcome(result="nothing", release="", changed=False)
        return Outcome(result="tried", release=self.journal.release)

    def take_back(self, reason: str, *, even_busy: bool = False) -> None:
        """Ask for the release that is being tried to be taken back; what was not switched to yet is given up.

        One that passed its gate is not taken back by this: let it be committed, and go back to the one before.
        """
        if self.journal.phase in _SWITCHED:
            self._write(self._back(self.journal, reason, asked=True, even_busy=even_busy))
        elif self.journal.phase not in _GOING_BACK | {Phase.COMMITTING, Phase.IDLE}:
            self._write(self._ended(self.journal, "failed", reason))
            self._layout.sweep()

    def pass_gate(self) -> None:
        """Let the release that is being tried be kept unjudged: somebody else judged, or takes it upon them."""
        if self.journal.phase is Phase.TRYING:
            self._write(replace(self.journal, phase=Phase.COMMITTING, tries=0))

    def at_boot(self) -> None:
        """Put the links right, before anything is started: a release under which the host went down is taken back."""
        journal, boot = self.journal, self._ports.host.boot
        if not self._layout.points_to("current") and (good := self._layout.points_to("good")):
            self._layout.point("current", good)
        if journal.phase is Phase.SWITCHING:
            self._write(replace(self._switch(journal), phase=Phase.TRYING, boot=boot, tries=0))
        elif journal.phase in {Phase.RESTARTING, Phase.TRYING} and journal.boot != boot and journal.before:
            journal = self._back(journal, "the host went down while it was being tried")
            self._write(replace(self._return(journal, ask=False), phase=Phase.CHECKING_BACK, boot=boot))
        elif journal.phase in {Phase.RETURNING, Phase.RESTARTING_BACK}:
            self._write(replace(self._return(journal, ask=False), phase=Phase.CHECKING_BACK, boot=boot))

    def _step(self) -> None:
        journal = self.journal
        try:
            self._write(self._steps[journal.phase](journal))
        except OSError as error:
            self._fail_disk(journal, error)
        except NotNowError:
            raise
        except ReleaseError as error:
            self._fail(journal, str(error))

    def _fail_disk(self, journal: Journal, error: OSError) -> None:
        """A disk that refuses is a reason to give up what has not begun to run, and to try again what has."""
        words = f"{error.filename or self._layout.root}: {error.strerror or error}"
        if journal.phase in _SWITCHED | _GOING_BACK | {Phase.COMMITTING}:
            raise NotNowError(f"{words}; `afferent edge release resume` goes on") from error
        self._layout.sweep()
        if error.errno in _FULL:
            words = f"the disk is full: free some room ({words})"
        try:
            self._write(self._ended(journal, "failed", words))
        except OSError as again:
            raise NotNowError(f"{words}; and the journal cannot be written") from again

    def _fail(self, journal: Journal, reason: str) -> None:
        if journal.phase in _SWITCHED:
            self._write(self._back(journal, reason))
            return
        if journal.phase in _GOING_BACK:
            self._ports.tell(reason)
            self._write(self._went_back(journal, f"{journal.reason}; and going back: {reason}"))
            return
        self._layout.sweep()
        self._write(self._ended(journal, "failed", reason))

    def _download(self, journal: Journal) -> Journal:
        if journal.tries >= MOST_DOWNLOADS:
            raise BundleRefusedError(f"it could not be downloaded in {MOST_DOWNLOADS} attempts: given up")
        self._write(replace(journal, tries=journal.tries + 1))
        self._stager.bring(journal)
        return replace(journal, phase=Phase.VERIFYING, tries=0)

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
            return self._ended(journal, "staged", changed=journal.made)
        return replace(journal, phase=Phase.HOLDING)

    def _hold(self, journal: Journal) -> Journal:
        if self._layout.points_to("current") == journal.release:
            return self._already(journal)
        if not journal.even_busy:
            self._raise_if_busy()
        standing = self._ports.standing()
        return replace(
            journal, phase=Phase.SWITCHING, before=self._layout.points_to("current"), standing=standing, tries=0
        )

    def _already(self, journal: Journal) -> Journal:
        good = self._layout.points_to("good")
        if good == journal.release:
            return self._ended(journal, "committed", changed=False)
        return replace(journal, phase=Phase.TRYING, before=good, boot=self._ports.host.boot, tries=0)

    def _switch(self, journal: Journal) -> Journal:
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
        return replace(journal, phase=Phase.RESTARTING, boot=self._ports.host.boot, tries=0)

    def _restart(self, journal: Journal) -> Journal:
        if journal.boot != self._ports.host.boot and journal.before:
            return self._back(journal, "the host went down while it was being started")
        if journal.restart:
            self._ports.tell("restarting")
            self._ports.restart(self._layout.note_of(journal.release).kind)
        return replace(journal, phase=Phase.TRYING, tries=0)

    def _try(self, journal: Journal) -> Journal:
        if journal.boot != self._ports.host.boot and journal.before:
            return self._back(journal, "the host went down while it was being tried")
        if journal.tries >= MOST_TRIALS:
            return self._back(journal, f"the gate was begun {MOST_TRIALS} times and never came to its end")
        self._write(replace(journal, tries=journal.tries + 1))
        verdict = self._ask_gate(journal.release, journal.standing)
        if verdict.ok:
            return replace(journal, phase=Phase.COMMITTING, tries=0)
        return self._back(journal, f"it did not pass the gate: {verdict.reason}")

    def _commit(self, journal: Journal) -> Journal:
        good = self._layout.points_to("good")
        previous = good if good not in {"", journal.release} else journal.before or journal.previous
        self._layout.point("good", journal.release)
        self._layout.sweep()
        prune(self._layout, keep={journal.release, previous})
        result: Result = "rolled_back" if journal.back else "committed"
        return replace(self._ended(journal, result), previous="" if journal.back else previous)

    def _back(self, journal: Journal, reason: str, *, asked: bool = False, even_busy: bool = False) -> Journal:
        if not journal.before:
            return self._ended(journal, "failed", f"{reason}; there is none to go back to, so it stays")
        return replace(
            journal,
            phase=Phase.RETURNING,
            reason=reason[:_MOST_REASON],
            asked_back=asked,
            even_busy=even_busy or journal.even_busy,
            tries=0,
        )

    def _return(self, journal: Journal, *, ask: bool = True) -> Journal:
        if ask and not journal.even_busy and journal.restart:
            self._raise_if_busy()
        self._ports.tell(f"going back to {journal.before}: {journal.reason}")
        self._layout.point("current", journal.before)
        return replace(journal, phase=Phase.RESTARTING_BACK)

    def _restart_back(self, journal: Journal) -> Journal:
        if journal.restart:
            self._ports.restart(self._layout.note_of(journal.before).kind)
        return replace(journal, phase=Phase.CHECKING_BACK, tries=0)

    def _check_back(self, journal: Journal) -> Journal:
        if not journal.restart or journal.tries >= MOST_TRIALS:
            return self._went_back(journal, journal.reason)
        self._write(replace(journal, tries=journal.tries + 1))
        verdict = self._ask_gate(journal.before, journal.standing)
        also = "" if verdict.ok else f"; and {journal.before} does not pass either: {verdict.reason}"
        return self._went_back(journal, f"{journal.reason}{also}")

    def _went_back(self, journal: Journal, reason: str) -> Journal:
        self._layout.sweep()
        return self._ended(journal, "rolled_back", reason, ok=journal.asked_back)

    def _ask_gate(self, release: str, before: Standing | None) -> Verdict:
        self._ports.tell(f"asking the gate about {release}")
        question = Question(release=release, not_boot=before.boot if before else "", before=before)
        return self._ports.gate(self._layout.note_of(release).kind, question)

    def _raise_if_busy(self) -> None:
        reasons = self._ports.busy()
        if reasons:
            raise HeldError(f"it must not be restarted now: {'; '.join(reasons)}")

    def _ended(
        self, journal: Journal, result: Result, reason: str = "", *, changed: bool = True, ok: bool | None = None
    ) -> Journal:
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
        return Journal(previous=journal.previous, last=last)

    def _write(self, journal: Journal) -> None:
        write_journal(self._layout.journal, journal)
        self.journal = journal

    def _after_loss(self) -> Journal:
        """The journal is lost: what runs and was never found good is being tried, and anything else is at rest."""
        current, good = self._layout.points_to("current"), self._layout.points_to("good")
        self._ports.tell("the journal cannot be read: beginning a new one")
        if current == good or not good:
            return Journal()
        if not current:
            return Journal(phase=Phase.RETURNING, release="", before=good, reason="nothing ran")
        return Journal(phase=Phase.TRYING, release=current, before=good, boot=self._ports.host.boot)
