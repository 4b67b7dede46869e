//! The tables of this room in the books: settings, sealed once more because one of them is a password; and how receivers
//! have answered lately.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "delivery", steps: &[SETTINGS, RECEIVERS] };

const SETTINGS: &str = "CREATE TABLE delivery_settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;";

const RECEIVERS: &str = "
CREATE TABLE receivers (
    domain TEXT PRIMARY KEY,
    results BLOB NOT NULL,           -- the last of them: bounces::Window
    changed INTEGER NOT NULL,
    paused INTEGER                   -- since when its group pauses
) STRICT, WITHOUT ROWID;
CREATE INDEX receivers_paused ON receivers (paused) WHERE paused IS NOT NULL;
";
