//! A conversation with the first of a destination's hosts that speaks with us.

use super::{Direct, mx};
use crate::base::Say;
use crate::base::names::Records;
use crate::delivery::smtp::session::{Guard, Peer, Session};
use crate::delivery::smtp::{Trouble, Waits};
use std::net::IpAddr;
use std::sync::atomic::Ordering;

pub(super) async fn open(direct: &Direct, hosts: &[String], waits: Waits) -> Result<Session, Trouble> {
    let settings = &direct.settings;
    let sender = &settings.senders[direct.turn.fetch_add(1, Ordering::Relaxed) % settings.senders.len()];
    let mut last = None;
    for host in hosts {
        let at = match addresses(direct, host, sender.from).await {
            Ok(at) => at,
            Err(trouble) => {
                last = Some(worse(last, trouble));
                continue;
            }
        };
        let hello = Some(sender.hello.as_str());
        let guard = Guard::Opportunistic;
        let mut peer = Peer { host, at, port: settings.port, guard, login: None, hello, from: sender.from };
        let mut opened = Session::open(&peer, &direct.trust, waits).await;
        if let Err(Trouble::NoTls(_)) = opened {
            peer.guard = Guard::Plain;
            opened = Session::open(&peer, &direct.trust, waits).await;
        }
        match opened {
            Ok(session) => return Ok(session),
            Err(trouble) => last = Some(worse(last, trouble)),
        }
    }
    Err(last.unwrap_or_else(|| Trouble::Away(nowhere(hosts.first().map_or("", String::as_str)))))
}

/// Where a host is, as far as we can and may go there.
async fn addresses(direct: &Direct, host: &str, from: Option<IpAddr>) -> Result<Vec<IpAddr>, Trouble> {
    // Without a sending address of that family IPv6 is left alone: PTR and SPF would not hold.
    let six = from.is_some_and(|ip| ip.is_ipv6());
    let mut found = match direct.names.addresses(host).await {
        Records::Found(found) => found,
        Records::Absent => return Err(Trouble::Ours(nowhere(host))),
        Records::Unknown => {
            return Err(Trouble::Away(say!(
                "{host} の名前を今は引けません。",
                "The name {host} cannot be looked up now."
            )));
        }
    };
    found.retain(|ip| ip.is_ipv6() == six);
    let may: Vec<IpAddr> = found.into_iter().filter(|ip| direct.settings.private || mx::is_public(*ip)).collect();
    match may.is_empty() {
        false => Ok(may),
        true => Err(Trouble::Ours(say!(
            "{host} は、このネットワークの中のアドレスを指しています。送っていません。",
            "{host} points to an address inside this network. Nothing was sent."
        ))),
    }
}

/// A host that answered says more than one that did not; a "not now" leaves more hope than a "no".
fn worse(before: Option<Trouble>, now: Trouble) -> Trouble {
    let weight = |trouble: &Trouble| match trouble {
        Trouble::Later(_) | Trouble::NoTls(_) => 2,
        Trouble::Away(_) => 1,
        Trouble::Ours(_) => 0,
    };
    match before {
        Some(before) if weight(&before) >= weight(&now) => before,
        Some(_) | None => now,
    }
}

fn nowhere(host: &str) -> Say {
    say!("{host} という名前のメールサーバーは見つかりません。", "There is no mail server of the name {host}.")
}
