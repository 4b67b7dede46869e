//! The tables of this room, in the steps that made them. Steps are added at the end and only add.
//!
//! Values lie by attribute, not by contact (`vals` is clustered on attribute and contact, as `tagged` is on tag and
//! contact): an import appends to a few hot pages, and a condition reads one narrow range instead of every row.
//! `addr` is the first 8 bytes of the keyed hash of the folded address: a small index that stays in the cache.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "contacts", steps: &[PEOPLE, CONSENT, REFUSALS, EXPORTS, NUMBERS, FAILURES] };

const PEOPLE: &str = "
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,             -- as typed
    addr INTEGER NOT NULL,           -- keyed hash of the folded address
    key TEXT,                        -- the attribute that identifies (会員番号), normalised
    search TEXT NOT NULL,            -- normalised: address, key, names
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    import INTEGER                   -- the last import that touched it
) STRICT;
CREATE INDEX contacts_addr ON contacts (addr);
CREATE UNIQUE INDEX contacts_key ON contacts (key) WHERE key IS NOT NULL;

CREATE TABLE attributes (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,        -- valid in a template: お名前_漢字, _2回目
    label TEXT NOT NULL,             -- as typed: お名前（漢字）, 2回目
    type TEXT NOT NULL,              -- text number date bool choice multi
    choices TEXT NOT NULL DEFAULT '[]',
    substitute TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL DEFAULT '',   -- family_name given_name full_name kana … or nothing
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE vals (
    attr INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    v ANY NOT NULL,                  -- text, choice: TEXT; number: REAL or INTEGER; date: days since 1970; bool: 0, 1; multi: TEXT with U+001F around each
    PRIMARY KEY (attr, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE tagged (tag INTEGER NOT NULL, contact INTEGER NOT NULL, PRIMARY KEY (tag, contact)) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    state TEXT NOT NULL,             -- running done stopped undone
    mode TEXT NOT NULL,
    rows INTEGER NOT NULL DEFAULT 0,
    new INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0,
    same INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    options TEXT NOT NULL            -- JSON: key, map, tags, encoding, blank …
) STRICT;
CREATE TABLE import_undo (
    import INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    row INTEGER NOT NULL,            -- the file's row that touched it first
    before TEXT,                     -- JSON of the contact before, NULL when the import made it
    PRIMARY KEY (import, contact)
) STRICT, WITHOUT ROWID;
";

const CONSENT: &str = "
CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_default INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE phrases (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;   -- sources and wordings, once each
CREATE TABLE consents (              -- what was said, never changed: the last row of (contact, topic) holds
    contact INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    n INTEGER NOT NULL,
    given INTEGER NOT NULL,          -- 1 agreed, 0 refused
    at INTEGER NOT NULL,
    basis TEXT NOT NULL,             -- opt_in trade card published; '' for a refusal
    source INTEGER,                  -- phrases.id: where
    wording INTEGER,                 -- phrases.id: the exact text that was shown
    by TEXT NOT NULL,
    import INTEGER,
    PRIMARY KEY (contact, topic, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE suppressions (          -- the do-not-send list: all advertisements; survives an erasure, so hashes only
    hash BLOB PRIMARY KEY,           -- keyed hash (16 bytes) of the folded address
    addr INTEGER NOT NULL,           -- its first 8 bytes, as in contacts.addr
    at INTEGER NOT NULL,
    reason TEXT NOT NULL,            -- refused bounced complained imported manual
    batch INTEGER,                   -- suppression_batches.id
    by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX suppressions_addr ON suppressions (addr);
CREATE TABLE suppression_batches (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, by TEXT NOT NULL, rows INTEGER NOT NULL, added INTEGER NOT NULL, undone INTEGER) STRICT;
CREATE TABLE segments (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL) STRICT;
CREATE TABLE outcomes (              -- what happened to whom in earlier runs, fed from the ledgers with a cursor
    run INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    outcome TEXT NOT NULL,           -- sent bounced suppressed failed …
    PRIMARY KEY (run, contact)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs_read (run INTEGER PRIMARY KEY, campaign INTEGER NOT NULL, cursor INTEGER NOT NULL) STRICT;
";

const REFUSALS: &str = "
CREATE TABLE refusals (              -- which address refuses which topic now: covers everybody at that address, survives an erasure
    addr INTEGER NOT NULL,
    topic INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (addr, topic, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE suppression_removals (hash BLOB NOT NULL, at INTEGER NOT NULL, was TEXT NOT NULL, why INTEGER NOT NULL, by TEXT NOT NULL) STRICT;
CREATE INDEX suppressions_at ON suppressions (at);
CREATE INDEX suppressions_batch ON suppressions (batch) WHERE batch IS NOT NULL;
";

const EXPORTS: &str = "
CREATE TABLE exports (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    segment TEXT NOT NULL,           -- the filter; empty for everybody
    form TEXT NOT NULL,              -- csv csv-cp932 xlsx
    rows INTEGER,                    -- NULL while it has not ended
    sha256 TEXT                      -- of the bytes that left
) STRICT;
";

/// A number is given once: links, ledgers and results of a contact that is gone must never mean somebody else.
const NUMBERS: &str = "
CREATE TABLE contact_numbers (newest_gone INTEGER NOT NULL) STRICT;
INSERT INTO contact_numbers SELECT coalesce(max(contact), 0) FROM outcomes;
";

const FAILURES: &str = "
CREATE TABLE failures (              -- what put an address on the list, so that it can be taken back
    n INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    contact INTEGER NOT NULL,
    run INTEGER NOT NULL,
    receiver TEXT NOT NULL,          -- the domain of the address
    place INTEGER NOT NULL,          -- which of its receiver's results it was
    at INTEGER NOT NULL,
    cause TEXT NOT NULL,             -- hard soft
    held INTEGER NOT NULL,           -- 1: not on the list, its receiver pauses
    was TEXT,                        -- what stood on the list before it
    was_at INTEGER,
    was_by TEXT,
    was_batch INTEGER
) STRICT;
CREATE INDEX failures_receiver ON failures (receiver, held, place);
CREATE INDEX failures_run ON failures (run);
CREATE INDEX failures_contact ON failures (contact);
CREATE TABLE soft_failures (
    contact INTEGER NOT NULL,
    run INTEGER NOT NULL,
    hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (contact, run)
) STRICT, WITHOUT ROWID;
";
