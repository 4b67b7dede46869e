//! One file that holds a release: `hakobu-VERSION-TARGET.tar.gz` with `keys.json`, `manifest.json` and `hakobu`.
//!
//! It is a gzip of two members, which every `tar` reads as one. The **head** holds the two documents, stored without
//! compression, so that it can be read by a few lines that unpack nothing, and so that there is exactly one way to write
//! it: what differs from ours by a bit is refused. The **body** holds the program, compressed; the manifest in the head
//! has its digest. So nothing that nobody signed ever meets a decompressor, and no bit of the file is free.
//!
//! Reading order of a reader: `Head::read`, signatures and plan (elsewhere), `check_body` over the rest of the file,
//! and only then `unpack`.

use super::manifest::{Digest, Manifest};
use super::plan::Refusal;
use crate::base::{Error, Result, limits};
use flate2::{Compression, Crc, bufread::GzDecoder, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};

const KEYS: &str = "keys.json";
const MANIFEST: &str = "manifest.json";
const PROGRAM: &str = "hakobu";
const BLOCK: usize = 512;
/// Deflate, no name, no time, no flags, no system.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const STORED_MAX: usize = 65_535;

/// The two documents, still to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub keys: Vec<u8>,
    pub manifest: Vec<u8>,
    /// Where the body begins.
    pub len: usize,
}

impl Head {
    /// The head's bytes.
    pub fn write(keys: &[u8], manifest: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        for (name, content) in [(KEYS, keys), (MANIFEST, manifest)] {
            plain.extend(tar_header(name, content.len() as u64, 0o644));
            plain.extend(content);
            plain.resize(plain.len().next_multiple_of(BLOCK), 0);
        }
        stored(&plain)
    }

    /// From the beginning of a file, of which there may be more.
    pub fn read(bytes: &[u8]) -> Result<Head, Refusal> {
        Head::parse(bytes).ok_or(Refusal::Shape { part: "head" })
    }

    fn parse(bytes: &[u8]) -> Option<Head> {
        let plain = unstored(bytes)?;
        let (keys, rest) = entry(&plain, limits::KEYS_DOCUMENT_MAX)?;
        let (manifest, _) = entry(rest, limits::MANIFEST_MAX)?;
        let again = Head::write(keys, manifest);
        bytes.starts_with(&again).then(|| Head { keys: keys.to_vec(), manifest: manifest.to_vec(), len: again.len() })
    }
}

/// An entry's content and what follows it. Everything else about the entry is judged by writing it again.
fn entry(plain: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let (header, rest) = plain.split_at_checked(BLOCK)?;
    let size = usize::try_from(tar::Header::from_byte_slice(header).entry_size().ok()?).ok().filter(|n| *n <= most)?;
    let (padded, rest) = rest.split_at_checked(size.next_multiple_of(BLOCK))?;
    Some((&padded[..size], rest))
}

/// A plain file of no one and no time.
fn tar_header(name: &str, size: u64, mode: u32) -> [u8; BLOCK] {
    let mut header = tar::Header::new_ustar();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    *header.as_bytes()
}

/// A gzip member of stored blocks.
fn stored(plain: &[u8]) -> Vec<u8> {
    let mut out = GZIP.to_vec();
    let mut blocks = plain.chunks(STORED_MAX).peekable();
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    let mut crc = Crc::new();
    crc.update(plain);
    out.extend(crc.sum().to_le_bytes());
    out.extend((plain.len() as u32).to_le_bytes());
    out
}

/// The content of stored blocks. That the rest is right is found out by writing it again.
fn unstored(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.get(GZIP.len()..)?;
    let mut plain = Vec::new();
    loop {
        let (start, after) = rest.split_at_checked(5)?;
        let len = usize::from(u16::from_le_bytes([start[1], start[2]]));
        let (block, after) = after.split_at_checked(len)?;
        plain.extend_from_slice(block);
        match start[0] {
            1 => return Some(plain),
            0 if plain.len() <= limits::BUNDLE_HEAD_MAX => rest = after,
            _ => return None,
        }
    }
}

/// Writes the body of a bundle, and says what the program and the body are.
pub fn pack(program: &mut dyn Read, size: u64, body: &mut dyn Write) -> io::Result<(Digest, Digest)> {
    let mut counted = Counted { inner: body, hash: Sha256::new(), size: 0 };
    let mut gzip = GzEncoder::new(&mut counted, Compression::best());
    gzip.write_all(&tar_header(PROGRAM, size, 0o755))?;
    let mut hash = Sha256::new();
    let mut source = program.take(size);
    let mut buffer = vec![0u8; limits::COPY_STEP];
    let mut read = 0;
    loop {
        let n = source.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        gzip.write_all(&buffer[..n])?;
        read += n as u64;
    }
    if read != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    gzip.write_all(&vec![0u8; padding(size) + 2 * BLOCK])?;
    gzip.finish()?;
    Ok((Digest::of(&hash.finalize(), size), Digest::of(&counted.hash.finalize(), counted.size)))
}

