//! Signatures, checked by a verifier that nobody here wrote.

use data_encoding::BASE64;
use hakobu::base::seal::Key;
use hakobu::base::{By, Domain, Time, clock};
use hakobu::delivery::SCHEMA;
use hakobu::delivery::dkim::{self, Signer};
use hakobu::store::Store;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// dkimpy, with the keys that it would find in DNS.
const DKIMPY: &str = r#"
import sys, json, base64, dkim
given = json.load(sys.stdin)
def text(name, timeout=5):
    return given['keys'].get(name.decode().rstrip('.'), '').encode()
def checked(message, n):
    try:
        return dkim.DKIM(message).verify(idx=n, dnsfunc=text)
    except dkim.DKIMException as e:
        return str(e)
print(json.dumps([[checked(base64.b64decode(m), n) for n in (0, 1)] for m in given['messages']]))
"#;

struct World {
    _dir: tempfile::TempDir,
    signer: Signer,
    keys: Value,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
    let (by, domain) = (By::house("story"), Domain::parse("news.example.jp").unwrap());
    let pair = dkim::create(&store, &by, clock::now(), &domain).unwrap();
    dkim::turn(&store, &by, clock::now(), &domain, true).unwrap();
    let keys = pair.records().into_iter().map(|r| (r.name, json!(r.value))).collect();
    let signer = Signer::for_domain(&store, &domain).unwrap().unwrap();
    World { _dir: dir, signer, keys: Value::Object(keys) }
}

impl World {
    fn signed(&self, message: &[u8]) -> Vec<u8> {
        let now = Time(clock::now().ms() - 60_000);
        [self.signer.sign(message, now).unwrap(), message.to_vec()].concat()
    }

    /// What dkimpy says of RSA's and Ed25519's signature of each message.
    fn verdicts(&self, messages: &[Vec<u8>]) -> Vec<[Value; 2]> {
        let mut command = Command::new("python3");
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/python");
        if Path::new(tools).exists() {
            command.env("PYTHONPATH", tools);
        }
        let mut child = command
            .args(["-c", DKIMPY])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 with dkimpy and PyNaCl: tests/run installs them");
        let messages: Vec<String> = messages.iter().map(|m| BASE64.encode(m)).collect();
        let given = json!({"keys": self.keys, "messages": messages}).to_string();
        child.stdin.take().unwrap().write_all(given.as_bytes()).unwrap();
        let said = child.wait_with_output().unwrap();
        assert!(said.status.success(), "python3 with dkimpy and PyNaCl: tests/run installs them");
        serde_json::from_slice(&said.stdout).unwrap()
    }
}

fn head(more: &str) -> String {
    format!(
        "From: =?utf-8?b?6YGL44G25ZWG5bqX?= <news@news.example.jp>\r\nTo: <hanako@example.jp>\r\n\
         Subject: =?utf-8?b?56eL44Gu?=\r\n =?utf-8?b?5qGI5YaF?=\r\nDate: Tue, 1 Dec 2026 10:00:00 +0900\r\n\
         Message-ID: <1.2@news.example.jp>\r\nMIME-Version: 1.0\r\n{more}\r\n"
    )
}

