//! A home for one story: a folder that goes away, and the binary run in it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const PASSWORD: &str = "ほんとうに長い合い言葉 2026";

pub struct Home {
    pub dir: tempfile::TempDir,
}

/// What a command said and how it ended.
pub struct Said {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn ok(self) -> Said {
        assert_eq!(self.exit, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The one object on stdout.
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.trim().lines().count(), 1, "one line of JSON: {}\n{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }

    /// The error object, the last line on stderr.
    pub fn error(&self) -> Value {
        let line = self.stderr.trim().lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {}", self.stderr));
        let error = value["error"].clone();
        assert!(error["kind"].is_string() && error["message"].is_string() && error["hint"].is_string(), "{value}");
        error
    }
}

impl Home {
    pub fn new() -> Home {
        let home = Home { dir: tempfile::tempdir().unwrap() };
        home.file("password", PASSWORD);
        home
    }

    /// A home with a house in it.
    pub fn ready() -> Home {
        let home = Home::new();
        home.setup(&[]).ok();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn setup(&self, more: &[&str]) -> Said {
        let base = [
            "setup",
            "--data",
            "D",
            "--key-file",
            "K",
            "--domain",
            "news.example.jp",
            "--admin-email",
            "a@example.jp",
            "--admin-password-file",
            "password",
            "--public-url",
            "https://news.example.jp",
            "--listen",
            "127.0.0.1:8080",
            "--no-probe",
            "--yes",
            "--json",
        ];
        self.run(&[&base[..], more].concat())
    }

    /// In this home's folder, in English, with nothing inherited that could change the outcome.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_hakobu")), words)
    }

    /// The same of another build of the program.
    pub fn command_of(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.dir.path()).stdin(Stdio::null());
        for name in ["HAKOBU_DATA", "LANG", "LC_ALL", "LC_MESSAGES", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY"] {
            command.env_remove(name);
        }
        let run = self.path("run");
        std::fs::create_dir_all(&run).unwrap();
        command.env("XDG_RUNTIME_DIR", run);
        command
    }

    pub fn run(&self, words: &[&str]) -> Said {
        said(self.command(words).output().unwrap())
    }

    /// On the house in `D`, with `--json`.
    pub fn ask(&self, words: &[&str]) -> Said {
        self.run(&[words, &["--data", "D", "--json"]].concat())
    }

    pub fn status(&self) -> Value {
        self.ask(&["status"]).ok().json()
    }

    /// A server on a port of its own, once it is ready.
    pub fn serve(&self) -> Serving {
        self.serve_at("127.0.0.1:0")
    }

    pub fn serve_at(&self, listen: &str) -> Serving {
        self.serving(self.command(&["serve", "--data", "D", "--listen", listen]))
    }

    /// The server that this command is, once it is ready.
    pub fn serving(&self, mut command: Command) -> Serving {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|l| l.split_whitespace().find(|w| w.starts_with("http") && w.contains("://")).map(str::to_owned))
            .expect("the server says where it is");
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
        Serving { child, url, rest: Some(rest) }
    }
}

pub fn said(output: Output) -> Said {
    Said {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn signal(pid: impl Into<u64>, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &pid.into().to_string()]).status().unwrap().success());
}

pub struct Serving {
    child: Child,
    pub url: String,
    rest: Option<std::thread::JoinHandle<String>>,
}

impl Serving {
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The exit code of one that ends by itself.
    pub fn ended(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// SIGTERM, and the exit code.
    pub fn end(mut self) -> i32 {
        self.signal("TERM");
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// What it wrote to stderr until it ended.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.rest.take().unwrap().join().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Runs a command that reads its standard input.
pub fn fed(mut command: Command, input: &[u8]) -> Said {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses early does not read; what it says is what the story looks at.
    child.stdin.take().unwrap().write_all(input).ok();
    said(child.wait_with_output().unwrap())
}
