"""The tables about devices as things to look after: what they shall be, what they shall do, what they say they are.

Whoever asks and whoever sends are different processes: they meet in `due_ms`, the moment from which something is to be
sent. Sending first moves it on (so that nobody else sends it meanwhile, and so that it is sent again should the sender
die), and NULL means that there is nothing to send. Times are milliseconds since the epoch, UTC.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from cloud.store.tables import metadata

# Every desired state that somebody asked for, up to a bound for each device.
desired = Table(
    "desired",
    metadata,
    Column("device", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("set_ms", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON of settings, plans and models
)

# The newest of them, by device, and how far telling it has come.
desired_heads = Table(
    "desired_heads",
    metadata,
    Column("device", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sent_version", BigInteger, nullable=False, server_default="0"),
    Column("sent_ms", BigInteger),
    Column("due_ms", BigInteger),
    Index("desired_heads_by_due", "due_ms"),
)

# What each device said last that it is.
reported = Table(
    "reported",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # in_force | taking | refused
    Column("release", Text, nullable=False),
    Column("certificate_expires", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON as it came
)

# What was asked of a device. How far it is, is here only until the device speaks: see `command_states`.
commands = Table(
    "commands",
    metadata,
    Column("device", Text, primary_key=True),
    Column("command_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # JSON object
    Column("by", Text, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),  # queued | sent | cancelled | expired | told | lost: see commands.py
    Column("reason", Text, nullable=False, server_default=""),
    Column("state_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("sends", BigInteger, nullable=False, server_default="0"),
    Column("due_ms", BigInteger),
    Index("commands_by_due", "due_ms"),
    Index("commands_by_time", "asked_ms", "device", "command_id"),
    Index("commands_by_id", "command_id"),
    Index(
        "commands_waiting",
        "expires_ms",
        sqlite_where=text("state IN ('queued', 'sent')"),
        postgresql_where=text("state IN ('queued', 'sent')"),
    ),
)

# One row per command, as its newest `CommandState` has it; the device's word goes before the cloud's.
command_states = Table(
    "command_states",
    metadata,
    Column("device", Text, primary_key=True),
    Column("command_id", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),  # accepted | running | succeeded | failed | expired
    Column("reason", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # JSON object of words by name
    Column("t_ms", BigInteger, nullable=False),
)

# The newest telemetry of each device.
vitals = Table(
    "vitals",
    metadata,
    Column("device", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("t_ms", BigInteger, nullable=False),
    Column("uploads_pending", BigInteger, nullable=False),
    Column("outbox_records", BigInteger, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)

# Who asked for what, newest last; the oldest go.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_target", "target", "id"),
)
