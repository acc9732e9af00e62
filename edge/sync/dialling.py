"""Gets a connection to the broker, in whichever version of MQTT it speaks."""

from collections.abc import Callable
from typing import Final, TypeGuard

from paho.mqtt.enums import MQTTProtocolVersion

from edge.core.errors import LinkError
from edge.sync.connection import MQTT_5, MQTT_311, BrokerConnection, Identity
from edge.sync.refusals import UNSUPPORTED_VERSION, BrokerRefusedError, ClosedEarlyError
from edge.sync.remote.link import RemoteLink
from edge.sync.requests import RequestDesk
from edge.sync.settings import BrokerSettings

_FIRST_ANSWER_S: Final = 3.0
_ANSWER_S: Final = 5.0
"""A broker that takes the connection and says nothing for so long is tried again rather than waited for."""


class Dialler:
    """Remembers which version worked. `identity` is asked before each connection, since the clock moves on."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        identity: Callable[[], Identity],
        requests: RequestDesk | None,
        beat: Callable[[], None],
        remote: RemoteLink | None = None,
    ) -> None:
        self.version = MQTT_5
        self._settings = settings
        self._identity = identity
        self._requests = requests
        self._beat = beat
        self._remote = remote
        self._worked = False

    async def dial(self) -> BrokerConnection:
        """An open connection in the version that worked last, or else in the other one; raise `LinkError`."""
        failure: LinkError | None = None
        for version in self._versions():
            connection = BrokerConnection(self._settings, self._identity(), version, self._requests, self._remote)
            try:
                await connection.open(self._answer_within_s(version))
            except BaseException as error:
                await connection.close()
                if not _is_about_version(error):
                    raise
                failure = failure or error
                self._beat()
            else:
                self.version, self._worked = version, True
                return connection
        raise failure or LinkError("no version of MQTT to speak")

    def _versions(self) -> list[MQTTProtocolVersion]:
        fixed = {"5": [MQTT_5], "3.1.1": [MQTT_311]}.get(self._settings.version)
        return fixed or sorted([MQTT_5, MQTT_311], key=lambda version: version != self.version)

    def _answer_within_s(self, version: MQTTProtocolVersion) -> float:
        """Some brokers that do not know MQTT 5 say nothing at all; when there is 3.1.1 to try, do not wait for long."""
        if self._worked:
            return min(_ANSWER_S, self._settings.connect_timeout_s)
        patient = version == MQTT_311 or self._settings.version != "auto"
        return self._settings.connect_timeout_s if patient else min(_FIRST_ANSWER_S, self._settings.connect_timeout_s)


def _is_about_version(error: BaseException) -> TypeGuard[LinkError]:
    """Whether another version of MQTT may do better."""
    return isinstance(error, ClosedEarlyError) or (
        isinstance(error, BrokerRefusedError) and error.code == UNSUPPORTED_VERSION
    )
