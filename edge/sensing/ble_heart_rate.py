"""A heart rate sensor over Bluetooth Low Energy, by the standard GATT service that straps and watches speak.

The radio's library is asynchronous; here it lives in an event loop of its own that turns within `open` and `read`.
"""

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from edge.core.clock import Clock
from edge.core.errors import SourceUnavailableError
from edge.core.sample import Sample
from edge.sensing.beats import Beats
from edge.sensing.heart_rate import MEASUREMENT, SERVICE
from edge.sensing.sensor import Diagnosis
from edge.sensing.settings import BleSettings

if TYPE_CHECKING:
    from bleak import BleakClient
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_READ_S: Final = 0.4
_CONNECT_S: Final = 20.0
_MOST_WAITING: Final = 64
_NO_LIBRARY: Final = "Bluetooth needs the library bleak: install the appliance with its extra `ble`"


class BleHeartRate:
    """A `Sensor` of heart rate and of intervals between beats."""

    def __init__(self, settings: BleSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._beats = Beats(settings.id)
        self._runner: asyncio.Runner | None = None
        self._client: BleakClient | None = None
        self._waiting: deque[tuple[bytes, int]] = deque(maxlen=_MOST_WAITING)
        self._told: asyncio.Event | None = None
        self._name = settings.device_name or settings.address or "any heart rate sensor"

    def open(self) -> None:
        """Find the sensor and connect to it; raise `SourceUnavailableError` with the remedy if that cannot be."""
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self._connect())
        except ImportError as error:
            raise SourceUnavailableError(_NO_LIBRARY) from error
        except _radio_errors() as error:
            raise SourceUnavailableError(f"{self._name}: {_reason(error)}") from error

    def read(self) -> list[Sample]:
        """What the sensor told, or an empty list after a moment of silence."""
        if self._runner is None:
            raise SourceUnavailableError(f"{self._name}: not open")
        self._runner.run(self._wait())
        samples = []
        while self._waiting:
            samples += self._beats.add(*self._waiting.popleft())
        if not samples and not (self._client and self._client.is_connected):
            raise SourceUnavailableError(f"{self._name}: the connection was lost")
        return samples

    def close(self) -> None:
        """Disconnect."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        try:
            runner.run(self._disconnect())
        finally:
            runner.close()

    def describe(self) -> str:
        """The sensor's name and address."""
        return f"Bluetooth {self._name}"

    def diagnosis(self) -> Diagnosis:
        """What could not be read or believed, and how its beats stand to our clock."""
        return Diagnosis(
            bad_rows=self._beats.bad,
            implausible=self._beats.implausible,
            last_bad=("a notification",) if self._beats.bad else (),
            board=self._name if self._client else "",
            clock=self._beats.figures(),
        )

    async def _connect(self) -> None:
        from bleak import BleakClient

        # What the library warns of is told by the health of the sensor.
        logging.getLogger("bleak").setLevel(logging.ERROR)
        self._told = asyncio.Event()
        device = await self._find()
        self._name = f"{device.name or 'heart rate sensor'} ({device.address})"
        client = BleakClient(device, disconnected_callback=lambda _: self._wake(), timeout=_CONNECT_S)
        await client.connect()
        self._client = client
        await client.start_notify(MEASUREMENT, self._notified)

    async def _find(self) -> "BLEDevice":
        from bleak import BleakScanner

        adapter: Any = {"adapter": self._settings.adapter} if self._settings.adapter else {}
        device = await BleakScanner.find_device_by_filter(self._is_it, timeout=self._settings.scan_s, bluez=adapter)
        if device is None:
            raise SourceUnavailableError(
                f"{self._name}: not heard within {self._settings.scan_s:g} s: wear it, moisten its electrodes, and "
                "disconnect it from other devices"
            )
        return device

    def _is_it(self, device: "BLEDevice", heard: "AdvertisementData") -> bool:
        wanted = self._settings
        if wanted.address:
            return device.address.upper() == wanted.address.upper()
        name = heard.local_name or device.name or ""
        return SERVICE in heard.service_uuids and name.startswith(wanted.device_name)

    def _notified(self, _characteristic: object, data: bytearray) -> None:
        self._waiting.append((bytes(data), self._clock.mono_ns()))
        self._wake()

    def _wake(self) -> None:
        if self._told:
            self._told.set()

    async def _wait(self) -> None:
        """Let the radio work until it tells something, for a moment at most."""
        if self._told is None:
            return
        try:
            async with asyncio.timeout(_READ_S):
                await self._told.wait()
        except TimeoutError:
            return
        self._told.clear()

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.disconnect()
            except _radio_errors():
                # It is gone already, which is what was wanted.
                pass
        await _leave_bus()


async def _leave_bus() -> None:
    """Close the radio library's own connection to the system bus, which it otherwise keeps for good.

    It has no public way to do so.
    """
    try:
        from bleak.backends.bluezdbus.manager import get_global_bluez_manager

        kept = vars(await get_global_bluez_manager())
    except Exception as error:
        if isinstance(error, (ImportError, *_radio_errors())):
            return
        raise
    bus = kept.get("_bus")
    if bus:
        bus.disconnect()
        await bus.wait_for_disconnect()


def _radio_errors() -> tuple[type[Exception], ...]:
    """What Bluetooth, BlueZ and the system bus fail with."""
    expected: tuple[type[Exception], ...] = (OSError, EOFError, TimeoutError)
    try:
        from bleak.exc import BleakError
        from dbus_fast.errors import AuthError, DBusError, InvalidAddressError
    except ImportError:
        return expected
    return (*expected, BleakError, AuthError, DBusError, InvalidAddressError)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | ConnectionError | EOFError):
        return "no system bus: Bluetooth needs BlueZ and D-Bus running"
    words = str(error) or type(error).__name__
    if "ServiceUnknown" in words or "not provided by any" in words:
        return "BlueZ does not run: start the service `bluetooth`"
    if "AccessDenied" in words:
        return "BlueZ refuses us: add the daemon's user to the group bluetooth"
    return words
