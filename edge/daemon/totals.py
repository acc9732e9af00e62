"""What the rooms have counted since the start, named once, for whoever scrapes the appliance."""

from collections.abc import Mapping, Sequence
from typing import Final

from edge.affect.sessions.desk import SessionDesk
from edge.daemon.camera import CameraUnit
from edge.daemon.collecting import Collecting
from edge.daemon.ground import Ground
from edge.daemon.rooms import Rooms
from edge.daemon.sync import Carrier
from edge.identity.renewal import IdentityRenewal
from edge.outbox.store import Outbox
from edge.web.kept_metrics import Level, Total

_RECORDER: Final = (
    ("clips", "recordings", "Recordings that were closed"),
    ("salvaged", "recordings_salvaged", "Recordings whose end a power cut or a crash cut off"),
    ("frames_written", "recorder_frames", "Frames that were recorded"),
    ("frames_dropped", "recorder_frames_dropped", "Frames that the encoder was too slow for"),
    ("frames_unrecorded", "recorder_frames_unrecorded", "Frames for which the disk had no room"),
    ("bytes_written", "recorder_bytes", "Bytes of video that were written"),
)


def totals_of(ground: Ground, rooms: Rooms) -> Sequence[Total]:
    """What the rooms have counted by now."""
    previews, keeper, orphanage = rooms.storage.previews, rooms.keeper, rooms.storage.orphanage
    return [
        *_of_recorders(rooms.units),
        *_of_carriers(rooms.carrier, ground.outbox),
        *_of_collecting(rooms.collecting),
        *_of_folders(rooms.sensors.desk),
        _total("sheets_made", "Sheets of small pictures made of recordings", previews.made_total),
        _total("sheets_missing", "Recordings of which no picture can be read", previews.undecodable_total),
        _total("recordings_rebuilt", "Recordings whose damaged note was made anew", orphanage.rebuilt_total),
        _total("recordings_set_aside", "Files that nobody can place and were set aside", orphanage.set_aside_total),
        _total("clock_leaps", "Times that the wall clock leapt", keeper.leaps_total),
        _total("clock_fixes", "Times that the times of records were put right", keeper.fixes_total),
    ]


def totals_of_identity(identity: IdentityRenewal) -> list[Total]:
    """Of the device's certificate; nothing of one that was never enrolled."""
    if identity.expires_ms is None:
        return []
    about = "When the device's certificate ends, in seconds since 1970"
    return [
        Level(name="certificate_expires_seconds", about=about, value=identity.expires_ms / 1000),
        _total("certificate_renewals", "Certificates that were got for an older one", identity.renewals_total),
        _total("certificate_renewal_failures", "Attempts to renew that failed", identity.failures_total),
    ]


def _of_recorders(units: Mapping[str, CameraUnit]) -> list[Total]:
    stats = {camera: unit.recorder.stats for camera, unit in units.items()}
    return [
        Total(name=name, about=about, value=getattr(one, field), labels={"camera": camera})
        for field, name, about in _RECORDER
        for camera, one in stats.items()
    ]


def _of_carriers(carrier: Carrier, outbox: Outbox) -> list[Total]:
    publisher, uploader = carrier.publisher, carrier.uploader
    return [
        _total("broker_connects", "Connections made to the broker", publisher.connects_total),
        _total("records_published", "Records handed to the broker, again ones too", publisher.published_total),
        _total("records_resent", "Of these, those that were sent before", publisher.resent_total),
        _total("records_evicted", "Records that gave way in a full store", outbox.evicted_total),
        _total("records_refused", "Records that gave way because the disk failed", outbox.refused_total),
        _total("store_commits", "Commits of the store", outbox.commits_total),
        _total("uploads", "Files that object storage confirmed", uploader.uploaded_total),
        _total("upload_bytes", "Bytes of files that were sent", uploader.sent_bytes_total),
        _total("uploads_restarted", "Files that had to begin again", uploader.restarted_total),
        _total("uploads_aborted", "Abandoned uploads that were cleared away", uploader.aborted_total),
    ]


def _of_collecting(collecting: Collecting) -> list[Total]:
    door = collecting.collector
    return [
        _total("collect_chunks", "Chunks of videos taken from browsers", door.chunks_taken),
        _total("collect_chunks_repeated", "Chunks that were held already", door.chunks_repeated),
        _total("collect_videos", "Videos from browsers that are whole", door.videos_completed),
    ]


def _of_folders(desk: SessionDesk | None) -> list[Total]:
    stats = desk.folders.stats if desk and desk.folders else None
    if stats is None:
        return []
    about = "Folders of sessions whose notes cannot be read"
    return [Level(name="session_folders_unread", about=about, value=stats.unread)]


def _total(name: str, about: str, value: float) -> Total:
    return Total(name=name, about=about, value=value)
