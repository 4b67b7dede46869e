//! Sending to servers that nobody here wrote, and sending while the process is killed.

use hakobu::base::seal::Key;
use hakobu::base::{Email, Result, Secret, Time, clock, ids::ContactId, ids::RunId};
use hakobu::delivery::catcher::{Catcher, Offer};
use hakobu::delivery::{
    Counts, Decision, Ended, Finish, Ledger, Letter, Letters, Policy, Relay, Route, SCHEMA, Skip, State, Steer, Work,
    run,
};
use hakobu::store::Store;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const RUN: RunId = RunId(1);

struct Post;

impl Letters for Post {
    fn domains(&self, contacts: &[ContactId]) -> Result<Vec<Option<String>>> {
        Ok(vec![Some("example.jp".to_owned()); contacts.len()])
    }

    fn letter(&self, run: RunId, contact: ContactId, _now: Time) -> Result<Result<Letter, Skip>> {
        let message = format!(
            "From: news@example.jp\r\nTo: {contact}@example.jp\r\nMessage-ID: <{run}.{contact}@example.jp>\r\n\
             Subject: hello\r\n\r\n.a line with a dot\r\n{contact} is the one\r\n"
        );
        Ok(Ok(Letter {
            from: Email::parse("news@example.jp")?,
            to: Email::parse(&format!("{contact}@example.jp"))?,
            message: message.into_bytes(),
        }))
    }
}

fn root() -> Key {
    Key::new([1; 32])
}

fn new_ledger(dir: &Path, recipients: i64) -> (Store, Ledger) {
    let (store, _code) = Store::create(dir, &root(), &[SCHEMA]).unwrap();
    let ledger = Ledger::create(&store, RUN).unwrap();
    ledger.add(&(1..=recipients).map(ContactId).collect::<Vec<_>>(), Time(1)).unwrap();
    ledger.complete().unwrap();
    (store, ledger)
}

fn send(ledger: &Ledger, relay: &Relay) -> Ended {
    let route = &Route::from(relay.clone());
    let (steer, policy) = (Steer::new(), Policy { connections: CONNECTIONS, ..Policy::default() });
    run(&Work {
        ledger,
        route,
        letters: &Post,
        finish: &Finish::default(),
        steer: &steer,
        policy,
        clock: Arc::new(clock::now),
    })
    .unwrap()
}

const CONNECTIONS: usize = 4;

