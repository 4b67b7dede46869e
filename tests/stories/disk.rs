//! A disk that is full during an update. The data lie on a disk of their own, a tmpfs whose size is what the story says:
//! the story runs itself again in namespaces of its own (`unshare`), which root may always do, and others where the
//! system lets them. Where neither works it says so and tries nothing.

use crate::load::figures::Figures;
use crate::load::house::{Loaded, Running, Size};
use crate::load::open::{Load, Settings};
use crate::load::plan::Mix;
use crate::load::writes;
use crate::rehearsal::Vendor;
use crate::world::Home;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SMALL: Size = Size { contacts: 200, links: 40 };
const INSIDE: &str = "HAKOBU_SMALL_DISK";
const ROOM: u64 = 2 << 30;

/// True in the namespaces. Outside it runs this very test there.
#[allow(clippy::print_stderr)] // a test that tries nothing says so
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let ways: [&[&str]; 2] = [&["-m"], &["-Urm"]];
    let may =
        |way: &&&[&str]| Command::new("unshare").args(**way).arg("true").output().is_ok_and(|o| o.status.success());
    let Some(way) = ways.iter().find(may) else {
        eprintln!("nothing was tried: this machine gives no disk of its own to a test");
        return false;
    };
    let own = std::env::current_exe().unwrap();
    let mut again = Command::new("unshare");
    again.args(*way).arg(own).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let said = again.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(said.status.success(), "{}\n{}", text(&said.stdout), text(&said.stderr));
    assert!(text(&said.stdout).contains("1 passed"), "{}", text(&said.stdout));
    false
}

/// The data of a home, moved to a disk of their own.
struct Disk<'a>(&'a Home);

impl Disk<'_> {
    fn under(home: &Home) -> Disk<'_> {
        let disk = Disk(home);
        let (data, aside) = (home.path("D"), home.path("aside"));
        std::fs::rename(&data, &aside).unwrap();
        std::fs::create_dir(&data).unwrap();
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={ROOM},mode=700"), "tmpfs"]);
        let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&data).status().unwrap();
        assert!(copied.success());
        disk
    }

    fn mount(&self, words: &[&str]) {
        assert!(Command::new("mount").args(words).arg(self.0.path("D")).status().unwrap().success());
    }

    fn free(&self) -> u64 {
        let there = rustix::fs::statvfs(self.0.path("D")).unwrap();
        there.f_bavail * there.f_frsize
    }

    fn used(&self) -> u64 {
        let there = rustix::fs::statvfs(self.0.path("D")).unwrap();
        (there.f_blocks - there.f_bfree) * there.f_frsize
    }

    /// From now on so many bytes are left.
    fn leave(&self, free: u64) {
        self.mount(&["-o", &format!("remount,size={}", self.used() + free)]);
        // The house lets go of a file now and then.
        assert!(self.free() <= free + (4 << 20));
    }

    fn large(&self) {
        self.mount(&["-o", &format!("remount,size={ROOM}")]);
    }
}

fn light() -> Settings {
    Settings { mix: Mix::USUAL, rate: 20.0, most: 100_000, life: Duration::from_secs(600), addresses: 16 }
}

fn runs(home: &Home) -> Value {
    home.ask(&["status"]).ok().json()["version"].clone()
}

fn until_it_runs(home: &Home, version: &str) {
    let since = Instant::now();
    loop {
        let said = home.ask(&["status"]);
        if said.exit == 0 && said.json()["version"] == version && said.json()["state"] == "running" {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(90), "{}{}", said.stdout, said.stderr);
    }
}

#[test]
fn a_disk_that_is_full_while_a_release_is_prepared_refuses_it_and_nothing_is_lost() {
    if !is_inside("disk::a_disk_that_is_full_while_a_release_is_prepared_refuses_it_and_nothing_is_lost") {
        return;
    }
    let loaded = Loaded::new(SMALL, None);
    let home = &loaded.home;
    let vendor = Vendor::new(home);
    let bundle = vendor.bundle("0.2.0", json!({"table": true}));
    let disk = Disk::under(home);
    let program = vendor.program("0.1.0", json!({}));
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    let (packed, whole) = (size(&bundle), size(&program));
    let running = Running::start(home, &program, false, &[]);
    let load = Load::start(light(), Arc::new(loaded.target(&running, 100)));
    let apply = || home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "1"]);
    // No room for the bundle, for the way back, for the new program.
    for room in [packed / 2, packed + whole / 2, packed + whole + whole / 2] {
        disk.leave(room);
        let said = apply();
        assert_ne!(said.exit, 0, "{room}: {}", said.stdout);
        assert_eq!(runs(home), "0.1.0", "{room}");
        assert!(!home.path("D/slots/0.2.0").exists(), "{room}: half a program is none");
        disk.large();
    }
    until_it_runs(home, "0.1.0");
    assert_eq!(apply().ok().json()["result"], "updated", "once there is room");
    let records = load.stop();
    assert_eq!(running.end(), 0);
    let found = writes::look_up(home, &records);
    assert_eq!(found.wrong(), 0, "{found:?} {}", Figures::of(&records).json());
}

#[test]
fn a_disk_that_fills_up_during_the_trial_leads_back_and_nothing_acknowledged_is_lost() {
    if !is_inside("disk::a_disk_that_fills_up_during_the_trial_leads_back_and_nothing_acknowledged_is_lost") {
        return;
    }
    let loaded = Loaded::new(SMALL, None);
    let home = &loaded.home;
    let vendor = Vendor::new(home);
    let bundle = vendor.bundle("0.2.0", json!({"table": true, "sabotage": "fills_disk"}));
    let better = vendor.bundle("0.2.1", json!({"table": true}));
    let _disk = Disk::under(home);
    let running = Running::start(home, &vendor.program("0.1.0", json!({})), false, &[]);
    let load = Load::start(light(), Arc::new(loaded.target(&running, 100)));
    let apply = |bundle: &Path| home.ask(&["update", "apply", "--file", bundle.to_str().unwrap(), "--probation", "1"]);
    let said = std::thread::scope(|threads| {
        let applying = threads.spawn(|| apply(&bundle));
        // Whether it ends or not while there is no room: somebody makes some after a while.
        let since = Instant::now();
        while !home.path("D/filler").exists() {
            assert!(since.elapsed() < Duration::from_secs(120) && !applying.is_finished(), "it fills up");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        while !applying.is_finished() && since.elapsed() < Duration::from_secs(40) {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        assert!(applying.is_finished(), "the way back needs no room");
        std::fs::remove_file(home.path("D/filler")).unwrap();
        applying.join().unwrap()
    });
    let told = said.json();
    assert_eq!((said.exit, told["result"].as_str()), (1, Some("rolled_back")), "{told}");
    until_it_runs(home, "0.1.0");
    assert_eq!(apply(&better).ok().json()["result"], "updated", "once there is room");
    let records = load.stop();
    assert_eq!(running.end(), 0);
    let found = writes::look_up(home, &records);
    assert_eq!(found.contacts.lost + found.refusals.lost + found.uploads.lost, 0, "{found:?}");
}
