"""A real D-Bus daemon with a service on it that has BlueZ's shape: an adapter, and a strap that tells heart beats.

There is no radio behind it: what a radio does wrong is not proven by it.
"""

import asyncio
import shutil
import subprocess
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

from dbus_fast import BusType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusBytes, DBusInt16, DBusObjectPath, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from edge.sensing.heart_rate import MEASUREMENT, SERVICE

_T = TypeVar("_T")
_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""
_ADAPTER = "/org/bluez/hci0"
_READ = PropertyAccess.READ
_Strings = Annotated[list[str], DBusSignature("as")]
_Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]


class FakeBluez:
    """Runs from construction to `stop`. `address` is that of the bus, for DBUS_SYSTEM_BUS_ADDRESS."""

    def __init__(self, folder: Path, *, name: str = "Strap 7", address: str = "AA:BB:CC:DD:EE:01") -> None:
        socket = folder / "bus"
        (folder / "bus.conf").write_text(_CONFIG.format(path=socket))
        program = shutil.which("dbus-daemon")
        assert program, "dbus-daemon is missing: install the package dbus-daemon"
        self._daemon = subprocess.Popen(
            [program, f"--config-file={folder / 'bus.conf'}", "--nofork", "--print-address"], stdout=subprocess.PIPE
        )
        assert self._daemon.stdout
        self.address = self._daemon.stdout.readline().decode().strip()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bluez")
        self._thread.start()
        self.strap = _Device(name, address)
        self.value = _Characteristic(self.strap.path)
        self._bus = self._call(self._serve())

    def beat(self, data: bytes) -> None:
        """Let the strap notify, if it was asked to."""
        self._call(self._notify(data))

    def drop(self) -> None:
        """Let the connection break off, as out of range."""
        self._call(self._drop())

    def hide(self, hidden: bool = True) -> None:
        """Let the strap be out of range, or back."""
        self.strap.hidden = hidden

    def stop(self) -> None:
        """End the service and the bus."""
        self._call(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._daemon.terminate()
        self._daemon.wait()
        assert self._daemon.stdout
        self._daemon.stdout.close()

    def _call(self, what: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _serve(self) -> MessageBus:
        bus = await MessageBus(bus_address=self.address, bus_type=BusType.SYSTEM).connect()
        bus.export(_ADAPTER, _Adapter(self.strap))
        bus.export(self.strap.path, self.strap)
        bus.export(f"{self.strap.path}/service000a", _Service(self.strap.path))
        bus.export(f"{self.strap.path}/service000a/char000b", self.value)
        await bus.request_name("org.bluez")
        return bus

    async def _notify(self, data: bytes) -> None:
        if self.value.notifying:
            self.value.emit_properties_changed({"Value": data})

    async def _drop(self) -> None:
        self.strap.connect(False)
        self.value.notifying = False

    async def _leave(self) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


class _Adapter(ServiceInterface):
    def __init__(self, strap: "_Device") -> None:
        super().__init__("org.bluez.Adapter1")
        self._strap = strap

    @dbus_property(access=_READ, name="Powered")
    def powered(self) -> DBusBool:
        return True

    @dbus_property(access=_READ, name="Address")
    def address(self) -> DBusStr:
        return "00:11:22:33:44:55"

    @dbus_property(access=_READ, name="Roles")
    def roles(self) -> _Strings:
        return ["central"]

    @dbus_method(name="SetDiscoveryFilter")
    def set_filter(self, _filter: _Options) -> None:
        return

    @dbus_method(name="StartDiscovery")
    def start(self) -> None:
        asyncio.get_running_loop().call_later(0.05, self._strap.advertise)

    @dbus_method(name="StopDiscovery")
    def end(self) -> None:
        return


class _Device(ServiceInterface):
    def __init__(self, name: str, address: str) -> None:
        super().__init__("org.bluez.Device1")
        self.path = f"{_ADAPTER}/dev_{address.replace(':', '_')}"
        self.hidden = False
        self.connections = 0
        self._name, self._address, self._connected = name, address, False

    def advertise(self) -> None:
        if not self.hidden:
            self.emit_properties_changed({"RSSI": -50})

    def connect(self, connected: bool) -> None:
        self._connected = connected
        self.connections += connected
        self.emit_properties_changed({"Connected": connected, "ServicesResolved": connected})

    @dbus_property(access=_READ, name="Address")
    def address(self) -> DBusStr:
        return self._address

    @dbus_property(access=_READ, name="AddressType")
    def address_type(self) -> DBusStr:
        return "random"

    @dbus_property(access=_READ, name="Alias")
    def alias(self) -> DBusStr:
        return self._name

    @dbus_property(access=_READ, name="Name")
    def shown_name(self) -> DBusStr:
        return self._name

    @dbus_property(access=_READ, name="Adapter")
    def adapter(self) -> DBusObjectPath:
        return _ADAPTER

    @dbus_property(access=_READ, name="UUIDs")
    def uuids(self) -> _Strings:
        return [SERVICE]

    @dbus_property(access=_READ, name="Paired")
    def paired(self) -> DBusBool:
        return False

    @dbus_property(access=_READ, name="Connected")
    def connected(self) -> DBusBool:
        return self._connected

    @dbus_property(access=_READ, name="ServicesResolved")
    def resolved(self) -> DBusBool:
        return self._connected

    @dbus_property(access=_READ, name="RSSI")
    def rssi(self) -> DBusInt16:
        return -50

    @dbus_method(name="Connect")
    def do_connect(self) -> None:
        self.connect(True)

    @dbus_method(name="Disconnect")
    def do_disconnect(self) -> None:
        self.connect(False)


class _Service(ServiceInterface):
    def __init__(self, device: str) -> None:
        super().__init__("org.bluez.GattService1")
        self._device = device

    @dbus_property(access=_READ, name="UUID")
    def uuid(self) -> DBusStr:
        return SERVICE

    @dbus_property(access=_READ, name="Device")
    def device(self) -> DBusObjectPath:
        return self._device

    @dbus_property(access=_READ, name="Primary")
    def primary(self) -> DBusBool:
        return True


class _Characteristic(ServiceInterface):
    def __init__(self, device: str) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self.notifying = False
        self._service = f"{device}/service000a"

    @dbus_property(access=_READ, name="UUID")
    def uuid(self) -> DBusStr:
        return MEASUREMENT

    @dbus_property(access=_READ, name="Service")
    def service(self) -> DBusObjectPath:
        return self._service

    @dbus_property(access=_READ, name="Value")
    def value(self) -> DBusBytes:
        return b""

    @dbus_property(access=_READ, name="Notifying")
    def is_notifying(self) -> DBusBool:
        return self.notifying

    @dbus_property(access=_READ, name="Flags")
    def flags(self) -> _Strings:
        return ["notify"]

    @dbus_method(name="StartNotify")
    def start(self) -> None:
        self.notifying = True

    @dbus_method(name="StopNotify")
    def end(self) -> None:
        self.notifying = False
