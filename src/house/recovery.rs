//! The recovery code: the second way to the keys, on paper. It is shown once, when it is made, and counts as kept when
//! somebody has typed it back. Until then the house reminds of it, and a new one can be made.

use super::{Boot, House};
use crate::base::{By, Result, Secret, Time};
use crate::store::{Keyring, RecoveryCode};

impl House {
    pub fn recovery_is_confirmed(&self) -> Result<bool> {
        Ok(Keyring::status(&self.data, &Boot::read(&self.data)?.key)?.recovery_confirmed.is_some())
    }

    /// The one before opens nothing afterwards.
    pub fn new_recovery_code(&self, by: &By, now: Time) -> Result<Secret> {
        self.store.write(by, now, "key.new_code", |_| Ok(()))?;
        Ok(Secret::new(self.store.keys().renew_recovery(now)?.printed()))
    }

    /// Somebody has it on paper, and types it in to show it.
    pub fn confirm_recovery(&self, by: &By, now: Time, typed: &str) -> Result<()> {
        self.store.keys().check_recovery(&RecoveryCode::parse(typed)?, now)?;
        self.store.write(by, now, "key.confirm", |_| Ok(()))
    }
}