/// A server of somebody else's, gone when dropped.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    fn start(mut command: Command, port: u16, wanted: &str) -> Peer {
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|e| {
            panic!("{wanted} is needed for this test and did not start ({e}); tests/run installs it")
        });
        let mut peer = Peer { child, port };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let gone = peer.child.try_wait().unwrap().is_some();
            assert!(
                !gone && Instant::now() < until,
                "{wanted} is needed for this test and does not listen; tests/run installs it"
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
        peer
    }

    fn relay(&self) -> Relay {
        Relay::parse(&format!("smtp://127.0.0.1:{}", self.port)).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn smtp_sink(options: &[&str]) -> Peer {
    let found = ["/usr/sbin/smtp-sink", "/usr/bin/smtp-sink"].into_iter().find(|p| Path::new(p).exists());
    let mut command = Command::new(found.unwrap_or("smtp-sink"));
    let port = free_port();
    if rustix::process::getuid().is_root() {
        command.args(["-u", "nobody"]);
    }
    command.args(options).args([&format!("127.0.0.1:{port}"), "100"]);
    Peer::start(command, port, "smtp-sink (Debian package postfix)")
}

/// What a run of twelve to this sink comes to.
fn twelve_to(options: &[&str]) -> (Ended, Counts) {
    let dir = tempfile::tempdir().unwrap();
    let (_store, ledger) = new_ledger(dir.path(), 12);
    let ended = send(&ledger, &smtp_sink(options).relay());
    let counts = ledger.counts().unwrap();
    assert!(counts.add_up());
    (ended, counts)
}

#[test]
fn smtp_sink_of_postfix_takes_every_message_as_it_was_written() {
    use std::os::unix::fs::PermissionsExt;
    let dumps = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dumps.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (_store, ledger) = new_ledger(dir.path(), 40);
    let template = format!("{}/mail.", dumps.path().display());
    let sink = smtp_sink(&["-d", &template]);
    assert_eq!(send(&ledger, &sink.relay()), Ended::Done);
    assert_eq!(ledger.counts().unwrap().sent, 40);
    let mut bodies: HashMap<String, u32> = HashMap::new();
    for file in std::fs::read_dir(dumps.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(text.contains("\n.a line with a dot\n"), "{text}");
        let to = text.lines().find_map(|l| l.strip_prefix("X-Rcpt-Args: ")).unwrap().to_owned();
        let who = to.trim_matches(['<', '>']).split('@').next().unwrap().to_owned();
        assert!(text.contains(&format!("\n{who} is the one\n")));
        *bodies.entry(who).or_default() += 1;
    }
    assert_eq!((bodies.len(), bodies.values().max()), (40, Some(&1)));
}

#[test]
fn smtp_sink_that_refuses_moves_each_row_where_the_rules_say() {
    let all = |counts: &Counts, state| counts.of(state) == 12;
    let (ended, counts) = twelve_to(&["-p"]);
    assert!(ended == Ended::Done && all(&counts, State::Sent), "without PIPELINING: {counts:?}");
    let (ended, counts) = twelve_to(&["-r", "rcpt"]);
    assert!(matches!(ended, Ended::Waiting { .. }) && all(&counts, State::Deferred), "{counts:?}");
    let (ended, counts) = twelve_to(&["-r", "."]);
    assert!(matches!(ended, Ended::Waiting { .. }) && all(&counts, State::Deferred), "{counts:?}");
    let (ended, counts) = twelve_to(&["-f", "rcpt"]);
    assert!(ended == Ended::Done && all(&counts, State::Failed), "{counts:?}");
    let (ended, counts) = twelve_to(&["-f", "mail"]);
    assert!(matches!(ended, Ended::Paused(_)) && all(&counts, State::Queued), "{counts:?}");
    let (ended, counts) = twelve_to(&["-f", "ehlo"]);
    assert!(matches!(ended, Ended::Paused(_)) && all(&counts, State::Queued), "{counts:?}");
    let (ended, counts) = twelve_to(&["-q", "rcpt"]);
    assert!(matches!(ended, Ended::Waiting { .. }) && all(&counts, State::Deferred), "{counts:?}");
    let (ended, counts) = twelve_to(&["-q", "."]);
    assert!(ended == Ended::Done && all(&counts, State::InDoubt), "{counts:?}");
}

const AIOSMTPD: &str = r#"
import ssl, sys, base64
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
class Keep:
    async def handle_DATA(self, server, session, envelope):
        print(envelope.rcpt_tos[0], base64.b64encode(envelope.content).decode(), flush=True)
        return '250 kept'
def sign_in(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b'taro', b'right')
    return AuthResult(success=right, handled=right)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server = Controller(Keep(), hostname='127.0.0.1', port=int(sys.argv[1]), tls_context=context,
    require_starttls=True, auth_required=True, authenticator=sign_in)
server.start()
import threading
threading.Event().wait()
"#;

#[test]
fn aiosmtpd_takes_mail_over_starttls_from_those_who_signed_in() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/relay");
    let (cert, key) = (format!("{data}/cert.pem"), format!("{data}/key.pem"));
    let port = free_port();
    let mut command = Command::new("python3");
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/python");
    if Path::new(tools).exists() {
        command.env("PYTHONPATH", tools);
    }
    command.args(["-c", AIOSMTPD, &port.to_string(), &cert, &key]).stdout(Stdio::piped());
    let mut peer = Peer::start(command, port, "python3 with aiosmtpd");
    let kept = BufReader::new(peer.child.stdout.take().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (_store, ledger) = new_ledger(dir.path(), 20);
    let authority = std::fs::read_to_string(format!("{data}/ca.pem")).unwrap();
    let relay = Relay::parse(&format!("smtp+starttls://taro@localhost:{port}")).unwrap().with_extra_ca(authority);
    let wrong = relay.clone().with_password(Secret::new(*b"wrong")).unwrap();
    assert!(matches!(send(&ledger, &wrong), Ended::Paused(_)));
    assert_eq!(ledger.counts().unwrap().queued, 20);
    assert_eq!(send(&ledger, &relay.with_password(Secret::new(*b"right")).unwrap()), Ended::Done);
    let mut to: Vec<String> = kept.lines().take(20).map(|l| l.unwrap().split(' ').next().unwrap().to_owned()).collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), ledger.counts().unwrap().sent), (20, 20));
}

