"""The tables, once for SQLite and PostgreSQL.

`records` holds every record as it came; it alone decides what is a duplicate. The typed tables beside it are filled in
the same transaction and exist to be asked quickly. Times are milliseconds since the epoch, UTC.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()


def _untrusted(name: str, *columns: str) -> Index:
    """Of what is not sure of its time, which is little; a query uses it if it says the same in the same words."""
    some = text("clock <> 'trusted'")
    return Index(name, *columns, sqlite_where=some, postgresql_where=some)


def _of_person(name: str, person: str, *order: str) -> Index:
    """What is of one person, in the order of the lists; most is of nobody."""
    some = text(f"{person} IS NOT NULL")
    return Index(name, person, *order, sqlite_where=some, postgresql_where=some)


_GOING_ON = text("phase <> 'close'")

devices = Table(
    "devices",
    metadata,
    Column("device", Text, primary_key=True),
    Column(
        "state", Text, nullable=False, server_default="unknown"
    ),  # online | offline | unknown, as birth or will said
    Column("boot", Text),
    Column("software", Text, nullable=False, server_default=""),
    Column("clock", Text, nullable=False, server_default="untrusted"),
    Column("status_ms", BigInteger),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)

boots = Table(
    "boots",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("highest", BigInteger, nullable=False),  # the highest seq seen or given up
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)

# What is missing below `boots.highest`: closed ranges that never touch each other. Empty for a healthy device.
gaps = Table(
    "gaps",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("mono_ms", BigInteger, nullable=False),
    Column("clock", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON as it came
    Column("shift_ms", BigInteger),  # how far a clock fix moved `t_ms` here; NULL is as it came
    _untrusted("records_by_moment", "device", "boot", "mono_ms"),  # what clock fixes may move
)

predictions = Table(
    "predictions",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("task", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("segment_index", BigInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("probe", Text),  # NULL is an abstention
    Column("confidence", Float, nullable=False),
    Column("valence", Float),
    Column("arousal", Float),
    Column("quality", Float, nullable=False),
    Column("cluster_id", BigInteger, nullable=False),
    Column("session_id", Text),
    Column("user_id", Text),
    Column("video_id", BigInteger),
    Index("predictions_by_time", "start_ms", "device", "boot", "seq"),
    Index("predictions_by_device", "device", "start_ms", "boot", "seq"),
    Index("predictions_by_session", "device", "session_id"),
    Index("predictions_by_user", "device", "user_id"),
    _of_person("predictions_of_person", "user_id", "start_ms", "device", "boot", "seq"),
)

# One row per viewing session of a device, as its newest step has it.
sessions = Table(
    "sessions",
    metadata,
    Column("device", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("video_id", BigInteger),
    Column("stimulus", Text),
    Column("sensor", Text),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Column("warnings", Text, nullable=False),  # JSON list of sentences
    Index("sessions_by_time", "start_ms", "device", "session_id"),
    Index("sessions_by_participant", "device", "participant"),
)

# What participants said; the points of a trace stand in the record's body alone.
labels = Table(
    "labels",
    metadata,
    Column("device", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("label_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("participant", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("label_set", Text, nullable=False),
    Column("probe", Text),
    Column("valence", Float),
    Column("arousal", Float),
    Column("stimulus_ms", BigInteger),
    Column("video_id", BigInteger),
    Column("ask_id", Text),
    Column("asked_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Index("labels_by_time", "at_ms", "device", "session_id", "label_id"),
    Index("labels_by_participant", "device", "participant"),
)

# Which records besides predictions speak of which person: what has to go when that person is erased.
personal = Table(
    "personal",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("participant", Text),
    Column("session_id", Text),
    Index("personal_by_participant", "device", "participant"),
    Index("personal_by_session", "device", "session_id"),
)

# Who was erased: records of them that are older than this, and come late, are kept without their content.
erasures = Table(
    "erasures",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("participant", Text, nullable=False),
    Column("sessions", Text, nullable=False),  # JSON list of session ids
    Column("objects", BigInteger, nullable=False, server_default="0"),  # files of theirs in object storage
    Column("objects_deleted", BigInteger, nullable=False, server_default="0"),  # how many of these are gone
)

# Objects of those who were erased: to be deleted, or gone since `done_ms`. `boot` and `seq` are of the erasure.
doomed = Table(
    "doomed",
    metadata,
    Column("device", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tries", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Index("doomed_by_due", "done_ms", "due_ms"),
    Index("doomed_by_erasure", "device", "boot", "seq"),
)

# One row per event, as its newest step has it; the steps themselves stand in `records`.
events = Table(
    "events",
    metadata,
    Column("device", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger),
    Column("reasoning", Text, nullable=False),  # JSON list of sentences
    Column("zone", Text),
    Column("track", BigInteger),
    Column("recording_id", Text),
    Column("merged", BigInteger, nullable=False, server_default="0"),
    Index("events_by_time", "start_ms", "device", "event_id"),
    Index("events_going_on", "device", sqlite_where=_GOING_ON, postgresql_where=_GOING_ON),
)

# One row per recording, as its newest step has it.
recordings = Table(
    "recordings",
    metadata,
    Column("device", Text, primary_key=True),
    Column("recording_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("camera", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("codec", Text, nullable=False),
    Column("width_px", BigInteger, nullable=False),
    Column("height_px", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("event_id", Text),
    Column("salvaged", Integer, nullable=False),
    Column("session_id", Text),
    Column("participant", Text),
    Index("recordings_by_time", "start_ms", "device", "recording_id"),
    Index("recordings_by_id", "recording_id"),
    Index("recordings_by_session", "device", "session_id"),
    Index("recordings_by_participant", "device", "participant"),
    _of_person("recordings_of_person", "participant", "start_ms", "device", "recording_id"),
    Index("recordings_by_key", "device", "key"),
)

# One row per file that is no recording, as its newest step has it.
files = Table(
    "files",
    metadata,
    Column("device", Text, primary_key=True),
    Column("file_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("start_ms", BigInteger, nullable=False),  # when it was told, if its beginning was not
    Column("end_ms", BigInteger),
    Column("session_id", Text),
    Column("participant", Text),
    Column("camera", Text),
    Column("about", Text, nullable=False),  # JSON object of words by name
    Index("files_by_time", "start_ms", "device", "file_id"),
    Index("files_by_id", "file_id"),
    Index("files_by_session", "device", "session_id"),
    Index("files_by_participant", "device", "participant"),
    _of_person("files_of_person", "participant", "start_ms", "device", "file_id"),
    Index("files_by_key", "device", "key"),
)

# Moments of a device's run `of_boot` by both of its clocks: what times of that run are put right by.
clock_fixes = Table(
    "clock_fixes",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("of_boot", Text, nullable=False),
    Column("at_mono_ms", BigInteger, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("jump_ms", BigInteger, nullable=False),
    Index("clock_fixes_by_run", "device", "of_boot"),
)

# What was given up, when and why.
ledger = Table(
    "ledger",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("t_ms", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("lost_boot", Text),
    Column("first_seq", BigInteger),
    Column("last_seq", BigInteger),
    Column("recording_id", Text),
    Column("file_id", Text),
    Index("ledger_by_time", "t_ms", "device", "boot", "seq"),
)

# The newest messages that could not be read, for a person to look at.
rejected = Table(
    "rejected",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # its beginning
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password", Text, nullable=False),  # scrypt$n$r$p$salt$hash
    Column("created_ms", BigInteger, nullable=False),
    Column("role", Text, nullable=False, server_default="member"),  # member | viewer | operator | admin: see roles.py
)

# Sessions of browsers and bearer tokens of programs: only a digest of each is here.
tokens = Table(
    "tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("kind", Text, nullable=False),  # session | bearer
    Column("label", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Index("tokens_by_user", "user"),
)

# Who an account is: the name under which they take part on a device.
ties = Table(
    "ties",
    metadata,
    Column("user", Text, primary_key=True),
    Column("device", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Index("ties_by_person", "device", "person"),
)

# Invitations: only a digest of each token's secret is here. `key_digest` is the key that used it: the same key may ask
# again, for an answer that was lost on its way.
enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
    Column("key_digest", Text),
    Index("enrolments_by_device", "device"),
)

# Every certificate that the authority signed, until long after its end.
certificates = Table(
    "certificates",
    metadata,
    Column("serial", Text, primary_key=True),  # hex
    Column("kind", Text, nullable=False),  # device | server | client
    Column("name", Text, nullable=False),  # its common name; of a device its id
    Column("key_digest", Text, nullable=False),  # SHA-256 of the public key (DER), hex
    Column("pem", Text, nullable=False),
    Column("issued_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Index("certificates_by_name", "name", "issued_ms"),
    Index("certificates_by_end", "expires_ms"),
)
