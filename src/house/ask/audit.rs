//! `hakobu audit`: the chained record of every write.

use super::{Answer, Streams};
use crate::base::{By, Error, Result, Time, clock, limits};
use crate::house::House;
use crate::store::{AuditLine, Deed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;

#[derive(Debug, Serialize, Deserialize)]
pub enum AuditAsk {
    List {
        before: Option<i64>,
        most: usize,
    },
    Verify,
    /// JSON lines into the output `file`.
    Export,
}

pub(super) fn answer(house: &House, by: &By, now: Time, ask: AuditAsk, io: &dyn Streams) -> Result<Answer> {
    match ask {
        AuditAsk::List { before, most } => {
            let lines = house.store.audit_newest(before, most.min(limits::PAGE_MAX))?;
            Answer::of(json!({"lines": lines.iter().map(shown).collect::<Vec<_>>()}))
        }
        AuditAsk::Verify => Answer::of(json!({"lines": house.store.verify_audit()?, "verified": true})),
        AuditAsk::Export => export(house, by, now, io),
    }
}

fn export(house: &House, by: &By, now: Time, io: &dyn Streams) -> Result<Answer> {
    house.store.write(by, now, Deed::new("audit.export", ""), |_| Ok(()))?;
    let mut out = io.output("file")?;
    let mut after = 0;
    let total = house.store.audit_newest(None, 1)?.first().map_or(0, |l| l.n);
    loop {
        let lines = house.store.audit(after, limits::PAGE_MAX)?;
        let Some(last) = lines.last() else { break };
        after = last.n;
        for line in &lines {
            writeln!(out, "{}", shown(line)).map_err(cannot_write)?;
        }
        io.progress().tell(after.unsigned_abs(), total.unsigned_abs());
    }
    out.flush().map_err(cannot_write)?;
    Answer::of(json!({"lines": after}))
}

fn shown(line: &AuditLine) -> Value {
    json!({
        "n": line.n,
        "at": line.at.rfc3339(&clock::japan()),
        "by": line.by,
        "what": line.what,
        "about": line.about,
        "hash": data_encoding::HEXLOWER.encode(&line.hash),
    })
}

fn cannot_write(e: std::io::Error) -> Error {
    Error::io(say!("書き出せません。", "Cannot write the export."), e)
}
