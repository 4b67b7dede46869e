//! Stories in a real browser: Chromium, driven over WebDriver by a client of our own.

use crate::world::{Home, PASSWORD, Serving};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _home: tempfile::TempDir,
}

impl Browser {
    fn open() -> Browser {
        let home = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", home.path())
            .env("HOME", home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver from Debian's chromium-driver; tests/run installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|l| l.split_once("successfully on port ").map(|(_, p)| p.trim_end_matches('.').parse().unwrap()))
            .expect("a port");
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Browser { driver, port, session: String::new(), _home: home };
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=ja"];
        let asked = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": args}}}});
        let made = browser.call("POST", "/session", asked);
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        // Looking for an element waits for the page that brings it.
        browser.call("POST", "/timeouts", json!({"implicit": 10_000}));
        browser
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let (path, port, n) = (format!("{}{path}", self.session), self.port, body.len());
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {n}\r\n\r\n{body}")
            .unwrap();
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).unwrap() > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).unwrap();
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }

    fn go(&self, url: &str) {
        self.call("POST", "/url", json!({"url": url}));
    }

    fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", json!({"script": script, "args": []}))
    }

    fn tool(&self, command: &str, params: Value) {
        self.call("POST", "/goog/cdp/execute", json!({"cmd": command, "params": params}));
    }

    fn find(&self, css: &str) -> String {
        let found = self.call("POST", "/element", json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    fn click(&self, css: &str) {
        let id = self.find(css);
        self.call("POST", &format!("/element/{id}/click"), json!({}));
    }

    fn fill(&self, css: &str, text: &str) {
        let id = self.find(css);
        self.call("POST", &format!("/element/{id}/value"), json!({"text": text}));
    }

    /// Keys pressed wherever the focus is.
    fn keys(&self, keys: &[&str]) {
        let presses: Vec<Value> = keys
            .iter()
            .flat_map(|k| [json!({"type": "keyDown", "value": k}), json!({"type": "keyUp", "value": k})])
            .collect();
        self.call("POST", "/actions", json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]}));
    }

    fn size(&self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.tool("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Pages come when they come: asked until it is so, for ten seconds at most.
    fn is_at(&self, path: &str) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if self.run("return document.readyState === 'complete' && location.pathname") == path {
                return true;
            }
        }
        false
    }

    fn text(&self, css: &str) -> String {
        let id = self.find(css);
        self.call("GET", &format!("/element/{id}/text"), Value::Null).as_str().unwrap().to_owned()
    }

    fn sign_in(&self, server: &Serving) {
        self.go(&server.url);
        self.fill("#f-email", "a@example.jp");
        self.fill("#f-password", PASSWORD);
        self.click("main button.button");
        assert!(self.is_at("/"), "{}", self.run("return document.body.innerText"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", "", Value::Null);
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

#[test]
fn somebody_with_only_a_keyboard_signs_in_and_gets_past_the_menu() {
    let home = Home::ready();
    let (server, browser) = (home.serve(), Browser::open());
    browser.go(&server.url);
    browser.run("document.querySelector('#f-email').focus()");
    browser.keys(&["a", "@", "e", "x", "a", "m", "p", "l", "e", ".", "j", "p", TAB]);
    browser.fill("#f-password", "not the right one");
    browser.keys(&[ENTER]);
    browser.find(".notice-bad");
    assert_eq!(browser.run("return document.activeElement.getAttribute('role')"), "alert", "the summary has the focus");
    browser.sign_in(&server);
    browser.keys(&[TAB]);
    assert_eq!(browser.run("return document.activeElement.className"), "skip");
    let seen = browser.run("return document.activeElement.getBoundingClientRect().top >= 0");
    assert_eq!(seen, true, "what has the focus is seen");
    browser.keys(&[ENTER, TAB]);
    assert_eq!(browser.run("return !!document.activeElement.closest('main, footer')"), true);
}

#[test]
fn the_enter_that_fixes_kanji_does_not_send_the_form() {
    let home = Home::ready();
    let (server, browser) = (home.serve(), Browser::open());
    browser.sign_in(&server);
    browser.go(&format!("{}settings/tokens/new", server.url));
    let press = |composing: bool| {
        browser.run(&format!(
            "const field = document.querySelector('#f-name'); field.focus();
             const press = new KeyboardEvent('keydown', {{key: 'Enter', isComposing: {composing}, bubbles: true, cancelable: true}});
             return field.dispatchEvent(press)"
        ))
    };
    assert_eq!((press(true), press(false)), (json!(false), json!(true)), "refused while composing, and only then");
    browser.tool("Input.imeSetComposition", json!({"text": "れんけい", "selectionStart": 4, "selectionEnd": 4}));
    browser.tool("Input.dispatchKeyEvent", json!({"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229}));
    browser.tool("Input.insertText", json!({"text": "連携"}));
    assert!(browser.is_at("/settings/tokens/new"));
    assert_eq!(browser.run("return document.querySelector('#f-name').value"), "連携");
}

#[test]
fn everything_works_without_scripts() {
    let home = Home::ready();
    let (server, browser) = (home.serve(), Browser::open());
    browser.tool("Network.enable", json!({}));
    browser.tool("Network.setBlockedURLs", json!({"urls": ["*hakobu.js*"]}));
    browser.sign_in(&server);
    assert_eq!(browser.run("return document.documentElement.dataset.ready ?? ''"), "", "no script ran");
    browser.go(&format!("{}settings/users/new", server.url));
    browser.fill("#f-email", "jiro@example.jp");
    browser.fill("#f-name", "佐藤 次郎");
    browser.click("form.card button.button");
    browser.find("#f-link");
    let link = browser.run("return document.querySelector('#f-link').value");
    assert!(link.as_str().unwrap().contains("/link/"), "{link}");
    let other = browser.run("return document.querySelector('footer button').value");
    browser.go(&server.url);
    browser.click("footer button");
    browser.find(&format!("html[lang='{}']", other.as_str().unwrap()));
    browser.click(".who summary");
    browser.click(".who-menu button");
    assert!(browser.is_at("/sign-in"));
    browser.go(link.as_str().unwrap());
    browser.fill("#f-password", "tsukue mado neko yama");
    browser.click("main button.button");
    assert!(browser.is_at("/"));
    assert!(browser.text(".who summary").contains("佐藤 次郎"));
}

#[test]
fn no_page_of_the_menu_scrolls_sideways_on_a_small_screen() {
    let home = Home::ready();
    let (server, browser) = (home.serve(), Browser::open());
    browser.sign_in(&server);
    let links = browser.run("return [...document.querySelectorAll('.side a')].map(a => a.href)");
    let links: Vec<&str> = links.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(links.len() >= 5, "{links:?}");
    for width in [320, 375, 1280] {
        browser.size(width);
        for link in &links {
            browser.go(link);
            let over = browser.run("return document.documentElement.scrollWidth - innerWidth");
            assert!(over.as_i64().unwrap() <= 0, "{link} at {width} px: {over} px too wide");
            assert_eq!(browser.run("return document.querySelectorAll('h1').length"), 1, "{link}");
        }
    }
    browser.size(375);
    browser.go(&server.url);
    browser.click(".menu-button");
    assert_eq!(browser.run("return document.querySelector('#side').matches(':popover-open')"), true);
}

#[test]
fn a_question_that_was_declined_can_be_asked_and_answered_again() {
    let home = Home::ready();
    let (server, browser) = (home.serve(), Browser::open());
    browser.sign_in(&server);
    browser.go(&format!("{}campaigns/new", server.url));
    browser.fill("#f-name", "やめる配信");
    browser.click("form.card button.button-quiet:not([formtarget])");
    assert!(browser.is_at("/campaigns/c1/edit"));
    for answer in ["no", "yes"] {
        browser.click("form[data-confirm] button");
        browser.click(&format!("dialog[open] button[value={answer}]"));
    }
    assert!(browser.is_at("/campaigns"), "{}", browser.run("return location.href"));
}
