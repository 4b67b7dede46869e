//! What the front decides without clock, socket or disk: whether a target is clean, whose request it is, which
//! headers go on.

use crate::base::limits;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// Why a request is answered by the door itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not HTTP as everybody reads it in the same way.
    Malformed,
    UriTooLong,
    Method,
    NotFound,
    TooLarge,
    /// The body came too slowly.
    TooSlow,
    /// The client went away while sending; nobody reads the answer.
    Gone,
    TooMany {
        wait: u32,
    },
    /// Too many at once.
    Crowded,
    /// No worker answers.
    Maintenance,
    /// A worker died over this request.
    Died,
    /// What the worker said makes no sense, or it took too long.
    Broken,
    DiskFull,
}

impl Fault {
    pub(crate) fn status(self) -> u16 {
        match self {
            Fault::Malformed | Fault::Gone => 400,
            Fault::UriTooLong => 414,
            Fault::Method => 405,
            Fault::NotFound => 404,
            Fault::TooLarge => 413,
            Fault::TooSlow => 408,
            Fault::TooMany { .. } => 429,
            Fault::Crowded | Fault::Maintenance | Fault::Died | Fault::DiskFull => 503,
            Fault::Broken => 502,
        }
    }

    /// Seconds after which trying again makes sense.
    pub(crate) fn retry_after(self) -> Option<u32> {
        match self {
            Fault::TooMany { wait } => Some(wait),
            Fault::Crowded | Fault::Maintenance | Fault::Died | Fault::DiskFull => Some(limits::RETRY_AFTER),
            _ => None,
        }
    }

    /// What comes after such a request on the same connection cannot be trusted to be a request.
    pub(crate) fn ends_connection(self) -> bool {
        matches!(self, Fault::Malformed | Fault::UriTooLong | Fault::TooLarge | Fault::TooSlow | Fault::Gone)
    }
}

/// The path and query as the worker gets them: ASCII, and no path that means another one.
pub(crate) fn target(uri: &Uri) -> Result<Cow<'_, str>, Fault> {
    let text = uri.path_and_query().map_or("/", |p| p.as_str());
    if text.len() > limits::URL_MAX {
        return Err(Fault::UriTooLong);
    }
    let path = text.split('?').next().unwrap_or_default();
    if !path.starts_with('/') || !path.split('/').all(segment_is_clean) {
        return Err(Fault::Malformed);
    }
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Cow::Borrowed(text));
    }
    let ascii: String = text.bytes().fold(String::with_capacity(text.len() * 2), |mut out, b| {
        match b.is_ascii_graphic() {
            true => out.push(char::from(b)),
            false => out.extend(['%', hex_digit(b >> 4), hex_digit(b & 15)]),
        }
        out
    });
    if ascii.len() > limits::URL_MAX { Err(Fault::UriTooLong) } else { Ok(Cow::Owned(ascii)) }
}

fn hex_digit(n: u8) -> char {
    char::from_digit(u32::from(n), 16).unwrap_or('0').to_ascii_uppercase()
}

/// Text without control characters once decoded, and not a step to another folder.
fn segment_is_clean(segment: &str) -> bool {
    if segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return true;
    }
    let Some(plain) = decode(segment) else { return false };
    let Ok(plain) = std::str::from_utf8(&plain) else { return false };
    !matches!(plain, "." | "..") && !plain.split(['/', '\\']).any(|s| s == "..") && !plain.contains(char::is_control)
}

/// Percent-decoded; `None` when a `%` has no two digits behind it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let mut digit = || bytes.next().and_then(|d| char::from(d).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}

