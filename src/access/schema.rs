//! The tables of this room. Steps are added at the end and only add.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "access", steps: &[FIRST, LOOK] };

const FIRST: &str = "
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL,             -- as typed
    folded TEXT NOT NULL UNIQUE,     -- what the sign-in compares
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    lang TEXT NOT NULL,
    password TEXT,                   -- Argon2id, NULL until the first is set
    suspended INTEGER,
    created INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,           -- keyed hash of the token
    n INTEGER NOT NULL UNIQUE,       -- its name in lists
    user INTEGER NOT NULL REFERENCES users (id),
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user);
CREATE TABLE links (
    hash BLOB PRIMARY KEY,
    kind TEXT NOT NULL,              -- invite sign_in reset
    user INTEGER NOT NULL REFERENCES users (id),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    many INTEGER NOT NULL,           -- 1: works until it expires
    used INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE api_tokens (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,            -- rights, with spaces between
    user INTEGER NOT NULL REFERENCES users (id),
    created INTEGER NOT NULL,
    used INTEGER,
    revoked INTEGER
) STRICT;
CREATE TABLE guesses (
    who BLOB PRIMARY KEY,            -- keyed hash of the account, or of the client's address
    fails INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

const LOOK: &str = "
CREATE TABLE look (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,              -- empty: the product's own
    accent TEXT NOT NULL
) STRICT;
";
