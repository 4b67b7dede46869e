//! What DNS says about a name: addresses, mail hosts, texts, reverse names, aliases.
//!
//! Every question has an end, and three answers: these records, certainly none, or nobody can say now. What decides
//! about mail must not take the third for the second.
//!
//! Unlike `resolve`, which reaches a host that an admin named, this asks the world what it publishes: no hosts file, no
//! search list. The name servers are the machine's own (`/etc/resolv.conf`, read anew now and then) or those of
//! `hakobu.toml`. Questions run on a thread of their own, so one `Names` serves any number of runtimes and threads.
//!
//! [`zone`] is a name server that answers from a list, for tests.

pub mod zone;

use crate::base::limits;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};

/// What is published under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records<T> {
    /// At least one.
    Found(Vec<T>),
    /// No such name, or no record of this kind.
    Absent,
    /// No answer in time, or a name server that could not say.
    Unknown,
}

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailHost {
    pub preference: u16,
    /// Without a dot at the end; empty for "takes no mail" (RFC 7505).
    pub host: String,
}

/// Asks DNS. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Names {
    asker: Arc<Asker>,
    most: Duration,
}

struct Asker {
    servers: Vec<SocketAddr>,
    desk: Mutex<Desk>,
}

/// Made when the first question comes: a house that only hands mail to a relay has none.
#[derive(Default)]
struct Desk {
    runtime: Option<Runtime>,
    resolver: Option<(TokioResolver, Instant)>,
}

impl<T> Records<T> {
    /// The records; nothing when there are none or nobody knows.
    pub fn found(self) -> Vec<T> {
        match self {
            Records::Found(list) => list,
            Records::Absent | Records::Unknown => Vec::new(),
        }
    }

    fn of(list: Vec<T>) -> Records<T> {
        if list.is_empty() { Records::Absent } else { Records::Found(list) }
    }

    fn map<U>(self, each: impl Fn(T) -> Option<U>) -> Records<U> {
        match self {
            Records::Found(list) => Records::of(list.into_iter().filter_map(each).collect()),
            Records::Absent => Records::Absent,
            Records::Unknown => Records::Unknown,
        }
    }

    /// Two questions about one thing: what is found counts, and "none" needs both to say so.
    fn and(self, other: Records<T>) -> Records<T> {
        match (self, other) {
            (Records::Found(mut a), Records::Found(b)) => {
                a.extend(b);
                Records::Found(a)
            }
            (Records::Found(a), _) | (_, Records::Found(a)) => Records::Found(a),
            (Records::Absent, Records::Absent) => Records::Absent,
            _ => Records::Unknown,
        }
    }
}

impl Names {
    /// Asks these servers; the machine's own when there are none.
    pub fn new(servers: &[SocketAddr]) -> Names {
        Names { asker: Arc::new(Asker { servers: servers.to_vec(), desk: Mutex::default() }), most: limits::DNS_TIME }
    }

    /// The same, with another bound for one question.
    pub fn within(self, most: Duration) -> Names {
        Names { most, ..self }
    }

    pub async fn addresses(&self, host: &str) -> Records<IpAddr> {
        let (v4, v6) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
        v4.and(v6).map(|data| data.ip_addr())
    }

    /// MX, the most wanted first.
    pub async fn mail_hosts(&self, domain: &str) -> Records<MailHost> {
        let found = self.ask(domain, RecordType::MX).await.map(|data| match data {
            RData::MX(mx) => Some(MailHost { preference: mx.preference, host: plain(&mx.exchange) }),
            _ => None,
        });
        match found {
            Records::Found(mut list) => {
                list.sort();
                Records::Found(list)
            }
            other => other,
        }
    }

