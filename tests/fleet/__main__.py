"""Hosts by hand: `python -m tests.fleet up --hosts edge1,edge2,broker1,cloud1`, then exec, run, reboot, down.

Several networks can be up at once (`--net NAME`); in each the hosts have the same addresses and do not see the others.
"""

import argparse
import json
import subprocess
import sys

from tests.fleet.fleet import Fleet
from tests.fleet.world import found, sweep


def main() -> int:
    """Do what was asked; what `exec` and `run` started says how it ended."""
    given = _parser().parse_args()
    words = getattr(given, "words", [])
    words = words[1:] if words[:1] == ["--"] else words
    match given.action:
        case "up":
            return _up(given.net, given.hosts.split(","), given.bind)
        case "down":
            return _down(given.net)
        case "run":
            return subprocess.run(Fleet.running(given.net).controller(*words), check=False).returncode
        case "exec":
            return subprocess.run(Fleet.running(given.net).host(given.host).command(*words), check=False).returncode
        case _:
            return _do(given.net, given.action, given.host)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.fleet", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    made = {name: actions.add_parser(name) for name in ("up", "down", "exec", "run", *_DEEDS)}
    for action in made.values():
        action.add_argument("--net", default="hand", help="which network")
    made["up"].add_argument("--hosts", default="edge1", help="names with commas")
    made["up"].add_argument("--bind", action="append", default=[], help="a folder that they may read, OURS:THEIRS")
    for name in ("exec", *_DEEDS):
        made[name].add_argument("host")
    for name in ("exec", "run"):
        made[name].add_argument("words", nargs=argparse.REMAINDER, help="the command")
    return parser


_DEEDS = {
    "reboot": lambda host: host.reboot(),
    "cut-power": lambda host: host.cut_power(),
    "power-on": lambda host: host.power_on(),
    "pull-cable": lambda host: host.pull_cable(),
    "mend-cable": lambda host: host.mend_cable(),
}


def _up(net: str, names: list[str], binds: list[str]) -> int:
    fleet = Fleet.up(net, names, options=[f"--bind-ro={bind}" for bind in binds])
    addresses = {name: fleet.host(name).address for name in fleet.names()}
    said = {"net": net, "hosts": addresses, "ssh_config": str(fleet.world.folder / "ssh_config")}
    sys.stdout.write(json.dumps(said, indent=1) + "\n")
    return 0


def _down(net: str) -> int:
    if found(net) is None:
        sweep(net)
    else:
        Fleet.running(net).stop()
    return 0


def _do(net: str, deed: str, name: str) -> int:
    _DEEDS[deed](Fleet.running(net).host(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
