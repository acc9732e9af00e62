-- Commands from afar by their id, so that one that is sent again is done once. `body` is the command as it came (JSON),
-- empty once it has ended. state: `accepted`, `running`, then one of the ends `succeeded`, `failed`, `expired`; the record
-- of each step is written in the same commit. `heard_*`: when it came first, by both clocks; the monotonic one counts within
-- `host_boot`. `began_in`: the run of the daemon that began it last, of `attempts`. `note`: what whoever does it has to know after a kill.
-- Text, not a blob: whoever repairs a store takes every blob for a record.
CREATE TABLE commands (
    command_id    TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('accepted', 'running', 'succeeded', 'failed', 'expired')),
    place         INTEGER NOT NULL,
    heard_ms      INTEGER NOT NULL,
    heard_mono_ms INTEGER NOT NULL,
    host_boot     TEXT    NOT NULL,
    began_in      TEXT    NOT NULL,
    attempts      INTEGER NOT NULL,
    note          TEXT    NOT NULL,
    ended_ms      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX commands_in_order ON commands (place);
CREATE INDEX commands_open ON commands (place) WHERE ended_ms IS NULL;
