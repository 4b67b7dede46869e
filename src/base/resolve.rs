//! From a host name to addresses, without the C library: a static binary has no working `getaddrinfo`.

use crate::base::{Error, Kind, Result, Say};
use hickory_resolver::Resolver;
use hickory_resolver::proto::rr::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Literals and `localhost` without a question, then the hosts file, then DNS. `Kind::Missing`: there is no such name;
/// `Kind::Later`: nobody can say now.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![ip]);
    }
    if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let resolver = Resolver::builder_tokio().and_then(|b| b.build()).map_err(|_| {
        Error::later(say!(
            "この機械の名前解決の設定（/etc/resolv.conf）を使えません。",
            "This machine's resolver settings (/etc/resolv.conf) cannot be used."
        ))
    })?;
    // The question ends in a dot where it can: a search list must not turn a typing error into another host.
    let question = if host.contains('.') { format!("{}.", host.trim_end_matches('.')) } else { host.to_owned() };
    resolver.lookup_ip(question.as_str()).await.map(|found| found.iter().collect()).map_err(|e| {
        let (kind, says) = match e.is_no_records_found() {
            true => (Kind::Missing, no_such_name(host)),
            false => (Kind::Later, no_answer(host)),
        };
        Error::new(kind, says).because(e)
    })
}

fn no_such_name(host: &str) -> Say {
    say!("中継サーバー {host} という名前は見つかりません。", "There is no relay of the name {host}.")
}

fn no_answer(host: &str) -> Say {
    say!("中継サーバー {host} の名前を今は引けません。", "The relay's name {host} cannot be looked up now.")
}

/// The domain as it travels: in ASCII, non-ASCII labels as A-labels.
pub fn a_labels(domain: &str) -> Option<String> {
    match domain.is_ascii() {
        true => Some(domain.to_owned()),
        false => Name::from_utf8(domain).ok().map(|name| name.to_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_travels_in_ascii() {
        for (domain, want) in [("Example.jp", Some("Example.jp")), ("例え.jp", Some("xn--r8jz45g.jp"))] {
            assert_eq!(a_labels(domain).as_deref(), want);
        }
    }
}
