-- The local store. Every table is written by one connection only; readers see whole commits (WAL).

-- One run of the daemon. `boot` is the name that the cloud knows; a record's `seq` is `row - first_row + 1`, so that
-- sequence numbers have no holes and an acknowledgement is a range of rows.
CREATE TABLE boots (
    number     INTEGER PRIMARY KEY,
    boot       TEXT    NOT NULL UNIQUE,
    first_row  INTEGER NOT NULL,
    started_ms INTEGER NOT NULL
) STRICT;

-- The history: what was ever said, until retention takes it. `row` is never used twice (AUTOINCREMENT), because live
-- viewers resume by it. `payload` is the whole record as it goes over the wire (UTF-8 JSON). `subject` is the recording
-- that a `recording` or `loss` record speaks of, or the event that an `event` record tells of.
CREATE TABLE records (
    row     INTEGER PRIMARY KEY AUTOINCREMENT,
    boot    INTEGER NOT NULL REFERENCES boots (number),
    kind    TEXT    NOT NULL,
    subject TEXT,
    t_ms    INTEGER NOT NULL,
    payload BLOB    NOT NULL
) STRICT;
CREATE INDEX records_by_kind ON records (kind, row);
CREATE INDEX records_by_subject ON records (subject, row) WHERE subject IS NOT NULL;

-- What the cloud has not acknowledged. Written in the same commit as the record itself.
-- rank: who gives way when space runs out. 0 bulk, 1 normal, 2 never (alarms, recordings, losses);
-- 3 is the ledger entry that stands where evicted records stood.
CREATE TABLE outbox (
    row  INTEGER PRIMARY KEY REFERENCES records (row),
    leaf TEXT    NOT NULL,
    rank INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_rank ON outbox (rank, row);

-- Recordings on their way to object storage. `body` is what was announced when the file was closed (JSON).
-- rank: 0 goes first. `upload_id` is the target's name for an upload that was begun, in parts of `part_bytes`.
CREATE TABLE uploads (
    recording_id TEXT    PRIMARY KEY,
    rank         INTEGER NOT NULL,
    added_row    INTEGER NOT NULL,
    path         TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    upload_id    TEXT,
    part_bytes   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_in_order ON uploads (rank, added_row);

-- The parts of an upload that the target has confirmed; a restart goes on after them.
CREATE TABLE parts (
    recording_id TEXT    NOT NULL REFERENCES uploads (recording_id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    etag         TEXT    NOT NULL,
    PRIMARY KEY (recording_id, number)
) STRICT, WITHOUT ROWID;
