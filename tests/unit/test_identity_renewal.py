"""The service that keeps the certificate fresh, with a clock of the test's. S6.4"""

import asyncio
import random
import threading
from pathlib import Path

import pytest

from contract.enrolment import Credentials
from edge.core.errors import LinkError, RefusedError
from edge.core.health import Health, State
from edge.daemon.totals import totals_of_identity
from edge.identity import renewal
from edge.identity.enrolling import Invitation, enrol
from edge.identity.errors import IdentityDamagedError
from edge.identity.folder import IdentityFolder
from edge.identity.renewal import PART, IdentityRenewal
from edge.identity.settings import IdentitySettings
from edge.web.kept_metrics import kept_metrics
from tests.support.clock import FakeClock
from tests.support.paper_cloud import DAY_MS, PaperCloud

DAY_S = DAY_MS / 1000


class SteppedClock(FakeClock):
    """Lets nobody sleep on; `asleep` is set once somebody tries."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """For ever."""
        self.asleep.set()
        await asyncio.Event().wait()


class Bench:
    """A device, its cloud and its clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self.health = Health(self.clock)
        self.folder = IdentityFolder(folder / "identity")
        self.cloud = PaperCloud(folder / "authority", self.clock.now().wall_ms)
        self.changes = 0
        self.service = IdentityRenewal(
            IdentitySettings(),
            folder=self.folder,
            clock=self.clock,
            health=self.health,
            rng=random.Random(1),
            on_change=self._changed,
            open_door=lambda _url, _timeout_s: self.cloud,
        )

    def enrol(self) -> None:
        """With the cloud's own time."""
        enrol(Invitation(cloud="https://c", token=self.cloud.token, device="gate-1"), self.folder, self.cloud)
        self.cloud.asked = 0

    async def pass_days(self, days: float, *, step_days: float = 0.5) -> None:
        """Let days go by, looking in now and then as `run` does."""
        for _ in range(round(days / step_days)):
            self.clock.advance(step_days * DAY_S)
            self.cloud.now_ms = self.clock.now().wall_ms
            await self.look()

    async def look(self) -> None:
        """One turn of `run`."""
        self.clock.asleep.clear()
        task = asyncio.create_task(self.service.run())
        await asyncio.wait_for(self.clock.asleep.wait(), 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def words(self) -> str:
        part = self.health.part(PART)
        return part.detail if part else ""

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_device_that_never_enrolled_is_left_alone_until_it_does(bench: Bench) -> None:
    await bench.look()
    assert bench.health.of(PART) is State.STOPPED
    assert bench.service.expires_ms is None
    with pytest.raises(IdentityDamagedError, match="never enrolled"):
        await bench.service.renew()
    bench.enrol()
    await bench.look()
    assert bench.health.of(PART) is State.OK
    assert bench.changes == 1
    assert bench.service.pulse.alive


async def test_it_renews_once_at_two_thirds(bench: Bench) -> None:
    bench.enrol()
    await bench.pass_days(59)
    assert (bench.cloud.asked, bench.service.renewals_total) == (0, 0)
    await bench.pass_days(2)
    assert (bench.cloud.asked, bench.service.renewals_total, bench.changes) == (1, 1, 1)
    await bench.pass_days(50)
    assert bench.cloud.asked == 1
    assert bench.health.of(PART) is State.OK


async def test_while_the_cloud_is_away_it_asks_ever_more_seldom_and_warns(bench: Bench) -> None:
    bench.enrol()
    bench.cloud.trouble = LinkError("cloud c:1 does not answer")
    await bench.pass_days(61)
    assert bench.health.of(PART) is State.OK
    assert "does not answer" in bench.words
    asked = bench.cloud.asked
    for _ in range(720):
        bench.clock.advance(60)
        await bench.look()
    assert bench.cloud.asked - asked <= 8  # in twelve hours
    await bench.pass_days(16)
    assert bench.health.of(PART) is State.DEGRADED
    assert "runs out on" in bench.words
    await bench.pass_days(14)
    assert bench.health.of(PART) is State.FAILED
    assert "ran out on" in bench.words
    bench.cloud.trouble = None
    await bench.pass_days(1)
    assert bench.health.of(PART) is State.OK
    assert bench.changes == 1


async def test_a_refusal_is_told_in_the_clouds_words(bench: Bench) -> None:
    bench.enrol()
    bench.cloud.trouble = RefusedError("cloud c:1 refuses: this certificate was revoked")
    with pytest.raises(RefusedError):
        await bench.service.renew()
    assert bench.service.failures_total == 1
    await bench.pass_days(61)
    assert "was revoked" in bench.words
    assert bench.service.failures_total > 1


async def test_who_scrapes_sees_when_it_ends_and_how_renewing_went(bench: Bench) -> None:
    def scraped() -> dict[str, tuple[str, float]]:
        families = kept_metrics(None, lambda: totals_of_identity(bench.service))
        return {sample.name: (family.type, sample.value) for family in families for sample in family.samples}

    await bench.look()
    assert scraped() == {}, "it was never enrolled"
    bench.enrol()
    await bench.pass_days(61)
    assert bench.service.expires_ms is not None
    assert scraped() == {
        "afferent_certificate_expires_seconds": ("gauge", bench.service.expires_ms / 1000),
        "afferent_certificate_renewals_total": ("counter", 1),
        "afferent_certificate_renewal_failures_total": ("counter", 0),
    }


async def test_asked_from_afar_it_renews_at_once(bench: Bench) -> None:
    bench.enrol()
    await bench.look()
    first = bench.service.expires_ms
    bench.clock.advance(DAY_S)
    bench.cloud.now_ms = bench.clock.now().wall_ms
    said = await bench.service.renew()
    assert said == bench.service.expires
    assert bench.service.expires_ms == (first or 0) + DAY_MS
    assert bench.changes == 1


async def test_a_clock_that_is_years_ahead_does_not_make_it_ask_all_day(bench: Bench) -> None:
    bench.enrol()
    bench.clock.jump_wall(1000 * DAY_S)
    for _ in range(600):
        bench.clock.advance(60)
        await bench.look()
    assert 1 <= bench.cloud.asked <= 12  # in ten hours


async def test_an_enrolment_that_goes_on_beside_it_comes_first(bench: Bench) -> None:
    bench.enrol()
    with bench.folder.exclusive(), pytest.raises(RefusedError, match="try again"):
        await bench.service.renew()
    assert await bench.service.renew()


async def test_a_disk_that_refuses_ends_no_daemon(bench: Bench) -> None:
    """It would be started anew, and end again, for as long as the certificate is due."""
    bench.enrol()
    (bench.folder.path / "next.pem").mkdir()
    await bench.pass_days(61, step_days=61)
    assert "next.pem" in bench.words
    assert bench.cloud.asked == 0
    (bench.folder.path / "next.pem").rmdir()
    await bench.pass_days(1)
    assert bench.service.renewals_total == 1


async def test_a_key_that_is_gone_ends_no_daemon(bench: Bench) -> None:
    bench.enrol()
    identity = bench.folder.read()
    assert identity
    identity.key.unlink()
    await bench.pass_days(61, step_days=61)
    assert "key.pem" in bench.words


async def test_a_cloud_that_answers_drop_by_drop_is_cut_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte begins the timeout anew: the renewal waited until the certificate had run out."""
    monkeypatch.setattr(renewal, "_LOOK_EVERY_S", 0.01)
    bench.enrol()
    cut = threading.Event()

    def drip(*_: object) -> Credentials:
        bench.clock.advance(10 * IdentitySettings().timeout_s)
        assert cut.wait(10), "nobody cut it off"
        raise LinkError("cut")

    monkeypatch.setattr(bench.cloud, "renew", drip)
    monkeypatch.setattr(bench.cloud, "cut", cut.set)
    await bench.pass_days(61, step_days=61)
    part = bench.health.part(PART)
    assert part
    assert "drop by drop" in part.detail
