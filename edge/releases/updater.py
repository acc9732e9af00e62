"""Takes an update from step to step. Before each the journal says which: whoever dies in it, the next does it again.

Until `switching` a failure leaves everything as it was; after it, it takes back.
"""

import errno
from typing import Final

from msgspec.structs import replace

from edge.releases.errors import NotNowError, ReleaseError
from edge.releases.journal import Journal, Outcome, Phase, keep_room, read_journal, write_journal
from edge.releases.layout import Layout
from edge.releases.ports import Ports
from edge.releases.staging import Stager
from edge.releases.steps import Steps

MOST_DOWNLOADS: Final = 50
"""Runs that may try to download one bundle; by an hourly timer, two days."""
MOST_TRIALS: Final = 3
"""Gates that may be begun for one release."""
_MOST_TRIES: Final = {
    Phase.DOWNLOADING: MOST_DOWNLOADS,
    Phase.VERIFYING: 10,
    Phase.STAGING: 10,
    Phase.TESTING: 10,
    Phase.TRYING: MOST_TRIALS,
    Phase.CHECKING_BACK: MOST_TRIALS,
}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SWITCHED: Final = {Phase.SWITCHING, Phase.RESTARTING, Phase.TRYING}
_GOING_BACK: Final = {Phase.RETURNING, Phase.RESTARTING_BACK, Phase.CHECKING_BACK}


class Updater:
    """Works on one root, of which it is the only writer: the caller holds the layout's lock."""

    def __init__(self, layout: Layout, ports: Ports, stager: Stager) -> None:
        self._layout = layout
        self._ports = ports
        self.journal = read_journal(layout.journal) or self._after_loss()
        self._steps = Steps(layout, ports, stager)

    def begin(self, order: Journal) -> None:
        """Begin what `order` says; raise `NotNowError` while another update is under way."""
        if self.journal.phase is not Phase.IDLE:
            raise NotNowError(
                f"an update to {self.journal.release or 'another release'} is under way ({self.journal.phase.value}): "
                "`afferent edge release resume` goes on with it, `rollback` takes it back"
            )
        self._layout.sweep()
        keep_room(self._layout.journal)
        known = self.journal
        self._write(replace(order, previous=known.previous, last=known.last, answered=known.answered))

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
            self._write(self._steps.back(self.journal, reason, asked=True, even_busy=even_busy))
        elif self.journal.phase not in _GOING_BACK | {Phase.COMMITTING, Phase.IDLE}:
            self._write(self._steps.ended(self.journal, "failed", reason))
            self._layout.sweep()

    def pass_gate(self) -> None:
        """Let the release that is being tried be kept unjudged: somebody else judged, or takes it upon them."""
        if self.journal.phase is Phase.TRYING:
            self._write(replace(self.journal, phase=Phase.COMMITTING))

    def remember(self, request: str) -> None:
        """A request was answered for which nothing could be begun."""
        self._write(self.journal.with_answered(request))

    def at_boot(self) -> None:
        """Put the links right, before anything is started: a release under which the host went down is taken back."""
        journal, boot = self.journal, self._ports.host.boot
        if not self._layout.points_to("current") and (good := self._layout.points_to("good")):
            self._layout.point("current", good)
        if journal.phase is Phase.SWITCHING:
            self._write(replace(self._steps.switch(journal), phase=Phase.TRYING, boot=boot))
        elif journal.phase in {Phase.RESTARTING, Phase.TRYING} and journal.boot != boot and journal.before:
            journal = self._steps.back(journal, "the host went down while it was being tried")
            self._write(replace(self._steps.go_back(journal, ask=False), phase=Phase.CHECKING_BACK, boot=boot))
        elif journal.phase in {Phase.RETURNING, Phase.RESTARTING_BACK}:
            self._write(replace(self._steps.go_back(journal, ask=False), phase=Phase.CHECKING_BACK, boot=boot))

    def _step(self) -> None:
        journal = self.journal
        try:
            if journal.phase in _MOST_TRIES:
                journal = self._begun(journal)
            self._write(self._steps.do(journal))
        except OSError as error:
            self._fail_disk(journal, error)
        except NotNowError:
            raise
        except ReleaseError as error:
            self._fail(journal, str(error))

    def _begun(self, journal: Journal) -> Journal:
        """Count the attempt before it is made: whoever is killed in each would else never end."""
        most = _MOST_TRIES[journal.phase]
        if journal.tries >= most:
            raise ReleaseError(f"{journal.phase.value} was begun {most} times and never came to its end: given up")
        self._write(replace(journal, tries=journal.tries + 1))
        return self.journal

    def _fail_disk(self, journal: Journal, error: OSError) -> None:
        """A disk that refuses is a reason to give up what has not begun to run, and to try again what has."""
        words = f"{error.filename or self._layout.root}: {error.strerror or error}"
        if journal.phase in _SWITCHED | _GOING_BACK | {Phase.COMMITTING}:
            raise NotNowError(f"{words}; `afferent edge release resume` goes on") from error
        self._layout.sweep()
        if error.errno in _FULL:
            words = f"the disk is full: free some room ({words})"
        try:
            self._write(self._steps.ended(journal, "failed", words))
        except OSError as again:
            raise NotNowError(f"{words}; and the journal cannot be written") from again

    def _fail(self, journal: Journal, reason: str) -> None:
        if journal.phase in _SWITCHED:
            self._write(self._steps.back(journal, reason))
            return
        if journal.phase in _GOING_BACK:
            self._ports.tell(reason)
            self._write(self._steps.went_back(journal, f"{journal.reason}; and going back: {reason}"))
            return
        self._layout.sweep()
        self._write(self._steps.ended(journal, "failed", reason))

    def _write(self, journal: Journal) -> None:
        if journal.phase is not self.journal.phase:
            journal = replace(journal, tries=0)
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
