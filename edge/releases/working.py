"""What the commands do, each as one function of the updater: what a person, Ansible and the appliance ask for alike."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from contract.times import to_wire
from edge.releases.desk import Desk, UpdateRequest, UpdateResult
from edge.releases.download import check_address
from edge.releases.errors import HeldError, NotNowError, ReleaseError, StuckRequestError
from edge.releases.journal import Goal, Journal, Outcome, Phase
from edge.releases.layout import Layout
from edge.releases.ports import Ports
from edge.releases.updater import Updater

_LOOK_EVERY_S: Final = 2.0


class Work:
    """Carries out wishes; `wait_idle_s` is how long it waits while a session is being recorded."""

    def __init__(self, updater: Updater, layout: Layout, ports: Ports, *, wait_idle_s: float = 0.0) -> None:
        self._updater = updater
        self._layout = layout
        self._ports = ports
        self._wait_idle_s = wait_idle_s

    def take(self, order: Journal) -> Outcome:
        """Download, verify, install and test what `order` names, and go as far as its goal.

        The same order once more goes on with what was interrupted.
        """
        under_way = self._updater.journal
        if under_way.phase is Phase.IDLE or (under_way.source, under_way.sha256) != (order.source, order.sha256):
            self._updater.begin(replace(order, phase=Phase.DOWNLOADING))
        else:
            self._updater.take_words(order)
        return self.go_on()

    def activate(self, release: str, order: Journal, goal: Goal = "tried") -> Outcome:
        """Switch to a release that is installed; raise `ReleaseError` if it is not there, `HeldError` if not now."""
        if not self._layout.has(release):
            there = ", ".join(self._layout.staged()) or "none"
            raise ReleaseError(
                f"there is no release {release!r}, only {there}: `afferent edge release stage` brings one"
            )
        journal = self._updater.journal
        if journal.phase is Phase.TRYING and journal.release == release:
            return Outcome(result="tried", release=release, changed=False)
        if journal.phase is Phase.IDLE:
            if self._layout.points_to("current") != release and not order.even_busy:
                self._wait_until_idle()
            self._updater.begin(replace(order, phase=Phase.HOLDING, release=release, goal=goal))
        return self.go_on(until=Phase.TRYING if goal == "tried" else Phase.IDLE)

    def commit(self, *, gate: bool) -> Outcome:
        """Keep the release that is being tried if the gate lets it pass (or is not asked), else take it back."""
        journal = self._updater.journal
        if journal.phase is Phase.IDLE:
            release = self._layout.points_to("current")
            if release and release == self._layout.points_to("good"):
                return Outcome(result="committed", release=release, changed=False)
            raise ReleaseError("nothing is being tried: `afferent edge release activate` begins that")
        if journal.phase is Phase.TRYING and not gate:
            self._updater.pass_gate()
        elif journal.phase not in {Phase.TRYING, Phase.COMMITTING, Phase.SWITCHING, Phase.RESTARTING}:
            raise NotNowError(f"{journal.release} is not being tried yet ({journal.phase.value})")
        return self.go_on()

    def roll_back(self, reason: str, order: Journal, to: str = "") -> Outcome:
        """Take back what is being tried; else go to `to`, or to what was good before."""
        if self._updater.journal.phase is Phase.COMMITTING:
            self._updater.run()
        if self._updater.journal.phase is not Phase.IDLE:
            self._updater.take_back(reason, even_busy=order.even_busy)
            return self.go_on()
        current = self._layout.points_to("current")
        target = to or self._updater.journal.previous
        if to and current == to:
            return Outcome(result="nothing", release=to, changed=False)
        if not target or not self._layout.has(target):
            raise ReleaseError("there is no release to go back to: `afferent edge release apply` takes an older bundle")
        return self.activate(target, replace(order, back=True), "committed")

    def go_on(self, until: Phase = Phase.IDLE) -> Outcome:
        """Go on with what is under way, waiting for sessions to end as long as was said."""
        end_s = self._ports.time.mono_s() + self._wait_idle_s
        while True:
            try:
                return self._updater.run(until=until)
            except HeldError as error:
                self._wait_a_moment(end_s, error)

    def resume(self, desk: Desk) -> list[Outcome]:
        """Go on with what is under way, then do what is asked for at the desk, and tell what became of it there.

        Raise `StuckRequestError` at the end if the request cannot be deleted; it is not done again.
        """
        done = []
        if self._updater.journal.phase is not Phase.IDLE:
            done.append(self._told(desk, self.go_on, self._updater.journal.request))
        elif (last := self._updater.journal.last) and last.request:
            self._tell(desk, last)  # whoever did it may have died before saying so
        try:
            request = desk.take()
        except ReleaseError as error:
            wrong = Outcome(result="failed", ok=False, release="", reason=str(error))
            self._tell(desk, wrong)
            if isinstance(error, StuckRequestError):
                raise
            return [*done, wrong]
        if request is None:
            return done
        if not self._is_done(request):
            done.append(self._told(desk, lambda: self._answer(request, desk), request.request))
        self._put_away(desk, [*done, *filter(None, [self._updater.journal.last])], request)
        return done

    def _is_done(self, request: UpdateRequest) -> bool:
        journal = self._updater.journal
        return request.request in journal.answered or bool(journal.last and journal.last.request == request.request)

    def _put_away(self, desk: Desk, known: Iterable[Outcome], request: UpdateRequest) -> None:
        """Delete the request, or say beside its outcome why it lies there still."""
        try:
            desk.clear()
        except StuckRequestError as error:
            for outcome in (one for one in known if one.request == request.request):
                self._tell(desk, replace(outcome, reason="; ".join(filter(None, [outcome.reason, str(error)]))))
                break
            raise

    def _answer(self, request: UpdateRequest, desk: Desk) -> Outcome:
        """The request is deleted once the journal has it: whoever dies before that finds it again."""
        order = Journal(source=request.url, sha256=request.sha256, request=request.request)
        if request.action == "update":
            check_address(request.url, request.sha256)  # a file is for root alone to name
            self._updater.begin(replace(order, phase=Phase.DOWNLOADING))
            with suppress(StuckRequestError):  # told at the end: it does not keep a box from being updated
                desk.clear()
            self._tell_under_way(desk)
            return self.go_on()
        return self.roll_back("asked for from afar", replace(order, source=""))

    def _told(self, desk: Desk, work: Callable[[], Outcome], request: str) -> Outcome:
        try:
            outcome = work()
        except NotNowError as error:
            self._tell_under_way(desk, str(error))
            raise
        except ReleaseError as error:
            outcome = Outcome(result="failed", ok=False, release="", reason=str(error), request=request)
            self._updater.remember(request)
        self._tell(desk, outcome)
        return outcome

    def _tell_under_way(self, desk: Desk, reason: str = "") -> None:
        journal = self._updater.journal
        if journal.request:
            desk.tell(
                UpdateResult(
                    request=journal.request,
                    state="under_way",
                    phase=journal.phase.value,
                    release=journal.release,
                    reason=reason,
                    t=to_wire(self._ports.time.wall_ms()),
                )
            )

    def _tell(self, desk: Desk, outcome: Outcome) -> None:
        """What nobody asked for at the desk is not told there, but for what could not be read."""
        desk.tell(
            UpdateResult(
                request=outcome.request,
                state="succeeded" if outcome.ok else "failed",
                release=outcome.release,
                reason=outcome.reason,
                t=outcome.ended or to_wire(self._ports.time.wall_ms()),
            )
        )

    def _wait_until_idle(self) -> None:
        end_s = self._ports.time.mono_s() + self._wait_idle_s
        while reasons := self._ports.busy():
            self._wait_a_moment(end_s, HeldError(f"it must not be restarted now: {'; '.join(reasons)}"))

    def _wait_a_moment(self, end_s: float, error: HeldError) -> None:
        if self._ports.time.mono_s() >= end_s:
            raise error
        self._ports.tell(f"{error}; waiting")
        self._ports.time.sleep(_LOOK_EVERY_S)
