//! One message at once, outside any ledger: test mails, notices; and the check of the way out.

use super::attempt::too_big;
use super::destination::Destination;
use super::direct::Found;
use super::engine::runtime;
use super::smtp::session::{Content, Envelope, Session};
use super::smtp::{Step, Waits, refused};
use super::{Letter, Policy, Reply, Route, plan};
use crate::base::{Error, Result, Say, clock, limits};
use std::sync::Arc;

/// The reply is the acceptance of the next host.
pub fn send_one(route: &Route, letter: &Letter) -> Result<Reply> {
    route.verify()?;
    let waits = Waits::all(limits::SMTP_CONNECT);
    runtime()?.block_on(async {
        let mut session = open(route, letter.to.domain(), waits).await?;
        let wire_form = plan::on_the_wire(&letter.message);
        let no = |say: Say| Error::refused(say);
        let reply = match session.envelope(letter, wire_form.len()).await {
            Envelope::Open => match session.content(&wire_form).await {
                Content::Answered(reply) if reply.class() == 2 => reply,
                Content::Answered(reply) => return Err(no(refused(Step::Dot, &reply))),
                Content::NotSent | Content::NoAnswer => return Err(lost()),
            },
            Envelope::Refused(step, reply) => return Err(no(refused(step, &reply))),
            Envelope::Lost => return Err(lost()),
            Envelope::Impossible(_) => {
                return Err(no(say!(
                    "この宛先には送れません。",
                    "This address cannot be written to through this server."
                )));
            }
            Envelope::TooBig { limit } => return Err(no(too_big(limit))),
        };
        session.quit().await;
        Ok(reply)
    })
}

/// Everything but a message: name, connection, greeting, TLS, sign-in. An error says which of them failed and why. Where
/// mail goes straight to the receivers there is nobody to ask.
pub fn check(route: &Route) -> Result<()> {
    route.verify()?;
    match route {
        Route::Direct(_) => Ok(()),
        Route::Relay(_) => runtime()?.block_on(async {
            open(route, "", Waits::all(limits::SMTP_CONNECT)).await?.quit().await;
            Ok(())
        }),
    }
}

pub(super) async fn open(route: &Route, domain: &str, waits: Waits) -> Result<Session> {
    let to = destination(route, domain).await?;
    route.open(&to, None, waits).await.map_err(|trouble| match route {
        Route::Relay(_) => trouble.into_error().hint(hint()),
        Route::Direct(_) => trouble.into_error(),
    })
}

async fn destination(route: &Route, domain: &str) -> Result<Arc<Destination>> {
    let direct = match route {
        Route::Relay(_) => {
            return route
                .relay_for(&Policy::default())
                .map(Arc::new)
                .ok_or_else(|| Error::bug("a route without a relay"));
        }
        Route::Direct(direct) => direct,
    };
    let domain = crate::base::resolve::a_labels(domain).unwrap_or_default().to_ascii_lowercase();
    match direct.find(&domain, clock::now()).await {
        Found::At(to) => Ok(to),
        Found::Never(_) => Err(Error::refused(say!("{domain} はメールを受け取りません。", "{domain} takes no mail."))),
        Found::NotNow => Err(Error::later(say!(
            "{domain} の配送先を今は調べられません。",
            "Where mail for {domain} goes cannot be looked up now."
        ))),
    }
}

fn lost() -> Error {
    Error::later(say!("メールサーバーとの接続が切れました。", "The connection to the mail server was lost."))
}

fn hint() -> Say {
    say!(
        "中継サーバーの設定（ホスト、ポート、暗号化、ユーザー名、パスワード）を確かめてください。",
        "Check the relay's settings: host, port, encryption, user and password."
    )
}
