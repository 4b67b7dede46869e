//! Names and addresses of the machine: HELO, reverse names, where failures come back.

use super::{Finding, publish};
use crate::base::names::{MailHost, Records};
use crate::base::{Domain, Say};
use crate::delivery::domains::known::Known;
use crate::delivery::domains::records::{self, Check, Profile, RecordType, Wanted};
use std::net::IpAddr;

pub(super) fn findings(profile: &Profile, known: &Known) -> Vec<Finding> {
    let mut list = vec![from_host(profile, known)];
    let Some(helo) = profile.helo() else { return list };
    list.push(return_path(profile, helo, known));
    for ip in profile.sending.public() {
        list.push(address(helo, ip, known));
        list.push(reverse(helo, ip, known));
    }
    list.extend(advice(profile, known));
    list
}

/// A domain that cannot be answered: docomo and others refuse it in From.
fn from_host(profile: &Profile, known: &Known) -> Finding {
    let domain = profile.domain();
    let wanted = Wanted {
        check: Check::FromHost,
        name: domain.to_string(),
        kind: RecordType::Mx,
        value: String::new(),
        required: true,
        why: say!(
            "差出人のドメインに返信が届くようにします。MX も A もないドメインからのメールは、断られることがあります。",
            "Replies to From find a host. Mail from a domain without MX and A is refused by some."
        ),
    };
    let fix = || {
        say!(
            "返信を受け取るメールサーバーの MX を公開するか、A または AAAA を公開してください。",
            "Publish the MX of the server that takes replies, or an A or AAAA record."
        )
    };
    match (known.mail_hosts(domain.as_str()), known.addresses(domain.as_str())) {
        (Records::Found(hosts), _) if hosts.iter().any(|h| h.host.is_empty()) => Finding::different(
            wanted,
            shown(&hosts),
            say!("メールを受け取らないドメインだと公開されています。", "The domain says that it takes no mail."),
            fix(),
        ),
        (Records::Found(hosts), _) => Finding::there(wanted, shown(&hosts), say!("MX があります。", "It has an MX.")),
        (_, Records::Found(ips)) => {
            let ips = ips.iter().map(IpAddr::to_string).collect();
            Finding::there(wanted, ips, say!("アドレスがあります。", "It has an address."))
        }
        (Records::Absent, Records::Absent) => {
            Finding::missing(wanted, say!("MX もアドレスもありません。", "It has neither MX nor address."), fix())
        }
        _ => Finding::unknown(wanted),
    }
}

fn shown(hosts: &[MailHost]) -> Vec<String> {
    hosts.iter().map(|h| format!("{} {}", h.preference, if h.host.is_empty() { "." } else { &h.host })).collect()
}

fn return_path(profile: &Profile, helo: &Domain, known: &Known) -> Finding {
    let wanted = records::return_path(&profile.entry, helo);
    let hosts = match known.mail_hosts(profile.entry.return_path.as_str()) {
        Records::Unknown => return Finding::unknown(wanted),
        Records::Absent => {
            let says =
                say!("MX がありません。エラーメールが戻りません。", "There is no MX: failures do not come back.");
            return Finding::missing(wanted, says, publish());
        }
        Records::Found(hosts) => hosts,
    };
    let (ours, others): (Vec<_>, Vec<_>) = hosts.iter().partition(|h| h.host.eq_ignore_ascii_case(helo.as_str()));
    let found = shown(&hosts);
    match (ours.is_empty(), others.is_empty()) {
        (false, true) => {
            Finding::there(wanted, found, say!("このサーバーに戻ります。", "They come back to this server."))
        }
        (false, false) => Finding::different(
            wanted,
            found,
            say!("ほかのサーバーにも戻ることがあります。", "They may come back to another server as well."),
            say!("このサーバーの MX だけにしてください。", "Leave this server's MX alone there."),
        ),
        (true, _) => Finding::different(
            wanted,
            found,
            say!("別のサーバーに戻ります。", "They come back to another server."),
            publish(),
        ),
    }
}