fn padding(size: u64) -> usize {
    // Less than a block.
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

struct Counted<'a> {
    inner: &'a mut dyn Write,
    hash: Sha256,
    size: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Everything after the head, as it lies there: the bytes that were signed, and not one more.
pub fn check_body(body: &mut dyn Read, manifest: &Manifest) -> Result<()> {
    let most = manifest.packed.size.saturating_add(1);
    match digest(&mut body.take(most)).map_err(unreadable)? == manifest.packed {
        true => Ok(()),
        false => Err(Refusal::OtherBytes { part: "body" }.into()),
    }
}

pub(super) fn digest(from: &mut dyn Read) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; limits::COPY_STEP];
    let mut size = 0;
    loop {
        let n = from.read(&mut buffer)?;
        if n == 0 {
            return Ok(Digest::of(&hash.finalize(), size));
        }
        hash.update(&buffer[..n]);
        size += n as u64;
    }
}

/// The program out of a body that `check_body` has passed. It holds the program and nothing else, or it is refused
/// though it is signed.
pub fn unpack(body: &mut dyn Read, manifest: &Manifest, to: &mut dyn Write) -> Result<()> {
    let odd = || Error::from(Refusal::Shape { part: "body" });
    let size = manifest.program.size;
    let mut packed = io::BufReader::new(body.take(manifest.packed.size));
    let mut plain = GzDecoder::new(&mut packed);
    let mut header = [0u8; BLOCK];
    plain.read_exact(&mut header).map_err(|e| odd().because(e))?;
    if header != tar_header(PROGRAM, size, 0o755) {
        return Err(odd());
    }
    let mut hash = Sha256::new();
    let mut left = size;
    let mut buffer = vec![0u8; limits::COPY_STEP];
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        plain.read_exact(&mut buffer[..want]).map_err(|e| odd().because(e))?;
        hash.update(&buffer[..want]);
        to.write_all(&buffer[..want])
            .map_err(|e| Error::io(say!("プログラムを書き込めません。", "Cannot write the program."), e))?;
        left -= want as u64;
    }
    if Digest::of(&hash.finalize(), size) != manifest.program {
        return Err(Refusal::OtherBytes { part: "hakobu" }.into());
    }
    let mut end = Vec::new();
    let most = (padding(size) + 2 * BLOCK) as u64;
    plain.by_ref().take(most + 1).read_to_end(&mut end).map_err(|e| odd().because(e))?;
    drop(plain);
    let nothing_left = packed.read(&mut [0u8; 1]).map_err(unreadable)? == 0;
    match end.len() as u64 == most && end.iter().all(|b| *b == 0) && nothing_left {
        true => Ok(()),
        false => Err(odd()),
    }
}

fn unreadable(e: io::Error) -> Error {
    Error::io(say!("更新ファイルを読めません。", "Cannot read the release."), e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_with_anything_after_it() {
        for (keys, manifest) in [(0, 0), (1, 511), (512, 513), (limits::KEYS_DOCUMENT_MAX, limits::MANIFEST_MAX)] {
            let (keys, manifest) = (vec![b'k'; keys], vec![b'm'; manifest]);
            let mut bytes = Head::write(&keys, &manifest);
            let len = bytes.len();
            assert!(len <= limits::BUNDLE_HEAD_MAX);
            bytes.extend(b"body");
            assert_eq!(Head::read(&bytes).unwrap(), Head { keys, manifest, len });
        }
    }

    #[test]
    fn no_bit_of_a_head_is_free() {
        let bytes = Head::write(b"{\"keys\"}", b"{\"manifest\"}");
        let good = Head::read(&bytes).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            // The documents themselves are signed; everything around them must be ours.
            assert!(Head::read(&bad).map_or(true, |h| h.keys != good.keys || h.manifest != good.manifest), "bit {at}");
        }
        for cut in 0..bytes.len() {
            assert!(Head::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_head_that_is_larger_than_may_be_is_refused() {
        assert!(Head::read(&Head::write(&vec![b'k'; limits::KEYS_DOCUMENT_MAX + 1], b"m")).is_err());
        assert!(Head::read(&stored(&vec![0u8; 10 * limits::BUNDLE_HEAD_MAX])).is_err());
    }
}
