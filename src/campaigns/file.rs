//! Attachments and images of a campaign. Their bytes lie in the blobs; a file that a sent mail uses stays.

use super::campaign::{editable, missing};
use super::content::{FileCard, FileRole};
use super::header::HeaderText;
use super::rows;
use crate::base::spool::Reader;
use crate::base::{By, Error, Result, Time, ids::CampaignId, limits, seal};
use crate::store::{BlobId, Deed, Store};
use std::io::Read;

/// What the caller knows about a file.
pub struct NewFile<'a> {
    pub role: FileRole,
    /// As the person's machine named it; only its last part is kept.
    pub name: &'a str,
}

/// Adds or replaces a file of that name.
pub fn add(
    store: &Store,
    by: &By,
    now: Time,
    id: CampaignId,
    (file, from): (NewFile<'_>, &mut dyn Read),
) -> Result<FileCard> {
    let name = plain_name(file.name)?;
    let media = media_type(&name);
    if file.role.is_image() && !media.starts_with("image/") {
        return Err(Error::refused(say!("画像ではないファイルです。", "This file is no image."))
            .hint(say!("PNG、JPEG、GIF、WebP を使えます。", "PNG, JPEG, GIF and WebP can be used.")));
    }
    let start = start_of(from)?;
    if start.is_empty() || (file.role.is_image() && !looks_like(media, &start)) {
        let says = if start.is_empty() {
            say!("ファイルが空です。", "The file is empty.")
        } else {
            say!(
                "画像の中身が、名前の種類と違います。",
                "The file's content is not the kind of image that its name says."
            )
        };
        return Err(Error::refused(says));
    }
    let others: Vec<FileCard> = list(store, id)?.into_iter().filter(|f| f.name != name).collect();
    let room = limits::FILES_MAX.saturating_sub(others.iter().map(|f| f.size).sum());
    let (blob, size) = store.blobs().put(start.as_slice().chain(from).take(room + 1))?;
    if size > room || others.len() >= limits::FILES_COUNT_MAX {
        let (most, count) = (limits::FILES_MAX >> 20, limits::FILES_COUNT_MAX);
        forget_unless_used(store, blob.as_str())?;
        return Err(Error::refused(say!(
            "ファイルが大きすぎるか、多すぎます（合計 {most} MB、{count} 個まで）。",
            "The files are too large or too many ({most} MB and {count} files at most)."
        )));
    }
    let card = FileCard {
        role: file.role,
        name,
        media: media.to_owned(),
        size,
        blob: blob.as_str().to_owned(),
        token: token()?,
    };
    store.write(by, now, Deed::new("campaign.file", id.to_string()), |tx| {
        editable(tx, id)?;
        rows::files::insert(tx, id, &card)
    })?;
    Ok(card)
}

pub fn list(store: &Store, id: CampaignId) -> Result<Vec<FileCard>> {
    store.read(|c| rows::files::of(c, id))
}

pub fn remove(store: &Store, by: &By, now: Time, id: CampaignId, name: &str) -> Result<()> {
    let blob = store.write(by, now, Deed::new("campaign.file_remove", id.to_string()), |tx| {
        let campaign = rows::campaigns::one(tx, id)?.ok_or_else(missing)?;
        if campaign.run.is_some() {
            return Err(Error::conflict(say!(
                "送信したメールが使っているので、削除できません。",
                "A mail that was sent uses it, so it cannot be deleted."
            )));
        }
        rows::files::remove(tx, id, name)?
            .ok_or_else(|| Error::missing(say!("そのファイルはありません。", "There is no such file.")))
    })?;
    forget(store, &blob)
}

/// For a public link. Attachments are not public.
pub fn public(store: &Store, token: &str) -> Result<(FileCard, Reader)> {
    let missing = || Error::missing(say!("そのファイルはありません。", "There is no such file."));
    let card = store.read(|c| rows::files::by_token(c, token))?.filter(|f| f.role.is_image()).ok_or_else(missing)?;
    let reader = open(store, &card)?;
    Ok((card, reader))
}

pub fn open(store: &Store, card: &FileCard) -> Result<Reader> {
    let blob = BlobId::parse(&card.blob).ok_or_else(|| Error::bug("a file without a blob"))?;
    store.blobs().read(&blob)
}

pub(super) fn bytes(store: &Store, card: &FileCard) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    open(store, card)?
        .read_to_end(&mut out)
        .map_err(|e| Error::io(say!("添付ファイルを読めません。", "A file of the campaign cannot be read."), e))?;
    Ok(out)
}

/// Removes a blob that no campaign uses any more.
pub(super) fn forget(store: &Store, blob: &str) -> Result<()> {
    forget_unless_used(store, blob)
}

fn forget_unless_used(store: &Store, blob: &str) -> Result<()> {
    let used = store.read(|c| rows::files::blob_used(c, blob))?;
    match BlobId::parse(blob).filter(|b| !used && store.blobs().exists(b)) {
        Some(id) => store.blobs().remove(&id),
        None => Ok(()),
    }
}

pub(super) fn token() -> Result<String> {
    Ok(data_encoding::BASE32_NOPAD.encode(&seal::random::<16>()?).to_lowercase())
}

/// `../../秋.pdf` and `C:\秋.pdf` are `秋.pdf`; a name that is nothing but dots is refused.
fn plain_name(typed: &str) -> Result<String> {
    let last = typed.rsplit(['/', '\\']).next().unwrap_or("");
    let field = say!("ファイル名", "The file name");
    let shown: String = last.chars().filter(|c| !turns_text(*c)).collect();
    let name = HeaderText::parse(&field, &shown, 200)?.as_str().replace('"', "'");
    match name.trim_matches('.').is_empty() {
        true => Err(Error::refused(say!("ファイル名が正しくありません。", "This is not a file name."))),
        false => Ok(name),
    }
}

/// Marks that turn the direction of writing make `gnp.exe` look like `exe.png`.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first bytes, which say what kind of image a file is.
fn start_of(from: &mut dyn Read) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    from.take(12)
        .read_to_end(&mut start)
        .map_err(|e| Error::io(say!("ファイルを読めません。", "The file cannot be read."), e))?;
    Ok(start)
}

fn looks_like(media: &str, start: &[u8]) -> bool {
    match media {
        "image/png" => start.starts_with(b"\x89PNG"),
        "image/jpeg" => start.starts_with(&[0xff, 0xd8, 0xff]),
        "image/gif" => start.starts_with(b"GIF8"),
        "image/webp" => start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP"),
        _ => false,
    }
}

/// By the name's ending: what a mail program will go by as well.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("").to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_only_its_last_part() {
        for (typed, want) in [
            ("秋.pdf", Some("秋.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\tmp\\a.png", Some("a.png")),
            ("..", None),
            ("", None),
            ("a\r\nX: y.pdf", None),
            ("a\u{202e}gnp.exe", Some("agnp.exe")),
            ("a/", None),
        ] {
            assert_eq!(plain_name(typed).ok().as_deref(), want, "{typed:?}");
        }
    }

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        assert!(looks_like("image/png", b"\x89PNG\r\n\x1a\n...."));
        assert!(looks_like("image/webp", b"RIFF\0\0\0\0WEBP"));
        assert!(!looks_like("image/png", b"<html><script>"));
        assert!(!looks_like("image/gif", b""));
    }
}
