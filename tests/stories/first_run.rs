//! The first run in a browser, through the real door: from the link in the terminal to the pages of the house.

use crate::world::{Home, PASSWORD};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Browser {
    host: String,
    cookies: Vec<String>,
}

struct Page {
    status: u16,
    head: String,
    body: String,
}

impl Browser {
    fn send(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> Page {
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let (body, host) = (pairs.join("&"), &self.host);
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nAccept-Language: en\r\n\r\n{body}",
            self.cookies.join("; "),
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for line in head.lines().filter_map(|l| l.strip_prefix("set-cookie: ")) {
            self.cookies.push(line.split(';').next().unwrap().to_owned());
        }
        Page { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, &[])
    }

    /// A step that leads to the next one.
    fn step(&mut self, n: u8, form: &[(&str, &str)]) {
        let page = self.send("POST", &format!("/setup/step/{n}"), form);
        assert!(page.status == 303 && page.head.contains(&format!("/setup/step/{}", n + 1)), "{n}: {}", page.body);
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_browser_sets_a_house_up_through_the_door_and_goes_on_in_it() {
    let home = Home::new();
    let mut command = home.command(&["serve", "--setup", "--data", "D", "--listen", "127.0.0.1:0"]);
    let mut server = Server(command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(server.0.stderr.take().unwrap()).lines().map_while(Result::ok);
    let link = lines.find_map(|l| l.split_whitespace().find(|w| w.contains("/setup/")).map(str::to_owned)).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut me = Browser { host: host.to_owned(), cookies: Vec::new() };
    assert_eq!(me.get("/").status, 403, "without the link there is nothing");
    assert_eq!(me.get(&format!("/{path}")).status, 303);
    me.step(1, &[("lang", "en")]);
    me.step(2, &[]);
    me.step(3, &[("email", "a@example.jp"), ("name", "花子"), ("password", PASSWORD)]);
    me.step(4, &[("domain", "news.example.jp"), ("public_url", "https://news.example.jp")]);
    me.step(5, &[("relay", "")]);
    me.step(6, &[("key", home.path("K").to_str().unwrap())]);
    let page = me.get("/setup/step/7").body;
    let code = page.split("<code>").nth(1).unwrap().split('<').next().unwrap().replace('-', "");
    let done = me.send("POST", "/setup/step/7", &[("code", &code[code.len() - 4..])]);
    assert_eq!(done.status, 303, "{}", done.body);
    // Signed in, by the wizard's process or by the worker that follows it.
    let first = me.get("/");
    assert!(first.status == 200 && first.body.contains("花子"), "{}{}", first.head, first.body);
    let since = Instant::now();
    loop {
        let said = home.ask(&["status"]);
        // The worker that follows the wizard, which was a thread of the door.
        let followed = |s: &Value| s["worker"]["pid"].as_u64().is_some_and(|pid| pid != u64::from(server.0.id()));
        if said.exit == 0 && said.json()["state"] == "running" && followed(&said.json()) {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{}{}", said.stdout, said.stderr);
    }
    assert_eq!(me.get("/contacts").status, 200, "the same session, in the worker that followed");
    assert_eq!(me.get(&format!("/{path}")).status, 404, "the wizard has gone");
    home.ask(&["contacts", "add", "b@example.jp"]).ok();
    assert!(Command::new("kill").arg(server.0.id().to_string()).status().unwrap().success());
    assert!(server.0.wait().unwrap().success());
}
