"""The broker of the demo (amqtt: MQTT 3.1.1 only) in a process of its own: it leaves refused sockets open."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.ports import free_port, wait_for_port


async def serve(port: int) -> None:
    """Run until killed."""
    from amqtt.broker import Broker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    await Broker(config).start()
    await asyncio.Event().wait()


@contextmanager
def embedded_broker() -> Iterator[int]:
    """Its port, for the length of the block."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", __name__, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port)
            yield port
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
