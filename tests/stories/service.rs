//! Living under systemd, below a folder that stands for the machine.

use crate::world::{Home, Said, mode};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const DATA: &str = "R/var/lib/hakobu";

/// A machine with a house, set up by root, and nothing of the service yet.
fn machine() -> Home {
    let home = Home::new();
    for folder in ["R/var/lib", "R/etc/hakobu", "R/usr/bin"] {
        fs::create_dir_all(home.path(folder)).unwrap();
    }
    home.file("R/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    home.file("R/etc/group", "root:x:0:\n");
    let flags = ["--data", DATA, "--key-file", "R/etc/hakobu/root.key", "--domain", "news.example.jp"];
    let admin = ["--admin-email", "a@example.jp", "--admin-password-file", "password", "--yes"];
    home.run(&[&["setup"], &flags[..], &admin[..]].concat()).ok();
    home
}

fn install(home: &Home, more: &[&str]) -> Said {
    let base = ["service", "install", "--data", DATA, "--root", "R", "--program", "/usr/bin/hakobu", "--json"];
    home.run(&[&base[..], more].concat())
}

fn unit(home: &Home, name: &str) -> PathBuf {
    home.path("R/etc/systemd/system").join(name)
}

/// Accounts are made and files given away by root alone.
fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn what_would_change_is_shown_and_nothing_is_touched() {
    let home = machine();
    let dry = install(&home, &["--dry-run"]).ok().json();
    assert_eq!(dry["changed"], false);
    let units: Vec<&str> = dry["steps"].as_array().unwrap().iter().filter_map(|s| s["unit"].as_str()).collect();
    assert_eq!(units, ["hakobu.service", "hakobu-alarm@.service", "hakobu-http.socket", "hakobu-https.socket"]);
    assert!(dry.to_string().contains("+ExecStart=/usr/bin/hakobu serve --data /var/lib/hakobu"));
    assert!(!unit(&home, "hakobu.service").exists());
    let unanswered = install(&home, &[]);
    assert_eq!(unanswered.exit, 4);
    assert!(!unit(&home, "hakobu.service").exists());
}

#[test]
fn the_service_owns_its_data_reads_its_key_and_a_second_installation_has_nothing_to_do() {
    let home = machine();
    let first = install(&home, &["--yes"]);
    if !is_root() {
        assert_eq!(first.exit, 7);
        return;
    }
    assert_eq!(first.ok().json()["changed"], true);
    assert_eq!(mode(&unit(&home, "hakobu.service")), 0o644);
    let passwd = fs::read_to_string(home.path("R/etc/passwd")).unwrap();
    let line: Vec<&str> = passwd.lines().find(|l| l.starts_with("hakobu:")).unwrap().split(':').collect();
    assert_eq!((line[5], line[6]), ("/var/lib/hakobu", "/usr/sbin/nologin"));
    let uid: u32 = line[2].parse().unwrap();
    for file in ["", "/hakobu.toml", "/keyring.json"] {
        assert_eq!(fs::metadata(home.path(&format!("{DATA}{file}"))).unwrap().uid(), uid, "{file}");
    }
    let key = fs::metadata(home.path("R/etc/hakobu/root.key")).unwrap();
    assert_eq!((key.uid(), key.gid(), key.mode() & 0o7777), (0, line[3].parse().unwrap(), 0o440));
    assert_eq!(mode(&home.path("R/etc/hakobu")), 0o750);

    let second = install(&home, &["--yes"]).ok().json();
    assert_eq!((&second["changed"], second["steps"].as_array().unwrap().len()), (&false.into(), 0));
}

#[test]
fn a_unit_that_was_changed_is_drift_until_it_is_installed_again() {
    let home = machine();
    if !is_root() {
        return;
    }
    let status = |home: &Home| home.run(&["service", "status", "--root", "R", "--data", DATA, "--json"]).ok().json();
    assert_eq!(status(&home)["installed"], false);
    install(&home, &["--yes", "--behind-proxy"]).ok();
    let now = status(&home);
    assert_eq!((&now["installed"], &now["drift"], &now["systemd"]), (&true.into(), &false.into(), &false.into()));
    assert!(!unit(&home, "hakobu-http.socket").exists());

    let path = unit(&home, "hakobu.service");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("PrivateUsers=yes", "PrivateUsers=no")).unwrap();
    let now = status(&home);
    assert_eq!((&now["drift"], &now["units"][0]["drift"]), (&true.into(), &true.into()));
    let again = install(&home, &["--yes", "--behind-proxy"]).ok().json();
    assert!(again.to_string().contains("-PrivateUsers=no"), "{again}");
    assert_eq!(status(&home)["drift"], false);
}

