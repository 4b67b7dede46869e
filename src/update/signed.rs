//! A signed document: `{"signed":{…},"signatures":[…]}`. Pure.
//!
//! What is signed are the very bytes between the two names, so nothing has to be written the same way twice, a person
//! can read them, and a later release may add fields. Around them there is exactly one way to write the document: a
//! byte that is not as we write it is refused, so that no bit of a release's file is free.
//!
//! Before the bytes a role is signed too: a keys document is never a manifest.

use super::keys::PublicKey;
use super::plan::Refusal;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const HEAD: &[u8] = b"{\"signed\":";
const MIDDLE: &[u8] = b",\"signatures\":";
const TAIL: &[u8] = b"}\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Keys,
    Manifest,
}

impl Role {
    pub(super) fn message(self, body: &[u8]) -> Vec<u8> {
        let name: &[u8] = match self {
            Role::Keys => b"hakobu keys 1\n",
            Role::Manifest => b"hakobu manifest 1\n",
        };
        [name, body].concat()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    pub(super) key: String,
    pub(super) signature: String,
}

pub(super) struct Signed<'a> {
    pub(super) body: &'a [u8],
    pub(super) signatures: Vec<Signature>,
}

impl<'a> Signed<'a> {
    pub(super) fn split(bytes: &'a [u8]) -> Option<Signed<'a>> {
        let inner = bytes.strip_prefix(HEAD)?.strip_suffix(TAIL)?;
        // The last one: a string inside the body cannot hold it with its quotes, and what follows must be the list.
        let at = inner.windows(MIDDLE.len()).rposition(|w| w == MIDDLE)?;
        let (body, list) = (&inner[..at], &inner[at + MIDDLE.len()..]);
        let signatures: Vec<Signature> = serde_json::from_slice(list).ok()?;
        (serde_json::to_vec(&signatures).ok()? == list).then_some(Signed { body, signatures })
    }

    pub(super) fn join(body: &[u8], signatures: &[Signature]) -> serde_json::Result<Vec<u8>> {
        Ok([HEAD, body, MIDDLE, &serde_json::to_vec(signatures)?, TAIL].concat())
    }

    /// The ids of those of `known` who have signed, each once. A signature that is false, or there twice, is no oversight.
    pub(super) fn signers<'k>(
        &self,
        role: Role,
        known: impl Fn(&str) -> Option<&'k PublicKey>,
    ) -> Result<BTreeSet<String>, Refusal> {
        let message = role.message(self.body);
        let mut signers = BTreeSet::new();
        for signature in &self.signatures {
            let Some(key) = known(&signature.key) else { continue };
            let bytes = BASE64.decode(signature.signature.as_bytes()).unwrap_or_default();
            if !key.verifies(&message, &bytes) || !signers.insert(signature.key.clone()) {
                return Err(Refusal::FalseSignature { key: signature.key.clone() });
            }
        }
        Ok(signers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_a_signed_document() {
        let signatures = [Signature { key: "a".into(), signature: "b".into() }];
        let whole = Signed::join(b"{\"x\": 1}", &signatures).unwrap();
        let back = Signed::split(&whole).unwrap();
        assert_eq!((back.body, &back.signatures[..]), (&b"{\"x\": 1}"[..], &signatures[..]));
        let text = String::from_utf8(whole).unwrap();
        for (from, to) in [
            ("{\"signed\"", "{ \"signed\""),
            ("[{", "[ {"),
            ("}]}\n", "}]}"),
            ("}]}\n", "}]}\n\n"),
            ("\"key\":\"a\"", "\"key\":\"a\",\"more\":1"),
            ("\"key\":\"a\"", "\"k\\u0065y\":\"a\""),
            ("signatures", "Signatures"),
        ] {
            assert_ne!(text, text.replace(from, to));
            assert!(Signed::split(text.replace(from, to).as_bytes()).is_none(), "{from} → {to}");
        }
    }

    #[test]
    fn a_list_of_signatures_inside_the_signed_part_is_not_taken_for_the_real_one() {
        let inside = b"{\"x\":1,\"signatures\":[]}";
        let whole = Signed::join(inside, &[Signature { key: "a".into(), signature: "b".into() }]).unwrap();
        assert_eq!(Signed::split(&whole).unwrap().body, inside);
    }
}
