//! All SQL of this room, a file per family of tables. The only files of the room that name rusqlite.

pub(super) mod attributes;
pub(super) mod consent;
pub(super) mod exports;
pub(super) mod failure;
pub(super) mod import_batch;
pub(super) mod imports;
pub(super) mod people;
pub(super) mod reading;
pub(super) mod segment;
pub(super) mod suppression;
pub(super) mod tags;
pub(super) mod undo;
pub(super) mod values;
