//! The release that waits to be installed: one that a look found at the source, or a bundle that somebody brought. It
//! stands in the books, so that a restart forgets nothing; the bytes of a bundle are a blob, sealed like any other.
//!
//! Nothing of it is believed when it is installed: `prepare` checks every byte again.

use super::rows;
use super::{Version, source::PURPOSE};
use crate::base::{Build, By, Error, Result, Say, Time};
use crate::store::{BlobId, Deed, Store};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// A release that may be installed here, as its signed manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub version: Version,
    pub size: u64,
    pub made: Time,
    pub expires: Time,
    pub notes: Say,
    /// The blob of a bundle that was brought; without one, the source has it.
    pub bundle: Option<String>,
}

const NAME: &str = "offer";

impl Offer {
    pub fn is_file(&self) -> bool {
        self.bundle.is_some()
    }

    /// Does this still lead anywhere?
    fn stands(&self, running: &Version, now: Time) -> bool {
        self.version > *running && self.expires > now
    }

    fn blob(&self) -> Option<BlobId> {
        self.bundle.as_deref().and_then(BlobId::parse)
    }
}

/// What waits, unless it has been installed or has expired since.
pub fn get(store: &Store, build: Build, now: Time) -> Result<Option<Offer>> {
    let running = Version::parse(build.version)?;
    let here = |o: &Offer| !o.is_file() || o.blob().is_some_and(|b| store.blobs().exists(&b));
    Ok(kept(store)?.filter(|o| o.stands(&running, now) && here(o)))
}

fn kept(store: &Store) -> Result<Option<Offer>> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(None) };
    let bytes = store.keys().token(PURPOSE).open(NAME.as_bytes(), &sealed)?;
    serde_json::from_slice(&bytes).map_err(Error::bug)
}

/// Keeps the bytes of a bundle, for an offer that names them.
pub fn keep_bundle(store: &Store, from: impl Read) -> Result<String> {
    Ok(store.blobs().put(from)?.0.as_str().to_owned())
}

/// The bundle that an offer names; `None` where the source has it.
pub fn bundle(store: &Store, offer: &Offer) -> Result<Option<impl Read + use<>>> {
    offer.blob().map(|blob| store.blobs().read(&blob)).transpose()
}

/// In the place of what waited before, whose bytes go. The same again is no change.
pub fn set(store: &Store, by: &By, now: Time, offer: Option<&Offer>) -> Result<()> {
    let before = kept(store)?;
    if before.as_ref() == offer {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&offer).map_err(Error::bug)?;
    let sealed = store.keys().token(PURPOSE).seal(NAME.as_bytes(), &bytes)?;
    let about = offer.map_or_else(|| "-".to_owned(), |o| o.version.to_string());
    store.write(by, now, Deed::new("update.offer", about), |tx| rows::set_setting(tx, NAME, &sealed))?;
    match before.and_then(|b| b.blob()).filter(|b| offer.and_then(Offer::blob).as_ref() != Some(b)) {
        Some(blob) => store.blobs().remove(&blob),
        None => Ok(()),
    }
}

/// Lets go of what leads nowhere any more: it has been installed, or it has expired.
pub fn clear(store: &Store, by: &By, build: Build, now: Time) -> Result<()> {
    match get(store, build, now)? {
        Some(_) => Ok(()),
        None => set(store, by, now, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::seal::Key;

    fn offer(version: &str, bundle: Option<String>) -> Offer {
        let version = Version::parse(version).unwrap();
        Offer { version, size: 3, made: Time(1), expires: Time(1_000), notes: say!("新", "new"), bundle }
    }

    #[test]
    fn what_waits_outlives_the_process_and_ends_when_it_is_installed_replaced_or_expired() {
        let dir = tempfile::tempdir().unwrap();
        let root = Key::new([1; 32]);
        let open = || Store::open(dir.path(), &root, &[crate::update::SCHEMA]).unwrap();
        let (by, schemas) = (By::house("test"), [crate::update::SCHEMA]);
        let store = Store::create(dir.path(), &root, &schemas).unwrap().0;
        let (old, new) = (Build::TEST, Build { version: "1.1.0", ..Build::TEST });
        assert_eq!(get(&store, old, Time(5)).unwrap(), None);
        let blob = keep_bundle(&store, &b"abc"[..]).unwrap();
        let brought = offer("1.1.0", Some(blob.clone()));
        set(&store, &by, Time(5), Some(&brought)).unwrap();
        drop(store);

        let store = open();
        assert_eq!(get(&store, old, Time(5)).unwrap().as_ref(), Some(&brought));
        let mut bytes = Vec::new();
        bundle(&store, &brought).unwrap().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abc");
        for (build, now) in [(new, Time(5)), (old, Time(1_000))] {
            assert_eq!(get(&store, build, now).unwrap(), None, "{} {now:?}", build.version);
        }
        clear(&store, &by, old, Time(6)).unwrap();
        assert!(get(&store, old, Time(6)).unwrap().is_some(), "it still leads somewhere");
        set(&store, &by, Time(7), Some(&offer("1.2.0", None))).unwrap();
        assert!(!store.blobs().exists(&BlobId::parse(&blob).unwrap()), "the bytes of the one before are gone");
        clear(&store, &by, Build { version: "1.2.0", ..Build::TEST }, Time(8)).unwrap();
        assert_eq!(kept(&store).unwrap(), None);
    }

    #[test]
    fn a_bundle_whose_bytes_are_not_there_is_not_offered() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path(), &Key::new([1; 32]), &[crate::update::SCHEMA]).unwrap().0;
        set(&store, &By::house("test"), Time(1), Some(&offer("1.1.0", Some("ab".repeat(32))))).unwrap();
        assert_eq!(get(&store, Build::TEST, Time(2)).unwrap(), None);
    }
}
