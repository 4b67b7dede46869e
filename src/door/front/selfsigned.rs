//! A certificate of our own making, for first use and for listeners that only the operator meets. Kept sealed, so that
//! browsers that were told to trust it need not be told again at each start.

use super::tls;
use crate::base::seal::Key;
use crate::base::{Error, Result, clock, files, limits};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

const AAD: &[u8] = b"door/self-signed";
const DAY: i64 = 24 * 3600 * 1000;

#[derive(Serialize, Deserialize)]
struct Kept {
    until: i64,
    names: Vec<String>,
    chain: String,
    key: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// The kept one while it is good for these names, else a new one.
pub(crate) fn open(file: &Path, seal: &Key, names: &[String]) -> Result<CertifiedKey> {
    let now = clock::now().ms();
    let kept = std::fs::read(file).ok().and_then(|sealed| seal.open(AAD, &sealed).ok());
    let kept = kept.map(Zeroizing::new).and_then(|plain| serde_json::from_slice::<Kept>(&plain).ok());
    let good = kept.filter(|k| k.names == names && k.until - now > limits::SELF_SIGNED_LEFT_DAYS * DAY);
    let kept = match good {
        Some(kept) => kept,
        // One that is missing, damaged or sealed by another key is nothing to mourn.
        None => make(names, now).and_then(|new| keep(file, seal, new))?,
    };
    tls::pair(kept.chain.as_bytes(), kept.key.as_bytes(), &say!("自己署名の証明書", "the self-signed certificate"))
}

fn keep(file: &Path, seal: &Key, new: Kept) -> Result<Kept> {
    let plain = Zeroizing::new(serde_json::to_vec(&new).map_err(|e| Error::bug(format!("self-signed: {e}")))?);
    if let Some(folder) = file.parent() {
        files::make_private_dir(folder)?;
    }
    files::replace_file(file, &seal.seal(AAD, &plain)?, 0o600)?;
    Ok(new)
}

fn make(names: &[String], now: i64) -> Result<Kept> {
    let cannot = |e: rcgen::Error| {
        Error::refused(say!("この名前の証明書を作れません。", "Cannot make a certificate for these names."))
            .because(e)
            .hint(say!("ホスト名か IP アドレスを指定してください。", "Give host names or IP addresses."))
    };
    let mut params = CertificateParams::new(names.to_vec()).map_err(cannot)?;
    let until = now + limits::SELF_SIGNED_DAYS * DAY;
    let day = |ms: i64| {
        let date = clock::Time(ms).date(&jiff::tz::TimeZone::UTC);
        rcgen::date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(now - DAY);
    params.not_after = day(until);
    params.distinguished_name.push(DnType::CommonName, "Hakobu");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(cannot)?;
    let chain = params.self_signed(&key).map_err(cannot)?.pem();
    Ok(Kept { until, names: names.to_vec(), chain, key: key.serialize_pem() })
}
