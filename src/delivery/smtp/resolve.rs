//! From a host name to addresses, without the C library: a static binary has no working `getaddrinfo`.

use super::Trouble;
use hickory_resolver::Resolver;
use hickory_resolver::proto::rr::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Literals and `localhost` without a question, then the hosts file, then DNS.
pub(in crate::delivery) async fn addresses(host: &str) -> Result<Vec<IpAddr>, Trouble> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![ip]);
    }
    if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let unusable = |_| {
        Trouble::Later(say!(
            "この機械の名前解決の設定（/etc/resolv.conf）を使えません。",
            "This machine's resolver settings (/etc/resolv.conf) cannot be used."
        ))
    };
    let resolver = Resolver::builder_tokio().and_then(|b| b.build()).map_err(unusable)?;
    // The question ends in a dot where it can: a search list must not turn a typing error into another host.
    let question = if host.contains('.') { format!("{}.", host.trim_end_matches('.')) } else { host.to_owned() };
    match resolver.lookup_ip(question.as_str()).await {
        Ok(found) => Ok(found.iter().collect()),
        Err(e) if e.is_no_records_found() => Err(Trouble::Ours(say!(
            "中継サーバー {host} という名前は見つかりません。",
            "There is no relay of the name {host}."
        ))),
        Err(_) => Err(Trouble::Later(say!(
            "中継サーバー {host} の名前を今は引けません。",
            "The relay's name {host} cannot be looked up now."
        ))),
    }
}

/// The domain as it travels: in ASCII, non-ASCII labels as A-labels.
pub(super) fn a_labels(domain: &str) -> Option<String> {
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
