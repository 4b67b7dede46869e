//! Stories of this room on a real store.

mod consent;
mod failure;
mod segment;

use super::{AddressHash, SCHEMA};
use crate::base::{By, Email, Time, ids::ContactId, seal::Key};
use crate::contacts::address::addr;
use crate::store::Store;

struct Room {
    store: Store,
    _dir: tempfile::TempDir,
}

const NOW: Time = Time(1_795_000_000_000);

fn by() -> By {
    By::Cli("test".into())
}

fn room() -> Room {
    let dir = tempfile::tempdir().unwrap();
    let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
    Room { store, _dir: dir }
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

impl Room {
    fn run(&self, sql: &str) {
        self.store.write(&by(), NOW, "test.write", |tx| Ok(tx.execute_batch(sql)?)).unwrap();
    }

    fn contact(&self, id: i64, address: &str, created: Time, changed: Time) -> ContactId {
        let at = addr(&AddressHash::new(&self.store).of(&email(address)));
        let (created, changed) = (created.ms(), changed.ms());
        self.run(&format!(
            "INSERT INTO contacts (id, email, addr, search, created, changed) VALUES ({id}, '{address}', {at}, '', {created}, {changed})"
        ));
        ContactId(id)
    }
}
