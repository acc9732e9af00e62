"""A small broker inside this process, for one machine and for trying: MQTT 3.1.1, on loopback only, without sign-in.

What it holds is in memory. That is enough: a device keeps every record until the cloud's database has it.
"""

import asyncio
import logging
from typing import Any, Final

from cloud.store.clock import Clock

_log = logging.getLogger(__name__)
_AGAIN_S: Final = 5.0
_NOISY: Final = ("amqtt", "transitions")


class BrokerNotInstalledError(Exception):
    """The embedded broker is asked for and its package is not there."""


class EmbeddedBroker:
    """Runs a broker on 127.0.0.1 until cancelled; a port in use is waited for."""

    def __init__(self, port: int, clock: Clock) -> None:
        """Raise `BrokerNotInstalledError` where the extra `broker` is not installed."""
        try:
            from amqtt.broker import Broker
        except ImportError as error:
            raise BrokerNotInstalledError("broker.embedded needs `pip install 'afferent[broker]'`") from error
        self._broker_class: Any = Broker
        self._port = port
        self._clock = clock
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    async def run(self) -> None:
        """Serve until cancelled."""
        from amqtt.errors import BrokerError

        while True:
            broker = self._broker_class(_settings(self._port))
            try:
                await broker.start()
            except BrokerError as error:
                _log.error("the embedded broker cannot listen on port %d: %s", self._port, error.__cause__ or error)
                await self._clock.sleep(_AGAIN_S)
            else:
                await _until_cancelled(broker)


async def _until_cancelled(broker: Any) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await broker.shutdown()


def _settings(port: int) -> dict[str, Any]:
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