#[test]
fn to_uninstall_takes_the_units_and_leaves_data_and_key() {
    let home = machine();
    if !is_root() {
        return;
    }
    install(&home, &["--yes"]).ok();
    home.run(&["service", "uninstall", "--root", "R", "--yes", "--json"]).ok();
    assert!(!unit(&home, "hakobu.service").exists());
    assert!(home.path("R/var/lib/hakobu/hakobu.toml").exists() && home.path("R/etc/hakobu/root.key").exists());
    let again = home.run(&["service", "uninstall", "--root", "R", "--yes", "--json"]).ok().json();
    assert_eq!(again["changed"], false);
}

#[test]
fn what_could_never_start_is_refused_before_anything_is_done() {
    let home = Home::new();
    fs::create_dir(home.path("R")).unwrap();
    let nothing = home.run(&["service", "install", "--data", "R/d", "--root", "R", "--yes", "--json"]);
    assert_eq!(nothing.exit, 10, "{}", nothing.stderr);
    let home = machine();
    for (flags, why) in [
        (["--program", "/home/hanako/hakobu"], "cannot see"),
        (["--program", "/opt/my program"], "cannot stand in a unit"),
        (["--user", "root"], "account of this name"),
    ] {
        let base = ["service", "install", "--data", DATA, "--root", "R", "--yes", "--json"];
        let said = home.run(&[&base[..], &flags].concat());
        assert_eq!(said.exit, 8, "{}", said.stderr);
        assert!(said.error()["message"].as_str().unwrap().contains(why), "{}", said.stderr);
    }
}

/// The real tools judge the real files.
#[test]
fn the_units_are_sound_and_the_sandbox_scores_at_most_fifteen() {
    let root = tempfile::tempdir().unwrap();
    let system = root.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&system).unwrap();
    fs::create_dir_all(root.path().join("usr/bin")).unwrap();
    fs::copy("/bin/true", root.path().join("usr/bin/hakobu")).unwrap();
    for entry in fs::read_dir("/usr/lib/systemd/system").unwrap().map(|e| e.unwrap()) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), system.join(entry.file_name())).unwrap();
        }
    }
    let packaging = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging");
    let units = ["hakobu.service", "hakobu-alarm@.service", "hakobu-http.socket", "hakobu-https.socket"];
    for unit in units {
        fs::copy(format!("{packaging}/{unit}"), system.join(unit)).unwrap();
    }
    let analyze = |words: &[&str]| {
        let root = format!("--root={}", root.path().display());
        let out = Command::new("systemd-analyze").args(words).arg(root).output();
        let out = out.expect("systemd-analyze from Debian's systemd; tests/run installs it");
        let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        (out.status.success(), said)
    };
    let (sound, said) =
        analyze(&["verify", "--man=no", units[0], "hakobu-alarm@door_failed.service", units[2], units[3]]);
    assert!(sound && said.trim().is_empty(), "{said}");
    for unit in &units[..2] {
        // The threshold is in tenths.
        let (calm, said) = analyze(&["security", "--offline=true", "--no-pager", "--threshold=15", unit]);
        assert!(calm, "{said}");
    }
}

#[test]
fn root_does_not_open_the_data_of_the_service_by_itself() {
    let home = machine();
    if !is_root() {
        return;
    }
    install(&home, &["--yes"]).ok();
    for words in [&["doctor"][..], &["alarm", "send", "--event", "door_failed"]] {
        let said = home.run(&[words, &["--data", DATA, "--json"]].concat());
        assert_eq!(said.exit, 7, "{}", said.stderr);
        assert!(said.error()["hint"].as_str().unwrap().contains("sudo -u hakobu"));
    }
    let foreign = Command::new("find").arg(home.path(DATA)).args(["-uid", "0"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&foreign.stdout), "");
}

#[test]
fn a_port_that_systemd_holds_is_served_by_its_name() {
    let home = Home::ready();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut holder = Command::new("systemd-socket-activate");
    holder.args(["--fdname=http", "--listen", &format!("127.0.0.1:{port}")]);
    holder.args(["--setenv", &format!("XDG_RUNTIME_DIR={}", home.path("run").display())]);
    holder.args([env!("CARGO_BIN_EXE_hakobu"), "serve", "--data", "D", "--listen", "127.0.0.1:0"]);
    fs::create_dir_all(home.path("run")).unwrap();
    let mut child = holder
        .current_dir(home.dir.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("systemd-socket-activate from Debian's systemd; tests/run installs it");
    // The first connection starts it, and waits in the port until it serves.
    let said = (0..500).find_map(|_| match TcpStream::connect(("127.0.0.1", port)) {
        Ok(stream) => Some(ask_health(stream)),
        Err(_) => {
            std::thread::park_timeout(Duration::from_millis(20));
            None
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.unwrap().starts_with("HTTP/1.1 200"), "the port answers");
}

fn ask_health(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: news.example.jp\r\nConnection: close\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}
