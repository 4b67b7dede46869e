//! Which program serves when the installed one is started.

use crate::load::house::Running;
use crate::rehearsal::Vendor;
use crate::world::Home;
use serde_json::{Value, json};

/// The versions of door and worker.
fn versions(home: &Home) -> (Value, Value) {
    let now = home.ask(&["status"]).ok().json();
    (now["door"]["version"].clone(), now["version"].clone())
}

#[test]
fn the_installed_program_steps_aside_for_the_newer_one_in_the_slot_and_never_for_a_broken_one() {
    let home = Home::ready();
    let vendor = Vendor::new(&home);
    let bundle = vendor.bundle("0.2.0", json!({"table": true}));
    let installed = vendor.program("0.1.0", json!({}));
    let running = Running::start(&home, &installed, false, &[]);
    let applied = home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "1"]);
    assert_eq!(applied.ok().json()["result"], "updated");
    assert_eq!(running.end(), 0);

    let running = Running::start(&home, &installed, false, &[]);
    let (door, worker) = versions(&home);
    assert_eq!((door, worker), ("0.2.0".into(), "0.2.0".into()), "door and worker are the slot's");
    let own = std::fs::read_link(format!("/proc/{}/exe", running.pid())).unwrap();
    assert_eq!(own, home.path("D/slots/0.2.0/hakobu").canonicalize().unwrap());
    assert_eq!(running.end(), 0);

    // A package that is newer than the slot serves itself.
    let newer = vendor.program("0.3.0", json!({}));
    let running = Running::start(&home, &newer, false, &[]);
    assert_eq!(versions(&home), ("0.3.0".into(), "0.3.0".into()));
    assert_eq!(running.end(), 0);

    let slot = home.path("D/slots/0.2.0/hakobu");
    let mut bytes = std::fs::read(&slot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&slot, bytes).unwrap();
    let running = Running::start(&home, &installed, false, &[]);
    assert_eq!(versions(&home), ("0.1.0".into(), "0.1.0".into()));
    let log = std::fs::read_to_string(home.path("log")).unwrap();
    assert!(log.contains("The program in the slot 0.2.0 is not what was signed"), "{log}");
    assert_eq!(running.end(), 0);
}
