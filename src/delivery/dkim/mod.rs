//! DKIM: mail carries the sending domain's signature, so that a receiver can hold the domain to it (RFC 6376, 8463).
//!
//! Keys come in pairs, RSA-2048 and Ed25519, under two selectors that carry the day (`hkb20261201r`, `hkb20261201e`).
//! A pair *waits* until its records are seen in DNS, then it is *active* and signs; when the next one becomes active, it is
//! *retiring*, still published for 14 days, then *gone*. Both keys of the active pair sign every message.
//!
//! Reading order: `pair`, `plan` (what becomes of pairs), `keys` (made, sealed, kept), `canon` (what is signed), `sign`.
//!
//! **Invariant:** a private key leaves the books only into a [`Signer`]; it stands sealed there, under its own name alone.
//! **Invariant:** nothing is signed with a key whose record was not seen, unless a person said so.

mod canon;
mod keys;
mod pair;
mod plan;
mod sign;

pub use keys::{all, create, next, of, turn};
pub use pair::{KeyRecord, Pair, State};
pub use sign::Signer;
