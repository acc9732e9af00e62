"""What people ask of a camera's analysis while it is at work: another plan, or to forget what goes on."""

import datetime as dt

from contract.plan import Plan
from edge.core.clock import Stamp
from edge.vision.analysis import FrameAnalysis
from edge.vision.places.hours import PlanClock


class Orders:
    """Given on the event loop, carried out in the analysis thread before the next frame.

    `epoch` counts them: what was seen in one is not told in the next.
    """

    def __init__(self) -> None:
        self.plan = Plan()
        self.epoch = 0
        self._clock = PlanClock("")
        self._reset = False

    def adopt(self, plan: Plan) -> None:
        """Let `plan` hold."""
        self.plan = plan
        self._clock = PlanClock(plan.timezone)
        self.epoch += 1

    def reset(self) -> None:
        """Forget what goes on, and the background."""
        self._reset = True
        self.epoch += 1

    def local(self, now: Stamp) -> dt.datetime | None:
        """The time of the place that the plan is about, None where it is not known."""
        return self._clock.local(now)

    def carry_out(self, analysis: FrameAnalysis) -> None:
        """In the thread: what is not done yet."""
        if self._reset:
            self._reset = False
            analysis.reset()
        if analysis.plan is not self.plan:
            analysis.adopt(self.plan)
