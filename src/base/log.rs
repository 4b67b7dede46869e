//! One line per event on stderr, as JSON: what the journal of the system keeps. Ids and figures only; names,
//! addresses and texts of people never.

use crate::base::{Error, clock};
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};

/// `event` is a fixed name from the manual. A person at a terminal is not shown these lines.
pub fn event(event: &'static str, fields: &Value) {
    if std::io::stderr().is_terminal() {
        return;
    }
    let mut line = json!({"ts": clock::now().rfc3339(&clock::japan()), "event": event});
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    // In one piece: door and worker write to the same place. There is nowhere left to say that the log is gone.
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).ok();
}

pub fn error(job: &str, e: &Error) {
    event("error", &json!({"job": job, "kind": e.kind().name(), "chain": e.chain()}));
}
