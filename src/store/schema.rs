//! Tables and the steps that made them. Forward only, additive, all in one transaction.

use super::audit;
use crate::base::Result;
use rusqlite::{Connection, params};

/// A room's tables: its name and the steps that made them. Steps are only ever added at the end, and only add.
#[derive(Clone, Copy)]
pub struct Schema {
    pub room: &'static str,
    pub steps: &'static [&'static str],
}

const OWN: Schema = Schema { room: "store", steps: &[audit::SCHEMA] };
const STEPS: &str = "CREATE TABLE IF NOT EXISTS room_schema (room TEXT PRIMARY KEY, steps INTEGER NOT NULL) STRICT;";

/// Runs the steps of each room that have not run yet. When there are none, nothing is written.
pub(super) fn migrate(conn: &mut Connection, schemas: &[Schema]) -> Result<()> {
    let wanted: Vec<Schema> = [OWN].iter().chain(schemas).copied().collect();
    if known(conn)? && wanted.iter().map(|s| left(conn, s)).collect::<Result<Vec<_>>>()?.iter().all(|n| *n == 0) {
        return Ok(());
    }
    let tx = conn.transaction()?;
    tx.execute_batch(STEPS)?;
    for schema in &wanted {
        let n = left(&tx, schema)?;
        if n == 0 {
            continue;
        }
        for step in &schema.steps[schema.steps.len() - n..] {
            tx.execute_batch(step)?;
        }
        tx.execute(
            "INSERT INTO room_schema (room, steps) VALUES (?1, ?2) ON CONFLICT (room) DO UPDATE SET steps = ?2",
            params![schema.room, i64::try_from(schema.steps.len()).unwrap_or(0)],
        )?;
    }
    tx.commit()?;
    Ok(())
}

fn known(conn: &Connection) -> Result<bool> {
    Ok(conn.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'room_schema'", [], |r| r.get::<_, i64>(0))? > 0)
}

/// Steps that have not run. A newer version's steps are none of ours.
fn left(conn: &Connection, schema: &Schema) -> Result<usize> {
    let sql = "SELECT coalesce(max(steps), 0) FROM room_schema WHERE room = ?1";
    let ran: i64 = conn.query_row(sql, [schema.room], |r| r.get(0))?;
    Ok(schema.steps.len().saturating_sub(usize::try_from(ran).unwrap_or(0)))
}
