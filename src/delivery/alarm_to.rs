//! To whom the alarm goes, kept beside the relay that carries it. How it leaves when all else is down is another room's
//! business: it gets a copy.

use super::rows;
use crate::base::{By, Email, Error, Result, Time};
use crate::store::{Deed, Store};

const NAME: &str = "alarm_to";

/// `None` before somebody was named.
pub fn alarm_to(store: &Store) -> Result<Option<Email>> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(None) };
    let bytes = store.keys().token("delivery/settings").open(NAME.as_bytes(), &sealed)?;
    String::from_utf8(bytes).map_err(Error::bug).and_then(|text| Email::parse(&text)).map(Some)
}

pub fn set_alarm_to(store: &Store, by: &By, now: Time, to: &Email) -> Result<()> {
    let sealed = store.keys().token("delivery/settings").seal(NAME.as_bytes(), to.as_str().as_bytes())?;
    store.write(by, now, Deed::new("delivery.set_alarm_to", NAME), |tx| rows::set_setting(tx, NAME, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    #[test]
    fn the_alarm_address_comes_back_and_is_not_in_the_books_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[crate::delivery::SCHEMA]).unwrap();
        assert_eq!(alarm_to(&store).unwrap(), None);
        let to = Email::parse("ops@example.jp").unwrap();
        set_alarm_to(&store, &By::house("test"), Time(1), &to).unwrap();
        assert_eq!(alarm_to(&store).unwrap(), Some(to));
        let kept = store.read(|c| rows::setting(c, NAME)).unwrap().unwrap();
        assert!(!kept.windows(4).any(|w| w == b"ops@"));
    }
}
