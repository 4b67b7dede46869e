use crate::world::{Home, said};
use std::fs;
use std::process::Command;

const BINARY: &str = env!("CARGO_BIN_EXE_hakobu");

#[test]
fn the_binary_is_statically_linked() {
    let bytes = fs::read(BINARY).unwrap();
    assert_eq!(&bytes[..6], b"\x7fELF\x02\x01", "a little-endian 64-bit ELF file");
    let number = |at: usize, len: usize| bytes[at..at + len].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let (table, entry, count) = (number(32, 8) as usize, number(54, 2) as usize, number(56, 2) as usize);
    let kinds: Vec<u64> = (0..count).map(|i| number(table + i * entry, 4)).collect();
    const INTERPRETER: u64 = 3;
    assert!(kinds.len() > 2 && !kinds.contains(&INTERPRETER), "{kinds:?}");
}

#[test]
fn it_runs_where_there_is_nothing_but_itself_and_certificates() {
    let home = Home::new();
    let root = home.path("root");
    fs::create_dir_all(root.join("etc/ssl/certs")).unwrap();
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    if fs::metadata(certificates).is_ok() {
        fs::copy(certificates, root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    }
    fs::copy(BINARY, root.join("hakobu")).unwrap();
    fs::copy(home.path("password"), root.join("password")).unwrap();
    let inside = |words: &[&str]| {
        let mut command = match rustix::process::geteuid().is_root() {
            true => Command::new("chroot"),
            false => {
                let mut command = Command::new("unshare");
                command.args(["-r", "chroot"]);
                command
            }
        };
        said(
            command
                .arg(&root)
                .arg("/hakobu")
                .args(words)
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .output()
                .unwrap(),
        )
    };
    inside(&[
        "setup",
        "--data",
        "/D",
        "--key-file",
        "/K",
        "--domain",
        "news.example.jp",
        "--admin-email",
        "a@example.jp",
        "--admin-password-file",
        "/password",
        "--yes",
        "--json",
    ])
    .ok();
    assert_eq!(inside(&["status", "--data", "/D", "--json"]).ok().json()["sound"], true);
}
