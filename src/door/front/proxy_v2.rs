//! The PROXY protocol, version 2: the few bytes in which a load balancer says whose connection it brings.
//!
//! Only what trusted proxies send is read, and only when that is switched on. The parser is pure; a property test feeds
//! it anything (`HAKOBU_FUZZ=1000000 cargo test proxy` to let it run for long).

use crate::base::limits;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;

/// The first sixteen bytes: how many come behind them.
fn length(fixed: &[u8; FIXED]) -> Option<usize> {
    let version_two = fixed.starts_with(SIGNATURE) && fixed[12] >> 4 == 2;
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    (version_two && length <= limits::PROXY_HEADER_MAX).then_some(length)
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The proxy's own connection (it looks whether we are well), or a family without an address.
    Nobody,
    From(IpAddr),
}

fn parse(fixed: &[u8; FIXED], rest: &[u8]) -> Option<Said> {
    if length(fixed)? != rest.len() {
        return None;
    }
    match (fixed[12] & 0x0f, fixed[13]) {
        (0, _) => Some(Said::Nobody),
        // TCP over IPv4: two addresses, two ports; more may follow.
        (1, 0x11) => match rest {
            [a, b, c, d, _, _, _, _, _, _, _, _, ..] => Some(Said::From(Ipv4Addr::new(*a, *b, *c, *d).into())),
            _ => None,
        },
        (1, 0x21) => {
            let source: [u8; 16] = rest.get(..16)?.try_into().ok()?;
            (rest.len() >= 36).then(|| Said::From(IpAddr::V6(Ipv6Addr::from(source)).to_canonical()))
        }
        (1, 0x00) => Some(Said::Nobody),
        _ => None,
    }
}

/// Reads exactly the header. An error when there is none: a proxy that was said to send it and does not is not
/// believed to be one.
pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut fixed = [0u8; FIXED];
    from.read_exact(&mut fixed).await?;
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut rest = vec![0u8; length(&fixed).ok_or_else(bad)?];
    from.read_exact(&mut rest).await?;
    match parse(&fixed, &rest).ok_or_else(bad)? {
        Said::Nobody => Ok(None),
        Said::From(ip) => Ok(Some(ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([version_command, family]);
        out.extend((rest.len() as u16).to_be_bytes());
        out.extend(rest);
        out
    }

    fn parsed(bytes: &[u8]) -> Option<Said> {
        let (fixed, rest) = bytes.split_first_chunk::<FIXED>()?;
        parse(fixed, rest)
    }

    #[test]
    fn the_source_is_read_and_everything_odd_is_refused() {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80];
        let mut v6 = [0u8; 36];
        v6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        v6[15] = 9;
        let with_more = [&v4[..], &[4, 0, 1, 0]].concat();
        let from = |ip: &str| Some(Said::From(ip.parse().unwrap()));
        for (bytes, want) in [
            (header(0x21, 0x11, &v4), from("192.0.2.7")),
            (header(0x21, 0x11, &with_more), from("192.0.2.7")),
            (header(0x21, 0x21, &v6), from("2001:db8::9")),
            (header(0x20, 0x00, &[]), Some(Said::Nobody)),
            (header(0x20, 0x11, &v4), Some(Said::Nobody)),
            (header(0x21, 0x00, &[]), Some(Said::Nobody)),
            (header(0x21, 0x11, &v4[..11]), None),
            (header(0x21, 0x21, &v6[..35]), None),
            (header(0x21, 0x12, &v4), None),
            (header(0x21, 0x31, &v4), None),
            (header(0x22, 0x11, &v4), None),
            (header(0x11, 0x11, &v4), None),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n".to_vec(), None),
        ] {
            assert_eq!(parsed(&bytes), want, "{bytes:?}");
        }
        assert_eq!(length(header(0x21, 0x11, &[0; 5000]).first_chunk().unwrap()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("HAKOBU_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(256)
        ))]

        #[test]
        fn nothing_that_is_sent_breaks_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            parsed(&bytes);
            let mut signed = SIGNATURE.to_vec();
            signed.extend(&bytes);
            parsed(&signed);
        }

        #[test]
        fn an_address_that_was_written_is_read_back(v6: bool, source: [u8; 16], tail in proptest::collection::vec(any::<u8>(), 0..64)) {
            let (family, want, mut rest) = match v6 {
                true => (0x21, IpAddr::from(source).to_canonical(), [source, source].concat()),
                false => {
                    let four: [u8; 4] = source[..4].try_into().unwrap();
                    (0x11, IpAddr::from(four), source[..8].to_vec())
                }
            };
            rest.extend([0; 4]);
            rest.extend(tail);
            prop_assert_eq!(parsed(&header(0x21, family, &rest)), Some(Said::From(want)));
        }
    }
}
