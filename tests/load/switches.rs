//! Updates under load, one after another, up and down: what each did, and what clients saw of it.

use crate::load::figures::{Figures, Record, Span, stall, within};
use crate::load::open::Load;
use crate::rehearsal::Vendor;
use crate::world::Home;
use serde_json::{Value, json};

/// One update and the time it took, as the load's records count.
pub struct Switch {
    pub said: Value,
    pub exit: i32,
    pub span: Span,
    /// The door's process id before and after.
    pub doors: [u64; 2],
}

impl Switch {
    pub fn is_updated(&self) -> bool {
        self.exit == 0 && self.said["result"] == "updated"
    }

    pub fn replaced_the_door(&self) -> bool {
        self.doors[0] != self.doors[1]
    }

    /// One line: what the house says of it, and what the clients saw.
    pub fn json(&self, records: &[Record]) -> Value {
        let all = Figures::of(within(records, &self.span));
        let inside = stall(records, &self.span).map(|s| Figures::of(within(records, &s)));
        json!({"from": self.said["from"], "to": self.said["to"], "result": self.said["result"],
            "held_requests": self.said["held_requests"], "longest_held_ms": self.said["longest_held_ms"],
            "during": all.json(), "inside": inside.map(|i| i.json()), "door_replaced": self.replaced_the_door(),
            "steps": steps(&self.said)})
    }
}

/// Name to milliseconds.
fn steps(said: &Value) -> Value {
    let steps = said["steps"].as_array().into_iter().flatten();
    steps
        .map(|s| (s["step"].as_str().unwrap_or_default().to_owned(), s["ms"].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn door(home: &Home) -> u64 {
    home.ask(&["status"]).json()["door"]["pid"].as_u64().unwrap_or(0)
}

/// The n-th of a row: up to a version that is new, then back to the one before, and so on.
pub fn nth(home: &Home, load: &Load, vendor: &Vendor<'_>, n: usize, probation: u64) -> Switch {
    match n % 2 {
        0 => up(home, load, vendor, &format!("0.{}.0", n / 2 + 2), probation),
        _ => down(home, load, probation),
    }
}

/// Up to a version that is new.
pub fn up(home: &Home, load: &Load, vendor: &Vendor<'_>, version: &str, probation: u64) -> Switch {
    let bundle = vendor.bundle(version, json!({}));
    let words = ["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", &probation.to_string()];
    let switch = run(home, load, &words);
    std::fs::remove_file(bundle).unwrap();
    switch
}

/// Back to the version before.
pub fn down(home: &Home, load: &Load, probation: u64) -> Switch {
    run(home, load, &["update", "rollback", "--probation", &probation.to_string()])
}

fn run(home: &Home, load: &Load, words: &[&str]) -> Switch {
    let (before, from) = (door(home), load.now());
    let said = home.ask(words);
    let (to, after) = (load.now(), door(home));
    let value = serde_json::from_str(said.stdout.trim()).unwrap_or_else(|_| json!({"error": said.stderr}));
    Switch { said: value, exit: said.exit, span: from..to, doors: [before, after] }
}
