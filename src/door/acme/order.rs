//! One order, from the account to the certificate.

use super::Authority;
use super::client::Client;
use super::proofs::Proofs;
use super::vault::{Certificate, Vault};
use crate::base::{Error, Result};
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rustls::sign::CertifiedKey;

pub(super) async fn obtain(wanted: &Authority, vault: &Vault, proofs: &Proofs) -> Result<Certificate> {
    let account = account(wanted, vault).await?;
    let names: Vec<Identifier> = wanted.names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&names)).await.map_err(|e| failed(&e))?;
    prove(&mut order, wanted, proofs).await?;
    match order.poll_ready(&RetryPolicy::default()).await {
        Ok(OrderStatus::Ready) => {}
        Ok(status) => return Err(unproven(&format!("{status:?}"))),
        Err(instant_acme::Error::Api(problem)) => return Err(unproven(&problem.to_string())),
        Err(e) => return Err(failed(&e)),
    }
    let key = order.finalize().await.map_err(|e| failed(&e))?;
    let chain = order.poll_certificate(&RetryPolicy::default()).await.map_err(|e| failed(&e))?;
    Certificate::read(&wanted.names, chain, key)
}

async fn account(wanted: &Authority, vault: &Vault) -> Result<Account> {
    let directory = wanted.directory();
    let builder = || Client::new(wanted.roots.as_deref()).map(|c| Account::builder_with_http(Box::new(c)));
    if let Some(kept) = vault.account(directory)?.and_then(|v| serde_json::from_value(v).ok()) {
        return builder()?.from_credentials(kept).await.map_err(|e| failed(&e));
    }
    let contact = wanted.contact.as_ref().map(|address| format!("mailto:{address}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let asked = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = builder()?.create(&asked, directory.to_owned(), None).await;
    let (account, credentials) = made.map_err(|e| failed(&e))?;
    vault.keep_account(directory, &credentials)?;
    Ok(account)
}

async fn prove(order: &mut Order, wanted: &Authority, proofs: &Proofs) -> Result<()> {
    let mut authorizations = order.authorizations();
    while let Some(found) = authorizations.next().await {
        let authorization = found.map_err(|e| failed(&e))?;
        if authorization.status == AuthorizationStatus::Pending {
            prove_one(authorization, wanted, proofs).await?;
        }
    }
    Ok(())
}

async fn prove_one(mut authorization: AuthorizationHandle<'_>, wanted: &Authority, proofs: &Proofs) -> Result<()> {
    let offers = |kind: ChallengeType, a: &AuthorizationHandle<'_>| a.challenges.iter().any(|c| c.r#type == kind);
    let name = authorization.identifier().to_string();
    let kind = match (wanted.by_tls, wanted.by_http) {
        (true, _) if offers(ChallengeType::TlsAlpn01, &authorization) => ChallengeType::TlsAlpn01,
        (_, true) if offers(ChallengeType::Http01, &authorization) => ChallengeType::Http01,
        _ => return Err(no_way(&name)),
    };
    let mut challenge = authorization.challenge(kind.clone()).ok_or_else(|| no_way(&name))?;
    let proof = challenge.key_authorization();
    match kind {
        ChallengeType::TlsAlpn01 => proofs.show_certificate(&name, handshake(&name, proof.digest().as_ref())?),
        _ => proofs.show_text(&challenge.token, proof.as_str()),
    }
    challenge.set_ready().await.map_err(|e| failed(&e))
}

/// RFC 8737: a self-signed certificate for the name, with the digest of the proof in an extension.
fn handshake(name: &str, digest: &[u8]) -> Result<CertifiedKey> {
    let mut about = rcgen::CertificateParams::new(vec![name.to_owned()]).map_err(Error::bug)?;
    about.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(digest)];
    let key = rcgen::KeyPair::generate().map_err(Error::bug)?;
    let made = about.self_signed(&key).map_err(Error::bug)?;
    let secret = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).map_err(Error::bug)?;
    let secret = rustls::crypto::aws_lc_rs::sign::any_supported_type(&secret).map_err(Error::bug)?;
    Ok(CertifiedKey::new(vec![made.der().clone()], secret))
}

/// With the authority's own words about what was wrong.
fn unproven(why: &str) -> Error {
    Error::later(say!(
        "認証局が、この名前がこのサーバーのものだと確認できませんでした（{why}）。",
        "The certificate authority could not confirm that the name belongs to this server ({why})."
    ))
    .hint(say!(
        "DNS がこのサーバーを指しているか、ポート 80 と 443 に外から届くかを確認してください。",
        "Check that DNS points to this server and that ports 80 and 443 can be reached from outside."
    ))
}

fn no_way(name: &str) -> Error {
    Error::refused(say!(
        "認証局が求める確認の方法に、{name} では応じられません。",
        "None of the proofs that the authority asks of {name} can be given here."
    ))
    .hint(say!(
        "--http の待ち受け（ポート 80）か --https の待ち受け（ポート 443）が必要です。",
        "It takes a listener for --http (port 80) or for --https (port 443)."
    ))
}

fn failed(e: &instant_acme::Error) -> Error {
    let why = e.to_string();
    Error::later(say!(
        "認証局とのやり取りに失敗しました（{why}）。",
        "The certificate authority could not be used ({why})."
    ))
}