    /// TXT, the strings of a record joined.
    pub async fn texts(&self, name: &str) -> Records<String> {
        self.ask(name, RecordType::TXT).await.map(|data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
    }

    /// PTR.
    pub async fn reverse(&self, ip: IpAddr) -> Records<String> {
        self.ask_of(Name::from(ip), RecordType::PTR).await.map(|data| match data {
            RData::PTR(host) => Some(plain(&host)),
            _ => None,
        })
    }

    /// CNAME.
    pub async fn alias(&self, name: &str) -> Records<String> {
        self.ask(name, RecordType::CNAME).await.map(|data| match data {
            RData::CNAME(target) => Some(plain(&target)),
            _ => None,
        })
    }

    /// Drops what earlier answers said: whoever has just published a record wants it looked up.
    pub fn forget(&self) {
        if let Some((resolver, _)) = &self.asker.desk.lock().unwrap_or_else(PoisonError::into_inner).resolver {
            resolver.clear_cache();
        }
    }

    /// For code outside of any runtime; `None` when this machine gives us no thread.
    pub fn wait<F: Future>(&self, questions: F) -> Option<F::Output> {
        let handle = self.asker.handle()?;
        Some(handle.block_on(questions))
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Records<RData> {
        match parsed(name) {
            Some(name) => self.ask_of(name, kind).await,
            // What cannot be a name is nobody's.
            None => Records::Absent,
        }
    }

    async fn ask_of(&self, mut name: Name, kind: RecordType) -> Records<RData> {
        name.set_fqdn(true);
        let (Some(handle), Some(resolver)) = (self.asker.handle(), self.asker.resolver()) else {
            return Records::Unknown;
        };
        let most = self.most;
        // A connection of the resolver belongs to the runtime that it was made in: always ours.
        let asked = handle.spawn(async move { tokio::time::timeout(most, resolver.lookup(name, kind)).await });
        match asked.await {
            Ok(Ok(Ok(found))) => {
                let wanted = found.answers().iter().filter(|r| r.record_type() == kind);
                Records::of(wanted.map(|r| r.data.clone()).collect())
            }
            Ok(Ok(Err(e))) if says_none(&e) => Records::Absent,
            _ => Records::Unknown,
        }
    }
}

/// NXDOMAIN or an empty answer; a referral to other servers is no answer.
fn says_none(e: &NetError) -> bool {
    matches!(e, NetError::Dns(DnsError::NoRecordsFound(none)) if none.ns.is_none() || none.soa.is_some())
}

fn parsed(name: &str) -> Option<Name> {
    match name.is_ascii() {
        true => Name::from_ascii(name).ok(),
        false => Name::from_utf8(name).ok(),
    }
    .filter(|name| !name.is_root())
}

/// Where the reverse name of an address stands: `7.2.0.192.in-addr.arpa`.
pub fn reverse_name(ip: IpAddr) -> String {
    plain(&Name::from(ip))
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_owned()
}

impl Asker {
    fn handle(&self) -> Option<Handle> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.runtime.is_none() {
            desk.runtime = Builder::new_multi_thread().worker_threads(1).thread_name("names").enable_all().build().ok();
        }
        desk.runtime.as_ref().map(|r| r.handle().clone())
    }

    /// The resolver of now. When the machine's settings cannot be read any more, those of before go on.
    fn resolver(&self) -> Option<TokioResolver> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let known = desk.resolver.as_ref().filter(|(_, made)| made.elapsed() < limits::DNS_KEPT);
        if known.is_none()
            && let Ok(made) = make(&self.servers)
        {
            desk.resolver = Some((made, Instant::now()));
        }
        desk.resolver.as_ref().map(|(resolver, _)| resolver.clone())
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let desk = self.desk.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Not waited for: the last clone may be dropped inside another runtime, where waiting is not allowed.
        if let Some(runtime) = desk.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn make(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = match servers {
        [] => TokioResolver::builder_tokio()?,
        named => {
            let servers = named.iter().map(server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            *builder.options_mut() = asked_in_order();
            builder
        }
    };
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    builder.options_mut().cache_size = limits::DNS_CACHE;
    builder.build()
}

fn asked_in_order() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.timeout = limits::DNS_TRY;
    options
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    server.connections = server.connections.into_iter().map(at).collect();
    server
}

#[cfg(test)]
mod tests {
    use super::zone::{Fault, Zone};
    use super::*;

    fn world() -> (Zone, Names) {
        let zone = Zone::start().unwrap();
        let names = Names::new(&[zone.addr()]);
        (zone, names)
    }

    fn asked<T>(names: &Names, question: impl Future<Output = T>) -> T {
        names.wait(question).unwrap()
    }

    #[test]
    fn every_kind_of_record_is_found() {
        let (zone, names) = world();
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        let six: IpAddr = "2001:db8::7".parse().unwrap();
        zone.address("mx.example.jp", ip).address("mx.example.jp", six);
        zone.mail_host("example.jp", 20, "b.example.jp").mail_host("example.jp", 10, "mx.example.jp");
        zone.text("_dmarc.example.jp", "v=DMARC1; p=none").text("long.example.jp", &"k".repeat(600));
        zone.reverse(ip, "mx.example.jp").reverse(six, "mx.example.jp").alias("www.example.jp", "mx.example.jp");
        assert_eq!(asked(&names, names.addresses("MX.Example.jp")), Records::Found(vec![ip, six]));
        assert_eq!(asked(&names, names.addresses("www.example.jp")), Records::Found(vec![ip, six]), "behind an alias");
        let hosts = asked(&names, names.mail_hosts("example.jp")).found();
        assert_eq!(hosts.iter().map(|h| h.host.as_str()).collect::<Vec<_>>(), ["mx.example.jp", "b.example.jp"]);
        let one = |text: &str| Records::Found(vec![text.to_owned()]);
        assert_eq!(asked(&names, names.texts("_dmarc.example.jp")), one("v=DMARC1; p=none"));
        assert_eq!(asked(&names, names.texts("long.example.jp")), one(&"k".repeat(600)), "joined from its strings");
        for ip in [ip, six] {
            assert_eq!(asked(&names, names.reverse(ip)), one("mx.example.jp"));
        }
        assert_eq!(asked(&names, names.alias("www.example.jp")), one("mx.example.jp"));
    }

    #[test]
    fn an_address_has_its_reverse_name() {
        assert_eq!(reverse_name("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        assert!(reverse_name("2001:db8::7".parse().unwrap()).starts_with("7.0.0.0."));
    }

    #[test]
    fn what_takes_no_mail_has_an_empty_host() {
        let (zone, names) = world();
        zone.mail_host("example.jp", 0, ".");
        let want = MailHost { preference: 0, host: String::new() };
        assert_eq!(asked(&names, names.mail_hosts("example.jp")), Records::Found(vec![want]));
    }

    #[test]
    fn nothing_there_and_nobody_knows_are_two_answers() {
        let (zone, names) = world();
        let names = names.within(Duration::from_millis(300));
        zone.text("example.jp", "v=spf1 -all").fault("broken.jp", Fault::ServerFailure);
        zone.fault("refused.jp", Fault::Refused).fault("silent.jp", Fault::Silence);
        for (name, want) in [
            ("nobody.jp", Records::Absent),
            ("jp", Records::Absent),
            ("not a name", Records::Absent),
            ("", Records::Absent),
            ("broken.jp", Records::Unknown),
            ("refused.jp", Records::Unknown),
            ("silent.jp", Records::Unknown),
        ] {
            assert_eq!(asked(&names, names.texts(name)), want, "{name}");
        }
        assert_eq!(
            asked(&names, names.mail_hosts("example.jp")),
            Records::Absent,
            "the name is there, the kind is not"
        );
        drop(zone);
        assert_eq!(asked(&names, names.texts("example.com")), Records::Unknown, "nobody listens");
    }

    #[test]
    fn half_an_answer_about_addresses_is_enough_to_reach_a_host_and_not_to_deny_it() {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        let found = || Records::Found(vec![ip]);
        for (a, b, want) in [
            (found(), Records::Unknown, found()),
            (Records::Absent, found(), found()),
            (Records::Absent, Records::Unknown, Records::Unknown),
            (Records::Absent, Records::Absent, Records::Absent),
        ] {
            assert_eq!(a.and(b), want);
        }
    }

    #[test]
    fn an_answer_is_kept_until_it_is_forgotten() {
        let (zone, names) = world();
        zone.text("example.jp", "one");
        assert_eq!(asked(&names, names.texts("example.jp")).found(), ["one"]);
        zone.remove("example.jp").text("example.jp", "two");
        assert_eq!(asked(&names, names.texts("example.jp")).found(), ["one"]);
        names.forget();
        assert_eq!(asked(&names, names.texts("example.jp")).found(), ["two"]);
        assert_eq!(zone.asked(), ["example.jp TXT", "example.jp TXT"]);
    }

    #[test]
    fn one_asker_serves_several_runtimes_after_one_another() {
        let (zone, names) = world();
        for n in 0..3 {
            let host = format!("mx{n}.example.jp");
            zone.address(&host, "192.0.2.7".parse().unwrap());
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            assert_eq!(runtime.block_on(names.addresses(&host)).found().len(), 1, "{n}");
        }
    }
}
