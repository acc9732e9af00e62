"""What lies on the disk: recordings and what is made of them, who watches that it does not fill, and what it bears."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from contract.messages import File, Record
from edge.core.frame import Frame
from edge.core.growth import Growth
from edge.core.service import Service
from edge.core.slot import Slot
from edge.core.stash import Stash
from edge.core.wear import WearBudget, WearMeter, is_card
from edge.daemon.ground import Ground
from edge.daemon.recordings import RecordingShelf
from edge.daemon.room import BALLAST
from edge.outbox.ballast import Ballast
from edge.outbox.store import Outbox
from edge.recording.aside import FOLDER, SetAside
from edge.recording.ledger import ClosedRecording, RecordingTeller
from edge.recording.orphanage import Orphanage
from edge.recording.previews.service import PreviewService
from edge.recording.previews.shelf import SheetShelf
from edge.recording.previews.timelapse import TimelapseFolder
from edge.recording.previews.timelapse_service import TimelapseOutlets, TimelapseService
from edge.recording.retention.service import RetentionService
from edge.recording.retention.spool import SpoolStash
from edge.recording.spool import Spool
from edge.recording.stranded import StrandedService
from edge.sync.uploader import Uploader

OnUploaded = Callable[[str], Awaitable[None]]
_PLAIN: Final = 2
"""The rank of what may be sent after everything else."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What the rooms that keep files share.

    `on_uploaded`: who is told of each file that object storage has.
    """

    spool: Spool
    teller: RecordingTeller
    grew: Callable[[Growth], None]
    stopped_growing: Callable[[str], None]
    meter: WearMeter
    wear: WearBudget
    retention: RetentionService
    shelf: RecordingShelf
    previews: PreviewService
    orphanage: Orphanage
    stranded: StrandedService
    services: list[Service]
    on_uploaded: list[OnUploaded] = field(default_factory=list)


def make_wear(ground: Ground, meter: WearMeter) -> WearBudget:
    """What the disk has to bear; commits of the store wait as it says."""
    config = ground.config
    wear = WearBudget(
        config.wear,
        meter=meter,
        usual=(config.outbox.linger_ms, config.recording.fragment_s),
        commits=lambda: ground.outbox.commits_total,
        on_card=is_card(config.state),
        clock=ground.clock,
        health=ground.health,
    )
    ground.outbox.linger_ms = wear.linger_ms
    ground.outbox.count_bytes(meter.wrote)
    return wear


def make_storage(ground: Ground, uploader: Uploader, slots: Mapping[str, Slot[Frame]]) -> Storage:
    """Spool, sheets, timelapses, and what keeps them and every stash that is added later within the disk."""
    config, uploads = ground.config, ground.outbox.uploads
    meter = WearMeter()
    spool = Spool(config.state / "recordings", wear=meter)
    recordings = SpoolStash(spool, sink=ground.outbox, known=uploads.phases, on_evicted=uploads.forget)
    sheets = SheetShelf(config.state / "previews", wear=meter)
    folder = TimelapseFolder(config.state / "timelapses", wear=meter)
    timelapses = _timelapses(ground, folder, slots)
    retention = _retention(ground, spool, [recordings, timelapses])
    retention.reconcile = partial(_reconcile, ground.outbox, recordings)
    wear = make_wear(ground, meter)
    retention.wear = wear.view
    previews = PreviewService(spool, sheets, settings=config.previews, clock=ground.clock, health=ground.health)
    retention.watch(previews)
    teller = _teller(ground)
    orphanage = Orphanage(spool, SetAside(spool.folder / FOLDER, ground.outbox), teller=teller, forget=uploads.forget)
    retention.watch(orphanage.aside)
    stranded = StrandedService(
        spool,
        configured=slots.keys(),
        teller=teller,
        on_nothing=uploader.stopped_growing,
        clock=ground.clock,
        health=ground.health,
        boot=ground.host_boot,
        orphanage=orphanage,
    )
    storage = Storage(
        spool=spool,
        teller=teller,
        grew=uploader.grew,
        stopped_growing=uploader.stopped_growing,
        meter=meter,
        wear=wear,
        retention=retention,
        shelf=RecordingShelf(spool, sheets, folder),
        previews=previews,
        orphanage=orphanage,
        stranded=stranded,
        services=[retention, wear, previews, timelapses, stranded],
        on_uploaded=[recordings.mark_uploaded, timelapses.mark_uploaded],
    )
    uploader.on_uploaded = partial(_tell_all, storage.on_uploaded)
    return storage


async def _reconcile(outbox: Outbox, recordings: SpoolStash, beat: Callable[[], None]) -> None:
    """Sessions, collected videos and timelapses look after their own files at every start."""
    recordings.offer_again = outbox.uploads.add if outbox.repaired else None
    await recordings.reconcile(beat)
    outbox.repair_is_over()


def _timelapses(ground: Ground, folder: TimelapseFolder, slots: Mapping[str, Slot[Frame]]) -> TimelapseService:
    uploads = ground.outbox.uploads

    async def offer(file: File, path: Path) -> Record:
        return await uploads.offer(file, path, rank=_PLAIN)

    outlets = TimelapseOutlets(
        device=ground.config.device, sink=ground.outbox, offer=offer, phases=uploads.phases, forget=uploads.forget
    )
    return TimelapseService(
        folder, slots, settings=ground.config.previews, outlets=outlets, clock=ground.clock, health=ground.health
    )


def _retention(ground: Ground, spool: Spool, stashes: Sequence[Stash]) -> RetentionService:
    ballast = Ballast(ground.config.state / BALLAST, ground.config.retention.ballast_bytes)
    ground.outbox.give_up_when_full(ballast.release)
    return RetentionService(
        stashes,
        settings=ground.config.retention,
        free_bytes=spool.free_bytes,
        clock=ground.clock,
        health=ground.health,
        hub=ground.hub,
        ballast=ballast,
    )


async def _tell_all(listeners: list[OnUploaded], file_id: str) -> None:
    for listener in listeners:
        await listener(file_id)


def _teller(ground: Ground) -> RecordingTeller:
    uploads = ground.outbox.uploads

    async def queue(recording: ClosedRecording) -> None:
        await uploads.add(recording.recording_id, recording.path)

    return RecordingTeller(device=ground.config.device, sink=ground.outbox, known=uploads.phases, on_closed=queue)
