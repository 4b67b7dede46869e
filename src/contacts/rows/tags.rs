//! Tags and who carries them.

use crate::base::Result;
use crate::contacts::tag::Tag;
use rusqlite::Connection;

pub(in crate::contacts) fn all(c: &Connection) -> Result<Vec<Tag>> {
    let mut q =
        c.prepare_cached("SELECT id, name, (SELECT count(*) FROM tagged WHERE tag = tags.id) FROM tags ORDER BY name")?;
    let rows = q.query_map([], |r| Ok(Tag { id: r.get(0)?, name: r.get(1)?, contacts: r.get(2)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
