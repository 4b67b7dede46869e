//! Asking a new release, before anything else, whether it can take over: its program runs as a child on a copy of the
//! data and reports. No answer, a wrong answer, a panic, an exit code and silence are all a no, with the cause.

use super::Version;
use crate::base::link::{Said, Step};
use crate::base::seal::Key;
use crate::base::{Error, Kind, Result, Say, limits};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Report {
    ok: bool,
    version: String,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    fault: Option<Said>,
}

/// The release's own steps; an error is its no.
pub(super) fn run(program: &Path, copy: &Path, root: &Key, version: &Version, within: Duration) -> Result<Vec<Step>> {
    let mut child = start(program, copy).map_err(cannot_start)?;
    let key = zeroize::Zeroizing::new(HEXLOWER.encode(root.bytes()) + "\n");
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read will not answer either, and that is what is told.
        stdin.write_all(key.as_bytes()).ok();
    }
    let said = child.stdout.take().map(|stdout| {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            // What came until it broke is judged like the rest.
            stdout.take(limits::PREFLIGHT_REPORT).read_to_end(&mut said).ok();
            said
        })
    });
    let ended = wait(&mut child, within).map_err(cannot_start)?;
    let said = said.and_then(|reader| reader.join().ok()).unwrap_or_default();
    judge(ended, &said, version)
}

fn start(program: &Path, copy: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.args(["preflight", "--json", "--no-input", "--data"]).arg(copy);
    // Nothing of ours leads it to the house itself.
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
    // In a group of its own: what it started ends with it.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// `None` when it had to be stopped.
fn wait(child: &mut Child, within: Duration) -> std::io::Result<Option<ExitStatus>> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if since.elapsed() >= within {
            end(child)?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// All of its group: a child of its own would hold the pipe that its report is read from.
fn end(child: &mut Child) -> std::io::Result<()> {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    match group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL)) {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) | None => child.kill(),
    }
}

fn judge(ended: Option<ExitStatus>, said: &[u8], version: &Version) -> Result<Vec<Step>> {
    let Some(status) = ended else {
        return Err(no(say!(
            "新しい版の事前検査が時間内に終わりませんでした。",
            "The new release's preflight did not end in time."
        )));
    };
    let report: Option<Report> = serde_json::from_slice(said).ok();
    match report {
        Some(Report { fault: Some(fault), .. }) => Err(no(Say::new(
            format!("新しい版が、データのコピーで動きませんでした: {}", fault.says.ja),
            format!("The new release does not work on a copy of the data: {}", fault.says.en),
        ))),
        Some(report) if report.ok && status.success() => match report.version == version.to_string() {
            true => Ok(report.steps),
            false => {
                let said = report.version;
                Err(no(say!(
                    "プログラムは {said} と名乗っていますが、署名された版は {version} です。",
                    "The program says it is {said}, but what was signed is {version}."
                )))
            }
        },
        Some(_) | None => {
            let how = how_it_ended(status);
            Err(no(say!("新しい版の事前検査が失敗しました（{how}）。", "The new release's preflight failed ({how}).")))
        }
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit".to_owned(),
    }
}

fn no(says: Say) -> Error {
    Error::new(Kind::Unhealthy, says).hint(say!(
        "いまの版のまま動いています。配布元に知らせてください。",
        "The version before goes on running. Tell the vendor."
    ))
}

fn cannot_start(e: std::io::Error) -> Error {
    no(say!("新しい版のプログラムを起動できません。", "The new release's program cannot be started.")).because(e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::OpenOptionsExt;

    /// A program of a few words, in place of a release.
    fn answer(script: &str, within: Duration) -> Result<Vec<Step>> {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("hakobu");
        let mut how = std::fs::OpenOptions::new();
        let mut file = how.write(true).create_new(true).mode(0o700).open(&program).unwrap();
        file.write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).unwrap();
        drop(file);
        run(&program, dir.path(), &Key::new([7; 32]), &Version::parse("1.5.0").unwrap(), within)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_release_that_reports_that_it_is_well_is_believed() {
        let steps = answer(
            r#"read key; [ "$key" = 0707070707070707070707070707070707070707070707070707070707070707 ] || exit 3
               [ "$1 $2 $3 $4" = "preflight --json --no-input --data" ] && [ -d "$5" ] || exit 4
               echo '{"ok":true,"version":"1.5.0","steps":[{"step":"preflight.open","ok":true,"ms":1}],"new":1}'"#,
            LONG,
        );
        assert_eq!(steps.unwrap()[0].step, "preflight.open");
    }

    #[test]
    fn everything_else_is_a_no_that_says_why() {
        for (script, says) in [
            ("exit 101", "exit 101"),
            ("kill -9 $$", "signal 9"),
            ("echo nonsense", "exit 0"),
            (r#"echo '{"ok":true,"version":"1.5.0"}'; exit 1"#, "exit 1"),
            (r#"echo '{"ok":false,"version":"1.5.0"}'"#, "exit 0"),
            (r#"echo '{"ok":true,"version":"1.6.0"}'"#, "says it is 1.6.0"),
            (
                r#"echo '{"ok":false,"version":"1.5.0","fault":{"kind":"bug","says":{"ja":"壊","en":"Broken page."}}}'; exit 9"#,
                "copy of the data: Broken page.",
            ),
        ] {
            let error = answer(script, LONG).unwrap_err();
            assert!(error.says().en.contains(says) && error.kind() == Kind::Unhealthy, "{script}: {error}");
        }
    }

    #[test]
    fn one_that_hangs_is_stopped() {
        let error = answer("exec 1>&-; while :; do read x < /dev/zero; done", Duration::from_millis(200)).unwrap_err();
        assert!(error.says().en.contains("in time"), "{error}");
        // Its child has the pipe too.
        let began = Instant::now();
        let error = answer("sleep 600 & wait", Duration::from_millis(200)).unwrap_err();
        assert!(error.says().en.contains("in time") && began.elapsed() < LONG, "{error}");
    }

    #[test]
    fn one_that_is_no_program_cannot_be_started() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("hakobu");
        let version = Version::parse("1.5.0").unwrap();
        let error = run(&missing, dir.path(), &Key::new([7; 32]), &version, LONG).unwrap_err();
        assert!(error.says().en.contains("cannot be started"));
    }
}
