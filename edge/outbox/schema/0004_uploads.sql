-- Files on their way to object storage: recordings, from their first safe part on, and files that are none.
-- `body` is what was announced when the file was closed (JSON), NULL while it grows. rank: 0 alarms' clips, 1 events,
-- by hand, sessions and files, 2 continuous. `lane` is whose turn it is among equals: a camera, or what a file is for.
-- `upload_id` is the target's name for an upload that was begun, in parts of `part_bytes`. `failed_ms`: when it failed
-- for the last time that it may by itself; NULL while it is tried.
DROP INDEX uploads_in_order;
ALTER TABLE parts RENAME TO parts_before;
ALTER TABLE uploads RENAME TO uploads_before;

CREATE TABLE uploads (
    id         TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL CHECK (kind IN ('recording', 'file')),
    rank       INTEGER NOT NULL,
    lane       TEXT    NOT NULL,
    added_row  INTEGER NOT NULL,
    path       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    body       BLOB,
    upload_id  TEXT,
    part_bytes INTEGER,
    paused     INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT    NOT NULL DEFAULT '',
    failed_ms  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_in_order ON uploads (rank, lane, added_row);
CREATE INDEX uploads_growing ON uploads (id) WHERE body IS NULL;

-- The parts of an upload that the target has confirmed, each with the MD5 of its bytes (hex; empty: not known).
CREATE TABLE parts (
    id         TEXT    NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    etag       TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    md5        TEXT    NOT NULL,
    PRIMARY KEY (id, number)
) STRICT, WITHOUT ROWID;

-- Uploads that were begun and will never be completed: they are to be thrown away at the target.
CREATE TABLE strays (
    key       TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    PRIMARY KEY (key, upload_id)
) STRICT, WITHOUT ROWID;

-- What people switched, kept across restarts: `paused` stands here while all uploads pause.
CREATE TABLE upload_switches (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO uploads (id, kind, rank, lane, added_row, path, key, size_bytes, body, upload_id, part_bytes)
SELECT
    recording_id, 'recording', rank + 1, json_extract(CAST(body AS TEXT), '$.camera'), added_row, path,
    json_extract(CAST(body AS TEXT), '$.key'), json_extract(CAST(body AS TEXT), '$.size_bytes'), body, upload_id,
    part_bytes
FROM uploads_before;
INSERT INTO parts (id, number, etag, size_bytes, md5)
SELECT p.recording_id, p.number, p.etag, COALESCE(u.part_bytes, 0), ''
FROM parts_before AS p JOIN uploads_before AS u USING (recording_id);
DROP TABLE parts_before;
DROP TABLE uploads_before;
