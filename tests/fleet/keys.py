"""A key made for one run, which every host of the network lets in, and the hosts' own keys, which ssh checks."""

import subprocess
from pathlib import Path

from tests.fleet.world import World

_CONFIG = """Host *
    User root
    IdentityFile {folder}/id
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ConnectTimeout 5
    ServerAliveInterval 5
    ServerAliveCountMax 3
    LogLevel ERROR
"""


def make(world: World) -> None:
    """The run's key and `ssh_config`, which names it and the known hosts."""
    _keygen(world.folder / "id")
    (world.folder / "known_hosts").touch()
    (world.folder / "ssh_config").write_text(_CONFIG.format(folder=world.folder))


def let_in(world: World, upper: Path, name: str, address: str) -> None:
    """Give a host that has not booted a key of its own, and let the run's key in."""
    host_key = upper / "etc/ssh/ssh_host_ed25519_key"
    _keygen(host_key)
    with (world.folder / "known_hosts").open("a") as known:
        known.write(f"{name},{address} {host_key.with_suffix('.pub').read_text()}")
    allowed = upper / "root/.ssh/authorized_keys"
    allowed.write_text((world.folder / "id.pub").read_text())
    allowed.parent.chmod(0o700)
    allowed.chmod(0o600)


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fleet", "-f", str(path)], check=True)