/// Not a story of its own: the process that the next story kills.
#[test]
fn the_process_that_sends_and_is_killed() {
    let Some(dir) = std::env::var_os("HAKOBU_STORY_SENDS") else { return };
    let store = Store::open(Path::new(&dir), &root(), &[SCHEMA]).unwrap();
    let relay = Relay::parse(&std::env::var("HAKOBU_STORY_RELAY").unwrap()).unwrap();
    assert_eq!(send(&Ledger::open(&store, RUN).unwrap(), &relay), Ended::Done);
}

fn sender(dir: &Path, relay: &Relay) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "delivery::the_process_that_sends_and_is_killed"])
        .env("HAKOBU_STORY_SENDS", dir)
        .env("HAKOBU_STORY_RELAY", relay.url())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// More kills: `HAKOBU_KILLS=500 HAKOBU_SEED=7 cargo test --test stories killed_at_any_moment`.
#[test]
fn a_sender_killed_at_any_moment_loses_nobody_and_sends_nothing_twice_unasked() {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (kills, mut seed): (u64, u64) = (number("HAKOBU_KILLS", 6), number("HAKOBU_SEED", 20_261_120));
    let recipients = i64::try_from(kills * 60 + 60).unwrap();
    let dir = tempfile::tempdir().unwrap();
    drop(new_ledger(dir.path(), recipients));
    let keep = usize::try_from(recipients * 2).unwrap();
    let catcher = Catcher::start(Offer { keep, ..Offer::new(clock::now) }).unwrap();
    let relay = Relay::parse(&format!("smtp://{}", catcher.addr())).unwrap();
    for _ in 0..kills {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = sender(dir.path(), &relay);
        catcher.wait_for(catcher.count() + 1 + (seed >> 33) % 50, Duration::from_secs(20));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(sender(dir.path(), &relay).wait().unwrap().success());
    let store = Store::open(dir.path(), &root(), &[SCHEMA]).unwrap();
    let ledger = Ledger::open(&store, RUN).unwrap();
    let caught = |catcher: &Catcher| {
        let mut caught: HashMap<String, u32> = HashMap::new();
        catcher.mails().into_iter().for_each(|mail| *caught.entry(mail.to[0].clone()).or_default() += 1);
        caught
    };
    let (counts, first) = (ledger.counts().unwrap(), caught(&catcher));
    assert!(counts.add_up() && counts.sent + counts.in_doubt == recipients as u64, "seed {seed}: {counts:?}");
    assert!(counts.in_doubt <= kills * CONNECTIONS as u64, "seed {seed}: {counts:?}");
    for row in ledger.rows(None, keep).unwrap() {
        let times = first.get(&format!("{}@example.jp", row.contact)).copied().unwrap_or(0);
        let fits = if row.state == State::Sent { times == 1 } else { row.state == State::InDoubt && times <= 1 };
        assert!(fits, "seed {seed}: {} {:?} came {times} times", row.contact, row.state);
    }
    let doubtful: Vec<_> = ledger.in_doubt(None, keep).unwrap().into_iter().map(|row| row.contact).collect();
    assert_eq!(doubtful.len() as u64, counts.in_doubt);
    ledger.decide(&doubtful, Decision::Resend, clock::now()).unwrap();
    assert_eq!(send(&ledger, &relay), Ended::Done);
    let second = caught(&catcher);
    for n in 1..=recipients {
        let (who, times) = (ContactId(n), second.get(&format!("p{n}@example.jp")).copied().unwrap_or(0));
        assert!(times == 1 || (times == 2 && doubtful.contains(&who)), "seed {seed}: {who} came {times} times");
    }
}