fn address(helo: &Domain, ip: IpAddr, known: &Known) -> Finding {
    let wanted = records::address(helo, ip);
    match known.addresses(helo.as_str()) {
        Records::Unknown => Finding::unknown(wanted),
        Records::Found(ips) if ips.contains(&ip) => Finding::there(
            wanted,
            ips.iter().map(IpAddr::to_string).collect(),
            say!("公開されています。", "It is published."),
        ),
        Records::Found(ips) => Finding::different(
            wanted,
            ips.iter().map(IpAddr::to_string).collect(),
            say!("名前は別のアドレスを指しています。", "The name leads to another address."),
            publish(),
        ),
        Records::Absent => Finding::missing(wanted, say!("公開されていません。", "It is not published."), publish()),
    }
}

fn reverse(helo: &Domain, ip: IpAddr, known: &Known) -> Finding {
    let wanted = records::reverse(ip, Some(helo));
    let names = match known.reverse(ip) {
        Records::Unknown => return Finding::unknown(wanted),
        Records::Absent => {
            let says = say!("逆引きがありません。", "There is no reverse name.");
            return Finding::missing(wanted, says, ask_provider());
        }
        Records::Found(names) => names,
    };
    let leads_back: Vec<Records<IpAddr>> = names.iter().map(|name| known.addresses(name)).collect();
    let confirmed = leads_back.iter().any(|found| matches!(found, Records::Found(ips) if ips.contains(&ip)));
    let same = names.iter().any(|name| name.eq_ignore_ascii_case(helo.as_str()));
    match (confirmed, same) {
        (false, _) if leads_back.contains(&Records::Unknown) => Finding { found: names, ..Finding::unknown(wanted) },
        (false, _) => Finding::different(
            wanted,
            names,
            say!(
                "逆引きの名前から、このアドレスに戻れません。",
                "The reverse name does not lead back to this address."
            ),
            ask_provider(),
        ),
        (true, true) => Finding::there(wanted, names, say!("逆引きは正しく戻ります。", "It leads there and back.")),
        (true, false) => Finding::there(
            wanted,
            names,
            say!(
                "逆引きは正しく戻りますが、送信サーバーの名前とは違います。そろえるとなお安心です。",
                "It leads there and back, though not by the name in HELO; the same name would be better."
            ),
        ),
    }
}

fn ask_provider() -> Say {
    say!(
        "回線やサーバーの事業者に、逆引きをこの名前にするよう頼んでください。",
        "Ask whoever rents you the line or the server to set the reverse name to this."
    )
}

/// Good to have for a server that takes mail.
fn advice(profile: &Profile, known: &Known) -> Vec<Finding> {
    let path = &profile.entry.return_path;
    let mut list = vec![optional(
        known,
        "v=STSv1",
        Wanted {
            check: Check::MtaSts,
            name: format!("_mta-sts.{path}"),
            kind: RecordType::Txt,
            value: "v=STSv1; id=1".to_owned(),
            required: false,
            why: say!(
                "エラーメールを暗号化して送ってもらいます（MTA-STS）。https://mta-sts.{path}/.well-known/mta-sts.txt も必要です。任意です。",
                "Asks senders to encrypt what they return (MTA-STS). Needs https://mta-sts.{path}/.well-known/mta-sts.txt as well. Optional."
            ),
        },
    )];
    if let Some(to) = &profile.entry.reports {
        list.push(optional(
            known,
            "v=TLSRPTv1",
            Wanted {
                check: Check::TlsReports,
                name: format!("_smtp._tls.{path}"),
                kind: RecordType::Txt,
                value: format!("v=TLSRPTv1; rua=mailto:{to}"),
                required: false,
                why: say!(
                    "暗号化に失敗した件数の報告を受け取ります。任意です。",
                    "Reports of failed encryption. Optional."
                ),
            },
        ));
    }
    list
}

fn optional(known: &Known, start: &str, wanted: Wanted) -> Finding {
    match known.texts(&wanted.name) {
        Records::Unknown => Finding::unknown(wanted),
        Records::Found(texts) if texts.iter().any(|t| t.starts_with(start)) => {
            Finding::there(wanted, texts, say!("公開されています。", "It is published."))
        }
        Records::Found(_) | Records::Absent => {
            let says =
                say!("公開されていません。なくても送信できます。", "It is not published. Mail leaves without it.");
            Finding::missing(wanted, says, say!("", ""))
        }
    }
}
