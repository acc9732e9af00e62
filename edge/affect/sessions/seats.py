"""Which sensor a participant wears in a session: named, their own, or one that nobody uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.sessions import SensorView


@dataclass(frozen=True, slots=True)
class Seat:
    """A sensor, and why it cannot be had; None with a problem if there is none at all."""

    sensor: SensorView | None
    problem: str = ""


def seat_for(
    participant: str,
    named: str | None,
    *,
    sensors: Sequence[SensorView],
    used: Mapping[str, str],
    wearers: Mapping[str, str],
) -> Seat:
    """`named`: the sensor asked for, or their own. `used`: by whom each sensor is used in a session that runs, the
    longest used first; `wearers`: to whom each was given.
    """
    if named is not None:
        return _named(participant, named, sensors, used)
    free = [one for one in sensors if used.get(one.id, participant) == participant]
    mine = [one for one in free if wearers.get(one.id, participant) == participant]
    if best := sorted(mine, key=lambda one: one.state != "ok"):
        return Seat(best[0])
    return Seat(None, "every sensor is used or worn by somebody else" if sensors else "there is no sensor")


def shared_seat(seat: Seat, sensors: Sequence[SensorView], used: Mapping[str, str]) -> str | None:
    """The sensor for an existing client, which knows of no sensors: one that no session uses, also if it was given to
    somebody, else the one used longest, which the newest session takes."""
    if seat.sensor:
        return seat.sensor.id
    there = [one.id for one in sorted(sensors, key=lambda one: one.state != "ok")]
    unused = [sensor for sensor in there if sensor not in used]
    return next((sensor for sensor in (*unused, *used) if sensor in there), None)


def _named(participant: str, named: str, sensors: Sequence[SensorView], used: Mapping[str, str]) -> Seat:
    found = next((one for one in sensors if one.id == named), None)
    if found is None:
        there = ", ".join(one.id for one in sensors) or "none"
        return Seat(None, f"there is no sensor {named}: there are {there}")
    if used.get(named, participant) != participant:
        return Seat(found, f"sensor {named} is used by {used[named]} in a session that runs")
    return Seat(found)
