//! What people install, with the real binary: the archive's script, and what the package is made of.

use crate::world::{Home, Said, mode, said};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const TREE: &str = env!("CARGO_MANIFEST_DIR");

/// An unpacked archive, as `packaging/pack` makes it.
fn archive(home: &Home) {
    let folder = home.path("hakobu-1.0.0");
    fs::create_dir(&folder).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_hakobu"), folder.join("hakobu")).unwrap();
    fs::copy(format!("{TREE}/packaging/install.sh"), folder.join("install.sh")).unwrap();
    fs::copy(format!("{TREE}/LICENSE"), folder.join("LICENSE")).unwrap();
    let machine = "echo \"$(uname -s)-$(uname -m)\" > TARGET && sha256sum -- * > SHA256SUMS";
    assert!(Command::new("sh").args(["-c", machine]).current_dir(&folder).status().unwrap().success());
    fs::create_dir(home.path("R")).unwrap();
}

fn script(home: &Home, flags: &[&str]) -> Said {
    let mut command = Command::new("sh");
    command.arg("hakobu-1.0.0/install.sh").args(flags).args(["--root", "R"]);
    command.current_dir(home.dir.path()).env_remove("HAKOBU_DATA").env("LANG", "C").stdin(Stdio::null());
    said(command.output().unwrap())
}

#[test]
fn the_archive_installs_once_it_has_checked_itself_and_can_be_taken_away_again() {
    let home = Home::new();
    archive(&home);
    assert_eq!(script(&home, &[]).exit, 4, "nobody agreed");
    let installed = script(&home, &["--yes"]).ok();
    assert!(installed.stdout.contains("hakobu service install"), "{}", installed.stdout);
    let program = home.path("R/usr/local/bin/hakobu");
    assert_eq!(mode(&program), 0o755);
    assert!(home.path("R/usr/local/share/man/man1/hakobu.1").exists());
    // Once more is an upgrade.
    script(&home, &["--yes"]).ok();
    script(&home, &["--uninstall", "--yes"]).ok();
    assert!(!program.exists() && !home.path("R/usr/local/share/man/man1/hakobu.1").exists());
}

#[test]
fn an_archive_that_was_changed_or_is_for_another_machine_installs_nothing() {
    let home = Home::new();
    archive(&home);
    let target = home.path("hakobu-1.0.0/TARGET");
    let ours = fs::read_to_string(&target).unwrap();
    fs::write(&target, "Linux-sparc64\n").unwrap();
    assert_eq!(script(&home, &["--yes"]).exit, 12);
    let sums = "sha256sum -- LICENSE TARGET hakobu install.sh > SHA256SUMS";
    let again = Command::new("sh").args(["-c", sums]).current_dir(home.path("hakobu-1.0.0")).status();
    assert!(again.unwrap().success());
    let said = script(&home, &["--yes"]);
    assert!(said.exit == 12 && said.stderr.contains("Linux-sparc64"), "{}", said.stderr);
    fs::write(&target, ours).unwrap();
    assert!(!home.path("R/usr").exists());
}

/// Sources that are made by `packaging/pack` stand under `target/package`.
#[test]
fn everything_the_package_is_made_of_is_there_and_its_scripts_can_be_read() {
    let manifest: toml::Table = fs::read_to_string(format!("{TREE}/Cargo.toml")).unwrap().parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap();
    for asset in assets {
        let source = asset[0].as_str().unwrap();
        assert!(source.starts_with("target/package/") || Path::new(TREE).join(source).is_file(), "{source}");
    }
    for unit in
        fs::read_dir(format!("{TREE}/packaging")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap())
    {
        if unit.ends_with(".service") || unit.ends_with(".socket") {
            assert!(assets.iter().any(|a| a[0].as_str() == Some(&format!("packaging/{unit}"))), "{unit}");
        }
    }
    let scripts = fs::read_dir(format!("{TREE}/{}", deb["maintainer-scripts"].as_str().unwrap())).unwrap();
    for script in scripts.map(|e| e.unwrap().path()).chain([format!("{TREE}/packaging/install.sh").into()]) {
        assert!(Command::new("sh").arg("-n").arg(&script).status().unwrap().success(), "{}", script.display());
        assert_eq!(mode(&script), 0o755, "{}", script.display());
    }
}
