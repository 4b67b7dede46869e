//! Releases as a vendor makes them, and as a thief would, over real files; a house's slots to keep them out of.

mod attacks;
mod drill;
mod flips;
mod forges;
mod prepare;

use super::bundle::Head;
use super::keys::{KeysDocument, SecretKey};
use super::manifest::{Digest, Manifest};
use super::plan::Standing;
use super::vendor::{self, HowMany, NewKeys, Order};
use super::{Version, slot};
use crate::base::slots::Slots;
use crate::base::{Error, Result, Say, Time};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const NOW: Time = Time(1_800_000_000_000);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const TARGET: &str = "x86_64-linux";

pub(super) fn v(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// A program that is no program: enough bytes to fill several blocks, not compressible to nothing.
pub(super) fn program(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = Sha256::digest([seed]);
    while bytes.len() < 70_000 {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    bytes
}

/// A vendor's office: keys, and a folder to pack releases in.
pub(super) struct Vendor {
    pub(super) dir: tempfile::TempDir,
    pub(super) keys: NewKeys,
    pub(super) now: Time,
}

impl Vendor {
    pub(super) fn new() -> Vendor {
        Vendor::with(1, 1)
    }

    pub(super) fn with(signing: usize, signing_threshold: usize) -> Vendor {
        let how_many = HowMany { roots: 1, root_threshold: 1, signing, signing_threshold };
        let keys = vendor::new_keys(&how_many, NOW, 700 * DAY).unwrap();
        Vendor { dir: tempfile::tempdir().unwrap(), keys, now: NOW }
    }

    pub(super) fn order(version: &str) -> Order {
        Order {
            version: v(version),
            target: TARGET.into(),
            minimum: None,
            lasts: 90 * DAY,
            notes: Say::new("直しました。", "Fixed."),
        }
    }

    /// A bundle, packed and signed as it should be.
    pub(super) fn pack(&self, version: &str) -> PathBuf {
        self.pack_as(Vendor::order(version), &self.keys.signing, &self.keys.document).unwrap()
    }

    pub(super) fn pack_as(&self, order: Order, signing: &[SecretKey], keys: &[u8]) -> Result<PathBuf> {
        let program = program(1);
        let mut body = Vec::new();
        let packed =
            vendor::pack(order, self.now, (signing, keys), (&mut &program[..], program.len() as u64), &mut body)?;
        Ok(self.file(&packed.manifest.bundle_name(), &[packed.head, body].concat()))
    }

    /// A bundle whose manifest or body was changed by somebody who holds the signing keys.
    pub(super) fn forge(&self, change: impl FnOnce(&mut Manifest, &mut Vec<u8>)) -> PathBuf {
        let plain = tar(&[Entry::file("hakobu", &program(1))]);
        let mut body = gzip(&plain);
        let mut manifest = Manifest {
            product: "hakobu".into(),
            version: v("1.5.0"),
            target: TARGET.into(),
            program: digest(&program(1)),
            packed: digest(&body),
            made: self.now,
            expires: self.now.plus(90 * DAY),
            minimum: None,
            keys: self.document().version,
            notes: Say::new("", ""),
        };
        change(&mut manifest, &mut body);
        let head = Head::write(&self.keys.document, &manifest.sign(&self.keys.signing).unwrap());
        self.file("forged.tar.gz", &[head, body].concat())
    }

    pub(super) fn document(&self) -> KeysDocument {
        KeysDocument::unverified(&self.keys.document).unwrap()
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// A house that may be updated.
pub(super) struct Yard {
    pub(super) dir: tempfile::TempDir,
    pub(super) slots: Slots,
    pub(super) standing: Standing,
}

impl Yard {
    pub(super) fn new() -> Yard {
        let dir = tempfile::tempdir().unwrap();
        let standing = Standing {
            running: v("1.4.0"),
            target: TARGET.into(),
            minimum: None,
            keys_seen: 1,
            now: NOW.plus(DAY),
            wanted: None,
        };
        Yard { slots: Slots::of(dir.path()), dir, standing }
    }

    pub(super) fn install(&self, vendor: &Vendor, bundle: &PathBuf) -> Result<Version> {
        let mut file = File::open(bundle).unwrap();
        slot::install(&self.slots, &mut file, &vendor.keys.public, &self.standing).map(|r| r.manifest.version)
    }

    /// Refused, with nothing in a slot, and the English sentence.
    pub(super) fn refuses(&self, vendor: &Vendor, bundle: &PathBuf) -> String {
        let error: Error = self.install(vendor, bundle).unwrap_err();
        assert_eq!(self.bytes_in_slots(), 0, "{error}");
        assert!(slot::all(&self.slots).unwrap().is_empty(), "{error}");
        error.says().en.clone()
    }

    pub(super) fn bytes_in_slots(&self) -> u64 {
        fn bytes(dir: &std::path::Path) -> u64 {
            let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
            let size = |e: std::fs::DirEntry| match e.file_type().unwrap().is_dir() {
                true => bytes(&e.path()),
                false => e.metadata().unwrap().len(),
            };
            entries.map(|e| size(e.unwrap())).sum()
        }
        bytes(self.slots.dir())
    }
}

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest::of(&Sha256::digest(bytes), bytes.len() as u64)
}

pub(super) struct Entry<'a> {
    name: &'a str,
    content: &'a [u8],
    mode: u32,
    link: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(super) fn file(name: &'a str, content: &'a [u8]) -> Entry<'a> {
        Entry { name, content, mode: 0o755, link: None }
    }

    pub(super) fn link(name: &'a str, to: &'a str) -> Entry<'a> {
        Entry { name, content: b"", mode: 0o777, link: Some(to) }
    }
}

/// A tar as anybody can write one, also with names that no library writes.
pub(super) fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        if let Some(to) = entry.link {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name_literal(to).unwrap();
        }
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(entry.content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}
