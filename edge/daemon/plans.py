"""The cameras' plans on disk: each kept twice, so that one damaged file never lets out what a plan says to hide."""

import logging
from pathlib import Path
from typing import Final

from contract.errors import InvalidPlanError
from contract.plan import MOST_BYTES, Plan, decode_plan, encode_plan
from edge.core.files import write_private

_NAMES: Final = ("plan.json", "plan.copy.json")
_log = logging.getLogger(__name__)


class PlanUnreadableError(Exception):
    """A plan is there, and neither of its files can be read: what it hides is not known."""


class PlanStore:
    """A folder for each camera, with two equal files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, camera: str) -> Plan:
        """The newest readable plan, or an empty one if none was ever kept. Raise `PlanUnreadableError`.

        A file that is damaged, gone or older is replaced by the other, so that the next damage costs nothing either.
        """
        found, problems = [], []
        for path in self._paths(camera):
            try:
                found.append(_read(path))
            except FileNotFoundError:
                continue
            except (OSError, InvalidPlanError) as error:
                problems.append(f"{path}: {error}")
        for problem in problems:
            _log.error("a plan cannot be read: %s", problem)
        if problems and not found:
            raise PlanUnreadableError("; ".join(problems))
        newest = max(found, key=lambda plan: plan.version, default=Plan())
        if found and found != [newest, newest]:
            self._heal(camera, newest)
        return newest

    def save(self, camera: str, plan: Plan) -> None:
        """Keep `plan` durably. Raise `OSError` if the disk does not take it."""
        content = encode_plan(plan)
        for path in self._paths(camera):
            write_private(path, content)

    def _heal(self, camera: str, plan: Plan) -> None:
        try:
            self.save(camera, plan)
        except OSError as error:
            _log.warning("the plan of camera %s is kept only once for now: %s", camera, error)

    def _paths(self, camera: str) -> tuple[Path, Path]:
        first, second = (self._folder / camera / name for name in _NAMES)
        return first, second


def _read(path: Path) -> Plan:
    with path.open("rb") as file:
        return decode_plan(file.read(MOST_BYTES + 1))
