//! The tables of this room in the books: settings, sealed once more because one of them is a password; keys of DKIM,
//! sealed for the same reason; how receivers have answered lately.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "delivery", steps: &[SETTINGS, DKIM, DOMAINS, MESSAGES, RECEIVERS] };

const SETTINGS: &str = "CREATE TABLE delivery_settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;";

const DKIM: &str = "
CREATE TABLE dkim_pairs (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    stem TEXT NOT NULL,              -- both selectors without their last letter
    state TEXT NOT NULL,             -- waiting active retiring gone
    rsa BLOB NOT NULL,               -- sealed private keys; empty once gone
    ed25519 BLOB NOT NULL,
    rsa_public TEXT NOT NULL,        -- as in p=
    ed25519_public TEXT NOT NULL,
    made INTEGER NOT NULL,
    since INTEGER,                   -- signs since
    until INTEGER,                   -- published until
    UNIQUE (domain, stem)
) STRICT;
";

const DOMAINS: &str = "
CREATE TABLE mail_domains (
    domain TEXT PRIMARY KEY,
    return_path TEXT NOT NULL,
    reports TEXT,                    -- who gets the reports of DMARC
    created INTEGER NOT NULL
) STRICT;
";

const MESSAGES: &str = "
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,        -- the caller's, against sending twice
    digest BLOB NOT NULL,            -- of what was asked under it
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,         -- empty once it is known what became of it
    mail BLOB NOT NULL,              -- likewise
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    code INTEGER NOT NULL,
    said TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    at INTEGER NOT NULL,
    next INTEGER                     -- due; none when it is final or on the wire
) STRICT;
CREATE INDEX messages_next ON messages (next) WHERE next IS NOT NULL;
CREATE INDEX messages_sending ON messages (id) WHERE state = 'sending';
";

const RECEIVERS: &str = "
CREATE TABLE receivers (
    domain TEXT PRIMARY KEY,
    results BLOB NOT NULL,           -- the last of them: bounces::Window
    changed INTEGER NOT NULL,
    paused INTEGER                   -- since when its group pauses
) STRICT, WITHOUT ROWID;
CREATE INDEX receivers_paused ON receivers (paused) WHERE paused IS NOT NULL;
";
