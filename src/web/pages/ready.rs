//! `/readyz`: may requests be sent here? One word for whoever asks; what was looked at only for those with a right.

use crate::access::Right;
use crate::base::spool::io_error;
use crate::base::{Error, Result, limits};
use crate::house::{House, doctor};
use crate::web::answer::Answer;
use crate::web::visit::Visit;
use serde_json::json;
use std::io::{Read, Write};

struct Check {
    name: &'static str,
    outcome: Result<()>,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let checks = look(v.house);
    let ready = checks.iter().all(|c| c.outcome.is_ok());
    let answer = match v.may(Right::View) {
        true => details(v, ready, &checks),
        false => Answer::text(if ready { "ok" } else { "ng" }.to_owned()),
    };
    Ok(answer.status(if ready { 200 } else { 503 }).header("Cache-Control", "no-store"))
}

fn details(v: &Visit<'_>, ready: bool, checks: &[Check]) -> Answer {
    let door = v.house.door();
    let one = |c: &Check| json!({"check": c.name, "ok": c.outcome.is_ok(), "says": c.outcome.as_ref().err().map(Error::says)});
    Answer::json(&json!({
        "ready": ready,
        "version": v.house.build.version,
        "slot": door.slot,
        "previous": door.previous,
        "checks": checks.iter().map(one).collect::<Vec<_>>(),
    }))
}

fn look(house: &House) -> Vec<Check> {
    let check = |name, outcome| Check { name, outcome };
    vec![check("books", books(house)), check("spool", spool(house)), check("disk", disk(house))]
}

/// Opened with the key, and confirmed by the disk so far.
fn books(house: &House) -> Result<()> {
    crate::access::look::get(&house.store)?;
    match house.store.is_sound() {
        true => Ok(()),
        false => Err(Error::later(say!(
            "ディスクへの書き込みを確認できません。",
            "The disk does not confirm what is written."
        ))),
    }
}

/// Writes, seals, reads back: without a line in the audit log for everybody who asks.
fn spool(house: &House) -> Result<()> {
    let mut spool = house.store.blobs().spool()?;
    spool.write_all(b"ready").map_err(io_error)?;
    let mut back = String::new();
    spool.into_reader()?.read_to_string(&mut back).map_err(io_error)?;
    if back == "ready" { Ok(()) } else { Err(Error::bug("the spool gave back something else")) }
}

fn disk(house: &House) -> Result<()> {
    match doctor::free(house)? < limits::DISK_FAIL {
        true => Err(Error::later(say!("ディスクの空きがほとんどありません。", "The disk is almost full."))),
        false => Ok(()),
    }
}
