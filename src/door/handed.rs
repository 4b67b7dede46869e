//! Sockets that listen already when this process begins, handed over by systemd (`hakobu-http.socket`,
//! `hakobu-https.socket`, `hakobu-smtp.socket`): ports below 1024 without a permission, and open while the service is restarted.

use super::front::{Listening, Speaks};
use crate::base::link::Surface;
use crate::base::{Error, Kind, Result};
use listenfd::ListenFd;

/// Once, before there is any thread: what is taken is taken out of the environment too, so that no child thinks it
/// was meant.
pub fn handed() -> Result<Vec<Listening>> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut sockets = ListenFd::from_env();
    let mut listening = Vec::new();
    for (at, speaks) in spoken(&names, sockets.len())?.into_iter().enumerate() {
        let taken = sockets.take_tcp_listener(at).map_err(|e| {
            Error::io(
                say!("systemd から渡されたソケットを使えません。", "Cannot use the socket that systemd handed over."),
                e,
            )
        })?;
        listening.extend(taken.map(|socket| Listening { socket, surface: Surface::Public, speaks }));
    }
    Ok(listening)
}

/// What each socket speaks, by the names in their order.
fn spoken(names: &str, sockets: usize) -> Result<Vec<Speaks>> {
    let names: Vec<&str> = names.split(':').collect();
    (0..sockets)
        .map(|at| match names.get(at).copied() {
            Some("http") => Ok(Speaks::Http),
            Some("https") => Ok(Speaks::Https),
            Some("smtp") => Ok(Speaks::Smtp),
            other => {
                let name = other.unwrap_or_default();
                Err(Error::new(
                    Kind::Config,
                    say!(
                        "systemd から渡されたソケットの名前「{name}」は、http、https、smtp のどれでもありません。",
                        "systemd handed over a socket named \"{name}\", which is neither http, https nor smtp."
                    ),
                )
                .hint(say!(
                    "ソケットのユニットに FileDescriptorName=http、https または smtp を書いてください。",
                    "Write FileDescriptorName=http, https or smtp into its socket unit."
                )))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_told_apart_by_their_names() {
        use Speaks::{Http, Https};
        for (names, sockets, want) in [
            ("", 0, Some(vec![])),
            ("http:https", 0, Some(vec![])),
            ("http:https", 2, Some(vec![Http, Https])),
            // One unit may hold several addresses.
            ("https:https:http", 3, Some(vec![Https, Https, Http])),
            ("hakobu.socket", 1, None),
            ("", 1, None),
            ("https:smtp", 2, Some(vec![Https, Speaks::Smtp])),
            ("http", 2, None),
        ] {
            assert_eq!(spoken(names, sockets).ok(), want, "{names} {sockets}");
        }
    }
}
