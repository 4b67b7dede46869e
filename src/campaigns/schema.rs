//! The tables of this room, in the steps that made them. Steps are added at the end and only add.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "campaigns", steps: &[FIRST, NUMBERS] };

const FIRST: &str = "
CREATE TABLE senders (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,            -- JSON of the profile
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE TABLE templates (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    format TEXT NOT NULL,
    body TEXT NOT NULL,
    text TEXT,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE TABLE campaigns (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    sender INTEGER,
    subject TEXT NOT NULL,
    format TEXT NOT NULL,
    body TEXT NOT NULL,
    text TEXT,
    segment TEXT NOT NULL,           -- in the language of segments; empty means everybody
    topic INTEGER,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,            -- why a notice reaches people who refused advertisements
    options TEXT NOT NULL,           -- JSON: reply_to, every_contact, resend
    at INTEGER,                      -- when it is to start
    run INTEGER,                     -- the latest run
    why TEXT,                        -- JSON: why it is paused or held, in both languages
    submit TEXT UNIQUE,              -- the same form sent twice makes one campaign
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;
CREATE INDEX campaigns_state ON campaigns (state, at);
CREATE TABLE campaign_files (
    id INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL,
    role TEXT NOT NULL,              -- attachment embedded hosted
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    size INTEGER NOT NULL,
    blob TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,      -- in public links
    UNIQUE (campaign, name)
) STRICT;
CREATE INDEX campaign_files_blob ON campaign_files (blob);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL,
    state TEXT NOT NULL,             -- expanding sending ended damaged
    at INTEGER NOT NULL,             -- relative dates of the segment count from here
    segment TEXT NOT NULL,
    content TEXT NOT NULL,           -- JSON: frozen subject, bodies, sender, files
    recipients INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '',
    counts TEXT NOT NULL DEFAULT '{}',
    next INTEGER,                    -- deferred rows are due then
    ended INTEGER
) STRICT;
CREATE INDEX runs_campaign ON runs (campaign);
";

/// The highest number of a campaign that is gone, which is not given again: its links, its audit lines and what people
/// wrote down about it must not mean another one.
const NUMBERS: &str = "
CREATE TABLE campaign_numbers (newest_gone INTEGER NOT NULL) STRICT;
INSERT INTO campaign_numbers SELECT coalesce(max(campaign), 0) FROM runs;
";
