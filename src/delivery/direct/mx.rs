//! Where a domain's mail goes, decided from what DNS said (RFC 5321 section 5, RFC 7505), and which addresses may be
//! gone to.

use crate::base::limits;
use crate::base::names::{MailHost, Records};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Hosts in the order in which they are tried, or why there is nowhere to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    Hosts(Vec<String>),
    /// The domain says that it takes no mail.
    NullMx,
    /// The best host is this server.
    Ourselves,
    NotKnown,
}

/// `ours` are this server's names; `throw` spreads the load over hosts of the same preference.
pub(super) fn path(domain: &str, mx: Records<MailHost>, ours: &[String], throw: u64) -> Path {
    let mut found = match mx {
        Records::Unknown => return Path::NotKnown,
        // No MX record: the domain itself is the host, if it has an address.
        Records::Absent => return Path::Hosts(vec![bare(domain)]),
        Records::Found(found) => found,
    };
    found.retain(|mx| !bare(&mx.host).is_empty());
    if found.is_empty() {
        return Path::NullMx;
    }
    found.sort();
    let is_ours = |mx: &&MailHost| ours.iter().any(|name| name.eq_ignore_ascii_case(&bare(&mx.host)));
    if let Some(own) = found.iter().find(is_ours).map(|mx| mx.preference) {
        found.retain(|mx| mx.preference < own);
    }
    if found.is_empty() {
        return Path::Ourselves;
    }
    Path::Hosts(in_turn(found, throw))
}

/// Hosts of the same preference take turns.
fn in_turn(mut found: Vec<MailHost>, mut throw: u64) -> Vec<String> {
    for group in found.chunk_by_mut(|a, b| a.preference == b.preference) {
        let n = group.len() as u64;
        group.rotate_left((throw % n) as usize);
        throw /= n;
    }
    let mut hosts: Vec<String> = Vec::new();
    for mx in found {
        let host = bare(&mx.host);
        if !hosts.contains(&host) && hosts.len() < limits::MX_HOSTS {
            hosts.push(host);
        }
    }
    hosts
}

fn bare(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a host of the internet can stand there. An MX record is somebody else's word, and must not lead into this
/// network.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = (a == 192 && b == 0 && c == 0) || (a == 198 && (b == 18 || b == 19)) || a >= 240 || a == 0;
    let private = ip.is_private() || ip.is_loopback() || ip.is_link_local();
    !(private || ip.is_multicast() || ip.is_documentation() || shared || special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out; documentation and the old tunnels stand inside it.
    let [a, b, ..] = ip.segments();
    (a & 0xe000) == 0x2000 && !(a == 0x2001 && b < 0x0200) && !(a == 0x2001 && b == 0x0db8) && a != 0x3fff
}

/// Mapped, translated (64:ff9b::/96) and 6to4 addresses lead to the one inside.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 = |hi: u16, lo: u16| Ipv4Addr::from((u32::from(hi) << 16) | u32::from(lo));
    match s {
        [0, 0, 0, 0, 0, 0xffff, hi, lo] | [0x64, 0xff9b, 0, 0, 0, 0, hi, lo] => Some(v4(hi, lo)),
        [0x2002, hi, lo, ..] => Some(v4(hi, lo)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Path {
        Path::Hosts(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_order_of_hosts_is_that_of_their_preference() {
        let mx = |(preference, host): &(u16, &str)| MailHost { preference: *preference, host: (*host).to_owned() };
        let found = |list: &[(u16, &str)]| Records::Found(list.iter().map(mx).collect());
        let ours = ["mail.us.jp".to_owned()];
        for (mx, throw, want) in [
            (found(&[(20, "b.jp."), (10, "A.jp.")]), 0, hosts(&["a.jp", "b.jp"])),
            (found(&[(10, "a.jp"), (10, "b.jp"), (20, "c.jp")]), 0, hosts(&["a.jp", "b.jp", "c.jp"])),
            (found(&[(10, "a.jp"), (10, "b.jp"), (20, "c.jp")]), 1, hosts(&["b.jp", "a.jp", "c.jp"])),
            (found(&[(10, "a.jp"), (20, "a.jp")]), 0, hosts(&["a.jp"])),
            (found(&[(0, ".")]), 0, Path::NullMx),
            (found(&[(0, "."), (10, "a.jp")]), 0, hosts(&["a.jp"])),
            (Records::Absent, 0, hosts(&["example.jp"])),
            (Records::Unknown, 0, Path::NotKnown),
            // Mail that comes back to us would go round in circles: only hosts before us count.
            (found(&[(10, "a.jp"), (20, "MAIL.us.jp."), (30, "c.jp")]), 0, hosts(&["a.jp"])),
            (found(&[(10, "a.jp"), (10, "mail.us.jp")]), 0, Path::Ourselves),
            (found(&[(10, "mail.us.jp"), (20, "c.jp")]), 0, Path::Ourselves),
        ] {
            assert_eq!(path("Example.jp", mx.clone(), &ours, throw), want, "{mx:?}");
        }
    }

    #[test]
    fn a_long_list_of_hosts_is_cut() {
        let many = (0..1_000).map(|n| MailHost { preference: n, host: format!("h{n}.jp") }).collect();
        let Path::Hosts(kept) = path("x.jp", Records::Found(many), &[], 7) else { panic!("hosts") };
        assert_eq!((kept.len(), kept[0].as_str()), (limits::MX_HOSTS, "h0.jp"));
    }

    #[test]
    fn an_address_of_this_network_is_no_place_for_mail() {
        for (ip, public) in [
            ("8.8.8.8", true),
            ("203.0.114.1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("2400:cb00::1", true),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::a00:1", false),
            ("2002:7f00:1::", false),
        ] {
            assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
        }
    }
}
