//! The tables of this room in the books: settings, sealed once more because one of them is a password.

use crate::store::Schema;

pub const SCHEMA: Schema = Schema { room: "delivery", steps: &[SETTINGS] };

const SETTINGS: &str = "CREATE TABLE delivery_settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;";
