"""What each kind of fault does to the site, and how it is undone."""

from collections.abc import Callable
from typing import Final

from tests.soak.schedule import Fault
from tests.soak.site import Site
from tests.support.power_cut import set_disk_left

Deed = Callable[[Site, Fault], None]
_DAY_MS: Final = 86_400_000


def _nothing(site: Site, fault: Fault) -> None:
    """A fault that is over by itself."""


def _kill_device(site: Site, fault: Fault) -> None:
    site.device.kill()


def _cut_power(site: Site, fault: Fault) -> None:
    site.cut_power()


def _fill_disk(site: Site, fault: Fault) -> None:
    """Nothing at all is left, or a little."""
    set_disk_left(site.disk_left, round(max(0.0, fault.draw - 0.5) * 400_000))


def _free_disk(site: Site, fault: Fault) -> None:
    set_disk_left(site.disk_left, -1)


def _start_device(site: Site, fault: Fault) -> None:
    if not site.device.runs:
        site.start_device()


def _kill_cloud(site: Site, fault: Fault) -> None:
    site.cloud.kill()


def _start_cloud(site: Site, fault: Fault) -> None:
    if not site.cloud.runs:
        site.start_cloud()


def _kill_broker(site: Site, fault: Fault) -> None:
    site.broker.kill()


def _empty_broker(site: Site, fault: Fault) -> None:
    site.broker.kill()
    site.empty_broker()


def _start_broker(site: Site, fault: Fault) -> None:
    site.broker.start()


def _overflow(site: Site, fault: Fault) -> None:
    """Nobody takes what the device sends, until the broker throws it away."""
    site.cloud.kill()
    site.device.tell(f"flood {200 + round(600 * fault.draw)}")


def _kill_database(site: Site, fault: Fault) -> None:
    site.postgres.stop()


def _start_database(site: Site, fault: Fault) -> None:
    site.postgres.start()


def _spoil_bucket(site: Site, fault: Fault) -> None:
    name = fault.kind.name.removeprefix("bucket ")
    site.bucket.share = 1.0 if name == "killed" else 0.3 + 0.7 * fault.draw
    match name:
        case "500" | "503" | "slow" | "reset" | "truncated" | "unanswered":
            site.bucket.fault = name
        case _:
            site.bucket.fault = "gone"


def _mend_bucket(site: Site, fault: Fault) -> None:
    site.bucket.fault = None


def _set_clock(site: Site, fault: Fault) -> None:
    days = 400 * fault.draw**3
    sign = {"clock forward": 1, "clock back": -1}.get(fault.kind.name, 0)
    site.device.tell(f"clock {round(sign * days * _DAY_MS)} {int(sign != 0)}")


def _mend_clock(site: Site, fault: Fault) -> None:
    if fault.kind.name == "clock untrusted":
        site.device.tell("clock 0 1")


def _cut_link(site: Site, fault: Fault) -> None:
    site.link.cut()


def _delay_link(site: Site, fault: Fault) -> None:
    """Far away, and narrow."""
    site.link.delay(0.2 + fault.draw)
    site.link.cap(20_000)


def _swallow(site: Site, fault: Fault) -> None:
    site.link.black_hole()


def _break_link(site: Site, fault: Fault) -> None:
    """Broken off in the middle of a message, wherever that is."""
    site.link.reset_after(round(20_000 * fault.draw))


def _reset_link(site: Site, fault: Fault) -> None:
    site.link.reset()


def _mend_link(site: Site, fault: Fault) -> None:
    site.link.mend()


DEEDS: Final[dict[str, tuple[Deed, Deed]]] = {
    "device killed": (_kill_device, _start_device),
    "power cut": (_cut_power, _start_device),
    "cloud killed": (_kill_cloud, _start_cloud),
    "broker killed": (_kill_broker, _start_broker),
    "broker emptied": (_empty_broker, _start_broker),
    "broker overflow": (_overflow, _start_cloud),
    "database killed": (_kill_database, _start_database),
    "bucket killed": (_spoil_bucket, _mend_bucket),
    "bucket 500": (_spoil_bucket, _mend_bucket),
    "bucket 503": (_spoil_bucket, _mend_bucket),
    "bucket slow": (_spoil_bucket, _mend_bucket),
    "bucket reset": (_spoil_bucket, _mend_bucket),
    "bucket truncated": (_spoil_bucket, _mend_bucket),
    "bucket unanswered": (_spoil_bucket, _mend_bucket),
    "disk full": (_fill_disk, _free_disk),
    "clock forward": (_set_clock, _nothing),
    "clock back": (_set_clock, _nothing),
    "clock untrusted": (_set_clock, _mend_clock),
    "link cut": (_cut_link, _mend_link),
    "link delayed": (_delay_link, _mend_link),
    "link broken off": (_break_link, _mend_link),
    "link reset": (_reset_link, _nothing),
    "link black hole": (_swallow, _mend_link),
}
"""What happens at the beginning of each kind of fault, and at its end."""
