//! The attribute catalogue.

use crate::base::Result;
use crate::contacts::attribute::{Attribute, Catalog, Role};
use crate::contacts::value::Type;
use rusqlite::Connection;

pub(in crate::contacts) fn all(c: &Connection) -> Result<Catalog> {
    let mut q =
        c.prepare_cached("SELECT id, key, label, type, choices, substitute, role FROM attributes ORDER BY id")?;
    let rows = q.query_map([], |r| {
        let (kind, choices, role): (String, String, String) = (r.get(3)?, r.get(4)?, r.get(6)?);
        Ok(Attribute {
            id: r.get(0)?,
            key: r.get(1)?,
            label: r.get(2)?,
            kind: Type::parse(&kind).unwrap_or(Type::Text),
            choices: serde_json::from_str(&choices).unwrap_or_default(),
            substitute: r.get(5)?,
            role: Role::parse(&role),
        })
    })?;
    Ok(Catalog { attributes: rows.collect::<rusqlite::Result<_>>()? })
}
