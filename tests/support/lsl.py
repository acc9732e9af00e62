"""Real Lab Streaming Layer outlets. liblsl is looked for where the system has it, or in a package that bundles it."""

import ctypes.util
import importlib
import importlib.util
import os
import threading
from pathlib import Path
from typing import Any


def liblsl() -> str:
    """Where liblsl lies; fails where it is missing, for then nothing would be proven."""
    if named := os.environ.get("PYLSL_LIB"):
        return named
    spec = importlib.util.find_spec("mne_lsl")
    for folder in spec.submodule_search_locations or [] if spec else []:
        for found in Path(folder).glob("lsl/lib/liblsl.so*"):
            return str(found)
    system = ctypes.util.find_library("lsl")
    assert system, "liblsl is missing: install it, or the package mne-lsl (without its dependencies), which bundles it"
    return system


class Outlet:
    """An outlet that pushes one row over and over, from `start` to `stop`."""

    def __init__(self, name: str, channels: dict[str, str], *, rate_hz: float = 50.0, row: list[float]) -> None:
        os.environ.setdefault("PYLSL_LIB", liblsl())
        pylsl: Any = importlib.import_module("pylsl")
        info = pylsl.StreamInfo(name, "Physio", len(channels), rate_hz, pylsl.cf_float32, f"source-{name}")
        info.set_channel_labels(list(channels))
        info.set_channel_units(list(channels.values()))
        self._outlet: Any = pylsl.StreamOutlet(info)
        self._local_clock = pylsl.local_clock
        self.row = row
        self.behind_s = 0.0
        self._rate_hz = rate_hz
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._push, name="outlet")

    def start(self) -> "Outlet":
        """Begin to push."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Fall silent and vanish."""
        self._over.set()
        if self._thread.ident:
            self._thread.join()
        self._outlet = None

    def skip(self, seconds: float) -> None:
        """Stamp what comes next as if nothing had been measured meanwhile."""
        self.behind_s -= seconds

    def _push(self) -> None:
        began, count = self._local_clock(), 0
        while not self._over.wait(1 / self._rate_hz):
            while (at := began + count / self._rate_hz) <= self._local_clock():
                self._outlet.push_sample(self.row, at - self.behind_s)
                count += 1
