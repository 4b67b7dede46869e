//! The keyed hash of an address: what two spellings of one mailbox share, and what stays when a person is gone.

use crate::base::{Email, seal::Key};
use crate::store::Store;

/// The hash of one address. For many, make an `AddressHash` once.
pub fn address_hash(store: &Store, email: &Email) -> [u8; 16] {
    AddressHash::new(store).of(email)
}

/// The key made ready for many addresses.
pub struct AddressHash(Key);

impl AddressHash {
    pub fn new(store: &Store) -> AddressHash {
        AddressHash(store.keys().token("contacts/address"))
    }

    pub fn of(&self, email: &Email) -> [u8; 16] {
        let mac = self.0.mac(&[email.folded().as_bytes()]);
        let mut hash = [0; 16];
        hash.copy_from_slice(&mac[..16]);
        hash
    }
}

/// `contacts.addr` and `suppressions.addr`: the first 8 bytes of the hash, as a number.
pub(super) fn addr(hash: &[u8; 16]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}