/// The one host that a request names, in whatever way it does.
pub(crate) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, Fault> {
    let mut named = headers.get_all(header::HOST).iter();
    let first = named.next().map(|h| h.to_str().map_err(|_| Fault::Malformed)).transpose()?;
    let host = match (uri.authority().map(|a| a.as_str()), first) {
        (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => a,
        (Some(a), None) => a,
        (None, Some(b)) => b,
        _ => return Err(Fault::Malformed),
    };
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    match named.next().is_none() && !host.is_empty() && host.len() <= 255 && host.bytes().all(fine) {
        true => Ok(host),
        false => Err(Fault::Malformed),
    }
}

/// Without a port; the brackets of IPv6 stay.
pub(crate) fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

pub(crate) fn method_is_taken(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        .contains(method)
}

/// May be sent twice without doing anything twice.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whose request it is: the peer, or, when the peer is a proxy of ours, the last address that it and other proxies
/// of ours did not write about each other.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let ours = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    if trusted.is_empty() || !ours(peer) {
        return peer;
    }
    let lines: Vec<&HeaderValue> = headers.get_all("x-forwarded-for").iter().collect();
    let mut known = peer;
    for line in lines.into_iter().rev() {
        // What cannot be read was not written by a proxy of ours: whatever stands left of it is hearsay.
        let Ok(text) = line.to_str() else { return known };
        for hop in text.rsplit(',') {
            let Some(ip) = address(hop.trim()) else { return known };
            known = ip;
            if !ours(ip) {
                return ip;
            }
        }
    }
    known
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    let ip: Option<IpAddr> = text.parse().ok();
    let ip = ip.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()));
    let ip = ip.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6));
    ip.map(|ip| ip.to_canonical())
}

/// What a proxy of ours says that the client speaks.
pub(crate) fn forwarded_https(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
    let ours = trusted.iter().any(|net| net.contains(&peer));
    let last = headers.get_all("x-forwarded-proto").iter().next_back().and_then(|v| v.to_str().ok());
    ours && last.and_then(|v| v.rsplit(',').next()).is_some_and(|v| v.trim().eq_ignore_ascii_case("https"))
}

/// One home or one rented machine has a whole IPv6 network of 64 bits.
pub(crate) fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// Belongs to one connection, not to the message.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Says something that only the door may say, or that the door says anew.
fn is_the_doors(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with(crate::base::link::header::PREFIX)
        || name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "x-real-ip" | "proxy" | "host" | "content-length" | "expect")
}

/// Takes out what does not go on to the worker.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || is_the_doors(name));
}

/// Takes out of an answer what was between worker and door.
pub(crate) fn strip_answer(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || name.as_str().starts_with(crate::base::link::header::PREFIX));
}

fn strip(headers: &mut HeaderMap, out: impl Fn(&HeaderName) -> bool) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let gone: Vec<HeaderName> = headers.keys().filter(|n| out(n) || named.contains(n)).cloned().collect();
    for name in gone {
        headers.remove(&name);
    }
}

/// The worker reads ASCII alone: anything else in a value becomes `?`, so that one odd cookie of a neighbour does
/// not cost the whole request.
pub(crate) fn ascii_values(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if value.as_bytes().iter().any(|b| !b.is_ascii()) {
            let plain: Vec<u8> = value.as_bytes().iter().map(|b| if b.is_ascii() { *b } else { b'?' }).collect();
            *value = HeaderValue::from_bytes(&plain).unwrap_or(HeaderValue::from_static("?"));
        }
    }
}

/// HTTP/2 sends each cookie in a header of its own; HTTP/1.1 knows one.
pub(crate) fn one_cookie(headers: &mut HeaderMap) {
    let all: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if all.len() > 1
        && let Ok(one) = HeaderValue::from_bytes(&all.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, one);
    }
}

