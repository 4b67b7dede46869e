//! One mail in one conversation with the relay, each step of it bounded. The name is looked up here and the library is
//! given an address, with the name for TLS: a static binary has no working `getaddrinfo`.

use super::{Event, Settings};
use crate::base::smtp::Tls as Way;
use crate::base::{Email, Error, Kind, Lang, Result, Say, Time, limits, resolve, seal};
use data_encoding::HEXLOWER;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, SmtpTransport, Transport};
use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, UNIX_EPOCH};

/// Sends it, or says why it did not leave. The reason holds nothing that the relay said: a reply may quote an address.
pub(super) fn send(settings: &Settings, event: &Event, before: u32, now: Time) -> Result<()> {
    let message = write(settings, event, before, now)?;
    let settings = settings.clone();
    let (tell, told) = mpsc::channel();
    // A relay that answers a byte now and then would hold a conversation for hours: it is given up, and ends by itself.
    std::thread::Builder::new()
        .name("alarm mail".into())
        .spawn(move || tell.send(converse(&settings, &message)).ok())
        .map_err(|e| Error::io(say!("警報を送れません。", "Cannot send the alarm."), e))?;
    told.recv_timeout(limits::ALARM_TIME).unwrap_or_else(|_| Err(late()))
}

fn converse(settings: &Settings, message: &Message) -> Result<()> {
    let tls = protection(settings)?;
    let mut last = late();
    for ip in addresses(&settings.host)? {
        match transport(settings, ip, tls.clone()).send_raw(message.envelope(), &message.formatted()) {
            Ok(_) => return Ok(()),
            // An answer is an answer: another address of the same relay would give the same one.
            Err(e) if e.status().is_some() => return Err(why(settings, &e)),
            Err(e) => last = why(settings, &e),
        }
    }
    Err(last)
}

fn addresses(host: &str) -> Result<Vec<IpAddr>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::bug)?;
    let looked_up = async { tokio::time::timeout(limits::ALARM_STEP, resolve::addresses(host)).await };
    runtime.block_on(looked_up).unwrap_or_else(|_| Err(late()))
}

fn protection(settings: &Settings) -> Result<Tls> {
    if settings.tls == Way::Plain {
        return Ok(Tls::None);
    }
    let bad = |e: lettre::transport::smtp::Error| {
        Error::new(Kind::Config, say!("警報の TLS の設定を使えません。", "The alarm's TLS settings cannot be used."))
            .because(e)
    };
    let name = resolve::a_labels(&settings.host).unwrap_or_default();
    let mut tls = TlsParameters::builder(name);
    if let Some(pem) = &settings.extra_ca {
        tls = tls.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(bad)?);
    }
    let tls = tls.build().map_err(bad)?;
    Ok(match settings.tls {
        Way::Plain => Tls::None,
        Way::StartTls => Tls::Required(tls),
        Way::Implicit => Tls::Wrapper(tls),
    })
}

fn transport(settings: &Settings, ip: IpAddr, tls: Tls) -> SmtpTransport {
    let mut smtp = SmtpTransport::builder_dangerous(ip.to_string())
        .port(settings.port)
        .tls(tls)
        .timeout(Some(limits::ALARM_STEP))
        .hello_name(ClientId::Domain(resolve::a_labels(settings.from.domain()).unwrap_or_default()));
    if let Some(login) = &settings.login {
        let password = login.password.text().unwrap_or_default().to_owned();
        smtp = smtp.credentials(Credentials::new(login.user.clone(), password));
    }
    smtp.build()
}

fn write(settings: &Settings, event: &Event, before: u32, now: Time) -> Result<Message> {
    let Settings { lang, house, .. } = settings;
    let (from, to) = (address(&settings.from)?, address(&settings.to)?);
    let title = event.title().to(*lang).to_owned();
    let id = HEXLOWER.encode(&seal::random::<12>()?);
    let at = Duration::from_millis(u64::try_from(now.ms()).unwrap_or_default());
    let mut message = Message::builder()
        .date(UNIX_EPOCH + at)
        .from(Mailbox::new(Some("Hakobu".into()), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(subject(*lang, house, &title))
        .message_id(Some(format!("<{id}@{}>", from.domain())))
        .envelope(Envelope::new(Some(from), vec![to]).map_err(Error::bug)?)
        .header(ContentType::TEXT_PLAIN)
        .body(event.body(*lang, house, before, now).replace('\n', "\r\n"))
        .map_err(Error::bug)?;
    // Absence notes are not answered to it (RFC 3834).
    message
        .headers_mut()
        .insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    Ok(message)
}

fn subject(lang: Lang, house: &str, title: &str) -> String {
    let line: String = house.chars().filter(|c| !c.is_control()).collect();
    lang.pick(format!("【警報】{line}: {title}"), format!("[Alarm] {line}: {title}"))
}

/// A domain in A-labels, a quoted local part where it must be.
fn address(email: &Email) -> Result<Address> {
    let envelope = email.envelope();
    let local = &envelope[..envelope.len() - email.domain().len() - 1];
    let domain = resolve::a_labels(email.domain()).unwrap_or_default();
    Address::new(local, domain).map_err(|e| {
        Error::refused(say!("このアドレスには警報を送れません。", "An alarm cannot be sent to this address."))
            .hint(say!("別のメールアドレスを指定してください。", "Name another mail address."))
            .because(e)
    })
}

/// Whether alarms can go to an address at all.
pub fn takes(email: &Email) -> Result<()> {
    address(email).map(drop)
}

fn why(settings: &Settings, e: &lettre::transport::smtp::Error) -> Error {
    let (host, port) = (&settings.host, settings.port);
    let says = match e.status().map(u16::from) {
        Some(code @ (530 | 534 | 535 | 538)) => say!(
            "中継サーバー {host}:{port} が認証を拒否しました（{code}）。",
            "The relay {host}:{port} refused the sign-in ({code})."
        ),
        Some(code) => say!(
            "中継サーバー {host}:{port} が警報を受け取りませんでした（{code}）。",
            "The relay {host}:{port} did not take the alarm ({code})."
        ),
        None if e.is_tls() => say!(
            "中継サーバー {host}:{port} と TLS で話せません。",
            "The relay {host}:{port} does not speak TLS as expected."
        ),
        None if e.is_timeout() => {
            say!("中継サーバー {host}:{port} が応答しません。", "The relay {host}:{port} does not answer.")
        }
        None if e.is_client() => say!(
            "中継サーバー {host}:{port} が必要な機能に対応していません。",
            "The relay {host}:{port} lacks what is needed (STARTTLS, AUTH or 8BITMIME)."
        ),
        None => say!("中継サーバー {host}:{port} に接続できません。", "Cannot connect to the relay {host}:{port}."),
    };
    let Say { ja, en } = says;
    Error::later(say!("{ja}", "{en}"))
}

fn late() -> Error {
    Error::later(say!("中継サーバーが時間内に応答しませんでした。", "The relay did not answer in time."))
}
