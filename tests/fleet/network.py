"""The network of the hosts: a bridge in the controller's namespace, and for each host a namespace with one cable."""

from tests.fleet.world import World

CONTROLLER = "10.77.0.1"
_BRIDGE = "br0"


def lay(world: World) -> None:
    """The bridge, and the controller's address on it. What is beyond it says so at once: there is no internet."""
    world.run("sh", "-c", "mount -t tmpfs tmpfs /run && mkdir /run/netns && echo 1 >/proc/sys/net/ipv4/ip_forward")
    world.run("ip", "link", "set", "lo", "up")
    world.run("ip", "link", "add", _BRIDGE, "type", "bridge")
    world.run("ip", "addr", "add", f"{CONTROLLER}/24", "dev", _BRIDGE)
    world.run("ip", "link", "set", _BRIDGE, "up")


def plug(world: World, host: str, address: str) -> None:
    """A namespace for this host, its cable, and its address."""
    world.run("ip", "netns", "add", host)
    world.run("ip", "-n", host, "link", "set", "lo", "up")
    world.run("ip", "link", "add", _cable(host), "type", "veth", "peer", "name", "eth0", "netns", host)
    world.run("ip", "link", "set", _cable(host), "master", _BRIDGE, "up")
    world.run("ip", "-n", host, "addr", "add", f"{address}/24", "dev", "eth0")
    world.run("ip", "-n", host, "link", "set", "eth0", "up")
    world.run("ip", "-n", host, "route", "add", "default", "via", CONTROLLER)


def pull(world: World, host: str) -> None:
    """Pull this host's cable: its own end loses the carrier too."""
    world.run("ip", "link", "set", _cable(host), "down")


def mend(world: World, host: str) -> None:
    """Put the cable back."""
    world.run("ip", "link", "set", _cable(host), "up")


def _cable(host: str) -> str:
    return f"ve-{host}"
