//! What a new release is asked before it may run on a house's data: here is a copy; open it, bring it up to date, draw
//! its pages. It answers with one report on its standard output.
//!
//! The release that asks is an older one: the verb, its flags, the key on the first line of standard input, and the
//! fields of the report are a contract, to which fields are only added.

use crate::base::link::{Said, Step};
use crate::base::seal::{self, Key};
use crate::base::{Build, By, Error, Result, Time};
use crate::house::House;
use crate::web::selftest;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Serialize)]
pub struct Report {
    pub ok: bool,
    pub version: &'static str,
    pub steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Said>,
}

/// Runs on a copy alone: it migrates it, signs in to it and writes to it.
pub fn run(copy: &Path, root: &Key, build: Build, now: Time) -> Report {
    let mut steps = Vec::new();
    let fault = walk(copy, root, build, now, &mut steps).err();
    Report { ok: fault.is_none(), version: build.version, steps, fault: fault.as_ref().map(Said::from) }
}

fn walk(copy: &Path, root: &Key, build: Build, now: Time, steps: &mut Vec<Step>) -> Result<()> {
    timed(steps, "crypto", || crypto().map(|()| String::new()))?;
    let mut house = None;
    timed(steps, "open", || {
        house = Some(Arc::new(House::open_copy(copy, root, build)?));
        Ok(String::new())
    })?;
    let house = house.ok_or_else(|| Error::bug("a copy that is open and is not"))?;
    timed(steps, "write", || {
        house.store.write(&By::house("preflight"), now, "preflight.write", |_| Ok(()))?;
        house.store.audit_newest(None, 1).map(|_| String::new())
    })?;
    timed(steps, "pages", || selftest::draw_pages(&house, now).map(|n| format!("{n} pages")))
}

fn timed(steps: &mut Vec<Step>, name: &str, work: impl FnOnce() -> Result<String>) -> Result<()> {
    let (step, done) = Step::timed(format!("preflight.{name}"), work);
    steps.push(step);
    done
}

/// Sealing, opening, and refusing what was altered.
fn crypto() -> Result<()> {
    let key = Key::new(seal::random()?);
    let mut sealed = key.seal(b"preflight", b"carried")?;
    let opens = key.open(b"preflight", &sealed)? == b"carried" && key.open(b"elsewhere", &sealed).is_err();
    if let Some(byte) = sealed.last_mut() {
        *byte ^= 1;
    }
    match opens && key.open(b"preflight", &sealed).is_err() {
        true => Ok(()),
        false => Err(Error::bug("sealing does not hold")),
    }
}
