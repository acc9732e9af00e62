"""The tables of the desk's own file. It is written by one connection in one thread."""

from typing import Final

VERSION: Final = 1
SCHEMA: Final = """
-- Participants by pseudonym; `body` is `contract.sessions.Participant` as JSON.
CREATE TABLE participants (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;

-- What can be watched; `file` is the name of its video in the folder beside.
CREATE TABLE stimuli (id TEXT PRIMARY KEY, body BLOB NOT NULL, file TEXT) STRICT;

-- Numbers of which a stimulus was made from the settings once.
CREATE TABLE seeded (number INTEGER PRIMARY KEY) STRICT;

-- Sessions in the order of their beginning; `body` is `KeptSession` as JSON. `seen_ms`: when it was last
-- known to run, by its own time.
CREATE TABLE sessions (
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id  TEXT    NOT NULL UNIQUE,
    participant TEXT    NOT NULL,
    stimulus    TEXT,
    video_id    INTEGER,
    end_ms      INTEGER,
    seen_ms     INTEGER NOT NULL,
    body        BLOB    NOT NULL
) STRICT;
CREATE INDEX sessions_by_participant ON sessions (participant, n);
CREATE INDEX sessions_by_video ON sessions (video_id, n) WHERE video_id IS NOT NULL;

-- What participants said; a point of a trace is a label of its own.
CREATE TABLE labels (
    session     INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    label_id    TEXT    NOT NULL,
    at_ms       INTEGER NOT NULL,
    stimulus_ms INTEGER,
    source      TEXT    NOT NULL,
    probe       TEXT,
    valence     REAL,
    arousal     REAL,
    ask_id      TEXT,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (session, label_id)
) STRICT, WITHOUT ROWID;

-- Marked moments and notes; `body` is `contract.sessions.SessionMarker` as JSON.
CREATE TABLE markers (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (n) ON DELETE CASCADE,
    body    BLOB    NOT NULL
) STRICT;
CREATE INDEX markers_by_session ON markers (session, id);

-- Records that the store has not taken yet, written in the commit that made them true; `body` as in the record (JSON).
CREATE TABLE untold (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    participant TEXT    NOT NULL,
    wall_ms     INTEGER NOT NULL,
    mono_ns     INTEGER NOT NULL,
    trusted     INTEGER NOT NULL,
    body        BLOB    NOT NULL
) STRICT;

-- Participants who are being erased: gone from here, perhaps not yet from the store. `sessions` is a JSON list.
CREATE TABLE erasing (participant TEXT PRIMARY KEY, sessions BLOB NOT NULL, rows INTEGER NOT NULL) STRICT;
"""
