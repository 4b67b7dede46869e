//! A name server that answers from a list and can fail on purpose: for tests, here and in the stories. It listens on
//! loopback only and asks nobody.

use crate::base::{Error, Result};
use hickory_resolver::proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How a name fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    ServerFailure,
    Refused,
    Silence,
}

pub struct Zone {
    addr: SocketAddr,
    inner: Arc<Inner>,
    answering: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    records: BTreeMap<String, Vec<RData>>,
    faults: BTreeMap<String, Fault>,
    asked: Vec<String>,
}

/// Seconds that an answer may be kept.
const TTL: u32 = 300;
/// Names in a chain of aliases.
const ALIASES: usize = 8;

impl Zone {
    pub fn start() -> Result<Zone> {
        let cannot = |e| Error::io(say!("名前の受け皿を開けません。", "The name server for tests cannot listen."), e);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
        let addr = socket.local_addr().map_err(cannot)?;
        let inner = Arc::new(Inner::default());
        let server = Arc::clone(&inner);
        let answering = std::thread::spawn(move || answer_all(&socket, &server));
        Ok(Zone { addr, inner, answering: Some(answering) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn address(&self, host: &str, ip: IpAddr) -> &Zone {
        self.put(host, if_v4(ip))
    }

    pub fn mail_host(&self, domain: &str, preference: u16, host: &str) -> &Zone {
        self.put(domain, RData::MX(MX::new(preference, name(host))))
    }

    /// Split into strings of 255 bytes.
    pub fn text(&self, at: &str, text: &str) -> &Zone {
        self.put(at, RData::TXT(TXT::from_bytes(text.as_bytes().chunks(255).collect())))
    }

    pub fn reverse(&self, ip: IpAddr, host: &str) -> &Zone {
        self.put(&Name::from(ip).to_ascii(), RData::PTR(PTR(name(host))))
    }

    pub fn alias(&self, at: &str, target: &str) -> &Zone {
        self.put(at, RData::CNAME(CNAME(name(target))))
    }

    /// Everything under this name, its fault too.
    pub fn remove(&self, at: &str) -> &Zone {
        let (mut state, at) = (self.inner.state(), key(&name(at)));
        state.records.remove(&at);
        state.faults.remove(&at);
        drop(state);
        self
    }

    pub fn fault(&self, at: &str, fault: Fault) -> &Zone {
        self.inner.state().faults.insert(key(&name(at)), fault);
        self
    }

    /// Every question so far: `example.jp TXT`.
    pub fn asked(&self) -> Vec<String> {
        self.inner.state().asked.clone()
    }

    fn put(&self, at: &str, data: RData) -> &Zone {
        self.inner.state().records.entry(key(&name(at))).or_default().push(data);
        self
    }
}

impl Drop for Zone {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        // A datagram of our own wakes the thread.
        let _woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|s| s.send_to(b"", self.addr));
        if let Some(thread) = self.answering.take() {
            let _ended = thread.join();
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn if_v4(ip: IpAddr) -> RData {
    match ip {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    }
}

/// What a test wrote, as a name; what is none becomes the root, where nothing is looked for.
fn name(text: &str) -> Name {
    Name::from_ascii(text).or_else(|_| Name::from_utf8(text)).unwrap_or_default()
}

fn key(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn answer_all(socket: &UdpSocket, inner: &Inner) {
    let mut buffer = [0u8; 4096];
    while !inner.stop.load(Ordering::SeqCst) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let Ok(asked) = Message::from_vec(&buffer[..len]) else { continue };
        if let Some(bytes) = inner.state().answer(&asked).and_then(|m| m.to_vec().ok()) {
            // Whoever asked may have gone.
            socket.send_to(&bytes, from).ok();
        }
    }
}

impl State {
    fn answer(&mut self, asked: &Message) -> Option<Message> {
        let query = asked.queries.first()?.clone();
        let at = key(query.name());
        self.asked.push(format!("{at} {}", query.query_type()));
        let mut message = Message::response(asked.metadata.id, OpCode::Query);
        message.metadata.recursion_desired = asked.metadata.recursion_desired;
        message.metadata.recursion_available = true;
        message.metadata.response_code = match self.faults.get(&at) {
            Some(Fault::Silence) => return None,
            Some(Fault::ServerFailure) => ResponseCode::ServFail,
            Some(Fault::Refused) => ResponseCode::Refused,
            None => {
                message.add_answers(self.chain(&query));
                let there = self.exists(&at);
                if there { ResponseCode::NoError } else { ResponseCode::NXDomain }
            }
        };
        message.add_query(query);
        Some(message)
    }

    /// The records, behind their aliases.
    fn chain(&self, query: &Query) -> Vec<Record> {
        let (mut answers, mut at) = (Vec::new(), query.name().clone());
        for _ in 0..ALIASES {
            let here = self.records.get(&key(&at)).map_or(&[][..], Vec::as_slice);
            let matching = here.iter().filter(|d| d.record_type() == query.query_type());
            let before = answers.len();
            answers.extend(matching.map(|d| Record::from_rdata(at.clone(), TTL, d.clone())));
            let Some(RData::CNAME(target)) = here.iter().find(|d| d.record_type() == RecordType::CNAME) else { break };
            if answers.len() > before {
                break;
            }
            answers.push(Record::from_rdata(at.clone(), TTL, RData::CNAME(target.clone())));
            at = target.0.clone();
        }
        answers
    }

    /// A name is also there when something stands below it.
    fn exists(&self, at: &str) -> bool {
        let below = format!(".{at}");
        self.records.keys().any(|k| k == at || k.ends_with(&below))
    }
}