fn plain(charset: &str, encoding: &str) -> String {
    head(&format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n"))
}

fn multipart() -> Vec<u8> {
    let part = |kind: &str, text: &str| {
        let body: String = BASE64.encode(text.as_bytes()).as_bytes().chunks(76).map(line).collect();
        format!("--b1\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}")
    };
    let text = part("text/plain", &"秋の新作が届きました。\r\n".repeat(20));
    let html = part("text/html", &"<p>秋の新作が届きました。</p>\r\n".repeat(40));
    let more = "Content-Type: multipart/alternative;\r\n boundary=\"b1\"\r\n\
                List-Unsubscribe: <https://news.example.jp/u/abc>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    format!("{}{text}{html}--b1--\r\n", head(more)).into_bytes()
}

fn line(chunk: &[u8]) -> String {
    format!("{}\r\n", String::from_utf8_lossy(chunk))
}

fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let utf8 = |body: &str| [plain("utf-8", "8bit").into_bytes(), body.as_bytes().to_vec()].concat();
    let (jis, ..) = encoding_rs::ISO_2022_JP.encode("秋の新作が  届きました。\r\n\tこんにちは \r\n");
    let long = format!(
        "List-Unsubscribe:\r\n\t<https://news.example.jp/{}>,\r\n\t<mailto:u@news.example.jp>\r\nReferences: {}\r\n\
         Reply-To:    spaced  <a@news.example.jp>  \r\nX-Long: {}\r\n",
        "u".repeat(500),
        "<0123456789@news.example.jp>\r\n ".repeat(30).trim_end(),
        "x".repeat(900)
    );
    vec![
        ("multipart in base64", multipart()),
        ("text that ends in empty lines", utf8("こんにちは\r\n\r\n\r\n\r\n")),
        ("text that ends in lines of spaces", utf8("Hello\r\n  \r\n\t\r\n \t \r\n")),
        ("ISO-2022-JP", [plain("iso-2022-jp", "7bit").as_bytes(), &jis].concat()),
        ("eight bits with runs of spaces", utf8("秋 の  新\t\t作 \r\n が\r\n\r\n届きました。 \t\r\n")),
        ("long headers", [head(&long).into_bytes(), b"Hello\r\n".to_vec()].concat()),
        ("no body", head("").into_bytes()),
        ("an empty line for a body", utf8("\r\n")),
        ("a dot alone", utf8(".\r\n..\r\n")),
    ]
}

#[test]
fn dkimpy_finds_both_signatures_good() {
    let world = world();
    let (names, signed): (Vec<_>, Vec<_>) = messages().into_iter().map(|(n, m)| (n, world.signed(&m))).unzip();
    for (name, verdict) in names.iter().zip(world.verdicts(&signed)) {
        assert_eq!(verdict, [json!(true), json!(true)], "{name}");
    }
}

#[test]
fn dkimpy_agrees_on_where_spaces_and_line_ends_count() {
    let world = world();
    let pieces = [" ", "\t", "  ", "\r\n", "\r\n", "a", "b:", "あ", "\r\n ", "-- "];
    let mut seed = 20_261_201_u64;
    let mut any = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 40).unwrap()
    };
    let mut bodies: Vec<String> =
        (0..300).map(|n| (0..n % 40).map(|_| pieces[any() % pieces.len()]).collect()).collect();
    // Mail ends in a line end.
    bodies.iter_mut().filter(|b| !b.is_empty() && !b.ends_with("\r\n")).for_each(|b| b.push_str("\r\n"));
    let signed: Vec<_> =
        bodies.iter().map(|b| world.signed(format!("{}{b}", plain("utf-8", "8bit")).as_bytes())).collect();
    for (body, verdict) in bodies.iter().zip(world.verdicts(&signed)) {
        assert_eq!(verdict, [json!(true), json!(true)], "{body:?}");
    }
}

#[test]
fn dkimpy_finds_what_was_changed_or_added_on_the_way() {
    let world = world();
    let signed = String::from_utf8(world.signed(&multipart())).unwrap();
    let added = |field: &str| format!("{field}\r\n{signed}");
    let changed = [
        signed.replace("56eL44Gu", "5pil44Gu"),
        signed.replacen("--b1\r\n", "--b1\r\nX: y\r\n", 1),
        signed.replace("news.example.jp/u/abc", "news.example.com/u/abc"),
        added("From: <somebody@example.com>"),
        added("Subject: another"),
        added("To: <another@example.jp>"),
        added("Date: Wed, 2 Dec 2026 10:00:00 +0900"),
        added("Reply-To: <thief@example.com>"),
        added("Content-Type: text/plain"),
        added("List-Unsubscribe: <https://example.com>"),
    ];
    for (text, verdict) in changed.iter().zip(world.verdicts(&changed.clone().map(String::into_bytes))) {
        assert!(verdict.iter().all(|v| *v != json!(true)), "{verdict:?}: {}", &text[..200]);
    }
    let harmless = [added("Received: from a by b; Tue, 1 Dec 2026 10:00:01 +0900"), added("List-Id: <l.example.com>")];
    for verdict in world.verdicts(&harmless.map(String::into_bytes)) {
        assert_eq!(verdict, [json!(true), json!(true)]);
    }
}