/// Bytes that must have come by then for a body not to be too slow: until when is `read` enough?
pub(crate) fn body_may_take(read: u64) -> std::time::Duration {
    limits::BODY_GRACE + std::time::Duration::from_millis(read.saturating_mul(1000) / limits::BODY_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_as_it_is_or_not_at_all() {
        for (given, want) in [
            ("/", Ok("/")),
            ("/u/abc-_1?x=1&y=%FF", Ok("/u/abc-_1?x=1&y=%FF")),
            ("/a%20b/%E6%97%A5", Ok("/a%20b/%E6%97%A5")),
            ("/日?q=本", Ok("/%E6%97%A5?q=%E6%9C%AC")),
            ("/a..b/...", Ok("/a..b/...")),
            ("/?x=../..", Ok("/?x=../..")),
            ("/../etc", Err(Fault::Malformed)),
            ("/a/..", Err(Fault::Malformed)),
            ("/a/./b", Err(Fault::Malformed)),
            ("/a/%2e%2E/b", Err(Fault::Malformed)),
            ("/a/.%2e", Err(Fault::Malformed)),
            ("/a/..%2fb", Err(Fault::Malformed)),
            ("/a/..%5cb", Err(Fault::Malformed)),
            ("/a%00b", Err(Fault::Malformed)),
            ("/a%0d%0ab", Err(Fault::Malformed)),
            ("/a%7f", Err(Fault::Malformed)),
            ("/a%c2%85", Err(Fault::Malformed)),
            ("/%FF", Err(Fault::Malformed)),
            ("/%C0%AE%C0%AE/", Err(Fault::Malformed)),
            ("/%zz", Err(Fault::Malformed)),
            ("/%2", Err(Fault::Malformed)),
            ("*", Err(Fault::Malformed)),
        ] {
            let uri: Uri = given.parse().unwrap();
            assert_eq!(target(&uri).as_deref(), want.as_ref().copied(), "{given}");
        }
        let long: Uri = format!("/{}", "a".repeat(limits::URL_MAX)).parse().unwrap();
        assert_eq!(target(&long), Err(Fault::UriTooLong));
        let grows: Uri = format!("/?{}", "日".repeat(limits::URL_MAX / 4)).parse().unwrap();
        assert_eq!(target(&grows), Err(Fault::UriTooLong));
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        for (uri, hosts, want) in [
            ("/", &["a.example"][..], Ok("a.example")),
            ("/", &["[::1]:8080"], Ok("[::1]:8080")),
            ("http://a.example/", &["A.example"], Ok("a.example")),
            ("https://a.example:444/", &[], Ok("a.example:444")),
            ("http://a.example/", &["b.example"], Err(Fault::Malformed)),
            ("http://u@a.example/", &["u@a.example"], Err(Fault::Malformed)),
            ("/", &["a.example", "a.example"], Err(Fault::Malformed)),
            ("/", &["a b"], Err(Fault::Malformed)),
            ("/", &["a.example/x"], Err(Fault::Malformed)),
            ("/", &[""], Err(Fault::Malformed)),
            ("/", &[], Err(Fault::Malformed)),
        ] {
            let mut headers = HeaderMap::new();
            for h in hosts {
                headers.append(header::HOST, h.parse().unwrap());
            }
            assert_eq!(host(&uri.parse().unwrap(), &headers), want, "{uri} {hosts:?}");
        }
        assert_eq!(["a:1", "[::1]:2", "[::1]", "a"].map(host_name), ["a", "[::1]", "[::1]", "a"]);
    }

    #[test]
    fn the_client_is_the_last_address_that_no_proxy_of_ours_wrote_about_a_proxy_of_ours() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|n| n.parse().unwrap()).into();
        for (peer, lines, want) in [
            ("192.0.2.9", &["1.1.1.1"][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["9.9.9.9, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["9.9.9.9, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["9.9.9.9", "1.1.1.1", "10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["1.1.1.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.1.1.1:443"], "1.1.1.1"),
            ("fd00::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["::ffff:10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["127.0.0.1"], "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            assert_eq!(client(peer.parse().unwrap(), &headers, &trusted).to_string(), want, "{peer} {lines:?}");
            assert_eq!(client(peer.parse().unwrap(), &headers, &[]).to_string(), peer);
        }
    }

    #[test]
    fn the_scheme_is_believed_of_a_proxy_of_ours_alone() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let said = HeaderMap::from_iter([("x-forwarded-proto".parse().unwrap(), "http, https".parse().unwrap())]);
        assert!(forwarded_https("10.1.1.1".parse().unwrap(), &said, &trusted));
        assert!(!forwarded_https("192.0.2.1".parse().unwrap(), &said, &trusted));
    }

    #[test]
    fn one_ipv6_network_counts_as_one_address() {
        let of = |ip: &str| counted_as(ip.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((of("192.0.2.1"), of("::ffff:192.0.2.1")), ("192.0.2.1".into(), "192.0.2.1".into()));
    }

    #[test]
    fn what_belongs_to_the_connection_or_to_the_door_does_not_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "1"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("hakobu-from", "1.2.3.4"),
            ("hakobu-anything", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("proxy", "evil"),
            ("expect", "100-continue"),
            ("accept", "*/*"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ] {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers.append("user-agent", HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap());
        strip_request(&mut headers);
        one_cookie(&mut headers);
        ascii_values(&mut headers);
        let mut left: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, [("accept", "*/*"), ("cookie", "a=1; b=2"), ("user-agent", "caf??")]);
    }

    #[test]
    fn a_slow_body_gets_its_grace_and_then_a_second_for_every_kilobyte() {
        assert_eq!(body_may_take(0).as_secs(), 20);
        assert_eq!(body_may_take(10 << 10).as_secs(), 30);
    }
}
