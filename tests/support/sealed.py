"""Run as a program inside a network namespace of its own: starts the daemon and prints whom it tried to reach.

Usage: `unshare -n python -m tests.support.sealed SETTINGS PORT SECONDS`. Every interface is listened to, and a default
route leads into a wire without an end, so that whatever the process or a library in it sends is seen and goes nowhere.
Prints one line `tcp|udp ADDRESS:PORT` for each different target.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

ETH_P_ALL = 3
_SETUP = (
    "link set lo up",
    "link add out0 type veth peer name out1",
    "addr add 192.0.2.1/24 dev out0",
    "link set out1 up",
    "link set out0 arp off up",
    "route add default dev out0",
)


def main() -> int:
    """Seal, start, listen, stop, report."""
    settings, port, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for words in _SETUP:
        subprocess.run(["ip", *words.split()], check=True)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as ear:
        ear.settimeout(0.5)
        with settings.with_suffix(".log").open("wb") as log:
            daemon = subprocess.Popen(
                [sys.executable, "-m", "afferent", "edge", "run", "--config", str(settings)],
                stdout=log,
                stderr=log,
                env={key: value for key, value in os.environ.items() if key != "CI"},
            )
        targets = _listen(ear, time.monotonic() + seconds)
        alive = daemon.poll() is None
        daemon.terminate()
        daemon.wait()
    for target in sorted(targets - {f"tcp 127.0.0.1:{port}"}):
        sys.stdout.write(target + "\n")
    return 0 if alive else 1


def _listen(ear: socket.socket, until: float) -> set[str]:
    found = set()
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            packet, place = ear.recvfrom(65536)
            if place[1] == 0x0800 and (target := _target(packet)):
                found.add(target)
    return found


def _target(packet: bytes) -> str | None:
    """Whom an IPv4 packet opens a TCP connection to, or sends a datagram to; None for answers and the rest."""
    header = (packet[0] & 15) * 4
    protocol, address = packet[9], socket.inet_ntoa(packet[16:20])
    if protocol == socket.IPPROTO_UDP:
        return f"udp {address}:{struct.unpack_from('!H', packet, header + 2)[0]}"
    if protocol == socket.IPPROTO_TCP and packet[header + 13] & 0x12 == 0x02:
        return f"tcp {address}:{struct.unpack_from('!H', packet, header + 2)[0]}"
    return None


if __name__ == "__main__":
    sys.exit(main())
