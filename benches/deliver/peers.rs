//! What the machine can do at all, in the same run.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Messages a second of `smtp-source` into `smtp-sink`.
pub fn smtp_source() -> f64 {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).unwrap().port();
    let mut sink = Command::new("/usr/sbin/smtp-sink");
    if rustix::process::getuid().is_root() {
        sink.args(["-u", "nobody"]);
    }
    let at = format!("127.0.0.1:{port}");
    let mut sink = sink.args([at.as_str(), "1000"]).spawn().expect("smtp-sink (Debian: postfix)");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let (began, messages) = (Instant::now(), 50_000);
    let args = ["-s", "10", "-d", "-l", "5000", "-m", "50000", at.as_str()];
    let done = Command::new("/usr/sbin/smtp-source").args(args).stdout(Stdio::null()).status().unwrap();
    assert!(done.success());
    let rate = f64::from(messages) / began.elapsed().as_secs_f64();
    sink.kill().and_then(|()| sink.wait()).unwrap();
    rate
}

/// Signatures a second of two processors together.
pub fn signatures() -> f64 {
    let args = ["speed", "-multi", "2", "-seconds", "3", "rsa2048"];
    let said = Command::new("openssl").args(args).stderr(Stdio::null()).output().expect("openssl");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find(|line| line.trim_start().starts_with("rsa") && line.contains("2048")).unwrap_or(&said);
    let mut figures = line.split_whitespace().filter(|word| !word.ends_with('s')).filter_map(|w| w.parse::<f64>().ok());
    figures.find(|n| *n > 2048.0 || (*n > 10.0 && *n != 2048.0)).expect("signatures a second")
}
