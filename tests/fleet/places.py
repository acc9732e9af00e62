"""Where the hosts keep what they need: never in the checkout, which they only read."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = "AFFERENT_FLEET_CACHE"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def cache() -> Path:
    """The folder of what outlives a run: the base system, wheels, tools. AFFERENT_FLEET_CACHE names another one."""
    folder = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "afferent" / "fleet")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def of_net(net: str) -> Path:
    """The folder of one running network: keys, logs, what its hosts have written. Gone when the network is down."""
    return cache() / "nets" / checked(net)


def nets() -> list[str]:
    """The names of all networks that left a folder, running or not."""
    return [folder.name for folder in (cache() / "nets").glob("*")]


def checked(name: str) -> str:
    """The name, if it can be a host's, a network's and a folder's alike; ValueError says why not."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a host or a network: a-z, 0-9 and -, a letter first, 31 at most")
    return name


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold this lock; whoever else wants it waits."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
