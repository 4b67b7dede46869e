use crate::world::Home;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Trial {
    child: Child,
    said: serde_json::Value,
    tmp: std::path::PathBuf,
    _home: Home,
}

fn trial(more: &[&str]) -> Trial {
    let home = Home::new();
    let tmp = home.path("tmp");
    std::fs::create_dir_all(&tmp).unwrap();
    let mut command = home.command(&[&["try", "--json"], more].concat());
    let mut child = command.env("TMPDIR", &tmp).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    Trial { child, said: serde_json::from_str(&line).unwrap(), tmp, _home: home }
}

impl Trial {
    fn get(&self, url: &str) -> String {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn ended(mut self) {
        let began = Instant::now();
        let status = self.child.wait().unwrap();
        assert!(status.success() && began.elapsed() < Duration::from_secs(10), "{status}");
        assert_eq!(std::fs::read_dir(&self.tmp).unwrap().count(), 0, "everything is gone");
    }
}

#[test]
fn try_opens_a_ready_house_and_leaves_nothing_behind() {
    let trial = trial(&[]);
    let link = trial.said["admin_link"].as_str().unwrap();
    let first = trial.get(link);
    assert!(first.starts_with("HTTP/1.1 303") && first.contains("set-cookie: hakobu="), "{first}");
    assert!(trial.get(trial.said["url"].as_str().unwrap()).starts_with("HTTP/1.1 "));
    let mails = trial.get(trial.said["mail_url"].as_str().unwrap());
    assert!(mails.starts_with("HTTP/1.1 200") && mails.contains("秋の新作が届きました"), "{mails}");
    let pid = trial.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    trial.ended();
}

#[test]
fn try_ends_when_the_program_that_started_it_does() {
    let mut trial = trial(&[]);
    drop(trial.child.stdin.take());
    trial.ended();
}

#[test]
fn a_kept_trial_goes_on_where_it_was() {
    let home = Home::new();
    let run = |home: &Home| {
        let mut child = home.command(&["try", "--json", "--keep", "kept"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let listed = home.run(&["contacts", "list", "--data", "kept/data", "--json"]).ok().json();
        let campaign = home.run(&["campaign", "result", "c1", "--data", "kept/data", "--json"]).ok().json();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        (listed["count"].clone(), campaign["state"].clone())
    };
    let first = run(&home);
    assert_eq!(first, (200.into(), "done".into()));
    assert_eq!(run(&home), first);
    assert!(home.path("kept/root.key").exists());
}
