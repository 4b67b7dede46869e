//! From a file to a release that may be installed: every check, in one order, with nothing written anywhere.

use super::bundle::{self, Head};
use super::keys::{KeysDocument, Roots};
use super::manifest::Manifest;
use super::plan::{self, Standing};
use crate::base::{Error, Result, limits};
use std::io::Read;

/// A release whose signatures are good and that may be installed here.
#[derive(Clone, Debug)]
pub struct Verified {
    pub head: Head,
    pub keys: KeysDocument,
    pub manifest: Manifest,
}

/// What the beginning of a bundle says and whether to believe and install it. The keys document is checked first: an
/// expired or older one says nothing about who signed.
pub fn verify_head(bytes: &[u8], roots: &Roots, standing: &Standing) -> Result<Verified> {
    let (head, keys, manifest) = open_head(bytes, roots, standing)?;
    plan::judge(&manifest, standing)?;
    Ok(Verified { head, keys, manifest })
}

/// The same without asking whether it fits here: for telling what a source has.
pub fn open_head(bytes: &[u8], roots: &Roots, standing: &Standing) -> Result<(Head, KeysDocument, Manifest)> {
    if roots.keys.is_empty() {
        return Err(plan::Refusal::NoRoots.into());
    }
    let head = Head::read(bytes)?;
    let keys = KeysDocument::open(&head.keys, roots)?;
    plan::judge_keys(&keys, standing)?;
    let manifest = Manifest::open(&head.manifest, &keys)?;
    Ok((head, keys, manifest))
}

/// A whole bundle: its head, then every byte of its body against what was signed.
pub fn verify(bundle: &mut dyn Read, roots: &Roots, standing: &Standing) -> Result<Verified> {
    let start = start_of(bundle)?;
    let verified = verify_head(&start, roots, standing)?;
    bundle::check_body(&mut start[verified.head.len..].chain(bundle), &verified.manifest)?;
    Ok(verified)
}

fn start_of(bundle: &mut dyn Read) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    bundle
        .take(limits::BUNDLE_HEAD_MAX as u64)
        .read_to_end(&mut start)
        .map_err(|e| Error::io(say!("更新ファイルを読めません。", "Cannot read the release."), e))?;
    Ok(start)
}
