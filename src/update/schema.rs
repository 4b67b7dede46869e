//! The tables of this room. Steps are added at the end and only add.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "update", steps: &[FIRST] };

const FIRST: &str = "
CREATE TABLE update_settings (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL              -- sealed
) STRICT, WITHOUT ROWID;
CREATE TABLE update_seen (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    keys INTEGER NOT NULL,           -- the highest keys document seen
    minimum TEXT                     -- nothing below this runs any more
) STRICT;
CREATE TABLE updates (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    from_version TEXT NOT NULL,
    to_version TEXT NOT NULL,        -- empty where none was found out
    result TEXT NOT NULL,            -- trying updated rolled_back refused
    steps TEXT NOT NULL,             -- JSON
    held INTEGER NOT NULL,
    longest_held_ms INTEGER NOT NULL,
    cause TEXT,                      -- JSON, both languages
    notes TEXT,                      -- JSON, both languages
    minimum TEXT                     -- from the manifest, raised when the release has proved itself
) STRICT;
-- Who has read the notes of an update.
CREATE TABLE updates_read (
    who INTEGER NOT NULL,
    n INTEGER NOT NULL REFERENCES updates (n),
    at INTEGER NOT NULL,
    PRIMARY KEY (who, n)
) STRICT, WITHOUT ROWID;
";
