//! Where releases come from: a forge, a bucket, or a folder. What is set stands in the books, sealed, with its token.
//!
//! Nothing here decides whom to believe: a source that lies can withhold, and nothing more.

use super::rows;
use crate::base::{By, Error, Result, Secret, Time};
use crate::store::{Deed, Store};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    Github(Project),
    Gitlab(Project),
    Gitea(Project),
    S3 {
        bucket: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prefix: Option<String>,
        /// The address of another service than Amazon's, with the bucket in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// A folder of this machine: a mirror, or a USB stick.
    Folder {
        path: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub owner: String,
    pub name: String,
    /// Another installation than the public one. For GitHub the address of its API, for the others the site's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Project {
    /// `OWNER/NAME`; GitLab's groups may nest.
    pub fn parse(text: &str, url: Option<String>) -> Result<Project> {
        let plain = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            !part.is_empty() && part.chars().all(fits) && !part.starts_with('.') && !part.contains("..")
        };
        match text.rsplit_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => {
                Ok(Project { owner: owner.to_owned(), name: name.to_owned(), url: url.map(checked).transpose()? })
            }
            _ => Err(Error::refused(say!("プロジェクトの形が正しくありません。", "This is not a project."))
                .hint(say!("例: 運営者名/hakobu（半角）", "For example: owner/hakobu"))),
        }
    }
}

/// `https://…`, or `http://…` in a network of one's own; without an account, a query or a slash at the end.
pub fn checked(url: String) -> Result<String> {
    let trimmed = url.trim().trim_end_matches('/');
    let rest = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    match rest.is_some_and(|r| !r.is_empty() && !r.starts_with(['/', ':']) && r.chars().all(plain)) {
        true => Ok(trimmed.to_owned()),
        false => Err(Error::refused(say!("取得元の URL の形が正しくありません。", "This is not the URL of a source."))
            .hint(say!("例: https://git.example.jp", "For example: https://git.example.jp"))),
    }
}

/// May a token travel to this address? Only where nobody can read along.
pub(super) fn is_private_way(url: &str) -> bool {
    let host = |rest: &str| {
        let name = rest.split('/').next().unwrap_or_default();
        name.strip_prefix('[')
            .and_then(|n| n.split(']').next())
            .unwrap_or(name.split(':').next().unwrap_or_default())
            .to_owned()
    };
    let loopback = |name: &str| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    url.starts_with("https://") || url.strip_prefix("http://").is_some_and(|rest| loopback(&host(rest)))
}

impl Source {
    pub fn url(&self) -> Option<&str> {
        match self {
            Source::Github(p) | Source::Gitlab(p) | Source::Gitea(p) => p.url.as_deref(),
            Source::S3 { url, .. } => url.as_deref(),
            Source::Folder { .. } => None,
        }
    }

    fn takes_token(&self) -> bool {
        match self {
            Source::Github(_) | Source::Gitlab(_) | Source::Gitea(_) => true,
            Source::S3 { .. } | Source::Folder { .. } => false,
        }
    }
}

/// A source, and what opens it where it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub source: Source,
    pub token: Option<Secret>,
}

impl Settings {
    fn verify(&self) -> Result<()> {
        if self.token.is_none() {
            return Ok(());
        }
        if !self.source.takes_token() {
            return Err(Error::refused(say!("この取得元ではトークンを使いません。", "This source takes no token.")));
        }
        match self.source.url().is_none_or(is_private_way) {
            true => Ok(()),
            false => Err(Error::refused(say!(
                "暗号化なしの接続ではトークンを送れません。",
                "A token is not sent over a connection without encryption."
            ))
            .hint(say!("https:// の URL を指定してください。", "Give an https:// URL."))),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    source: Source,
    token: Option<Vec<u8>>,
}

const NAME: &str = "source";
/// What every setting of this room is sealed for.
pub(super) const PURPOSE: &str = "update/settings";

/// What is set; `None` before anything was.
pub fn get(store: &Store) -> Result<Option<Settings>> {
    let Some(sealed) = store.read(|c| rows::setting(c, NAME))? else { return Ok(None) };
    let bytes = zeroize::Zeroizing::new(store.keys().token(PURPOSE).open(NAME.as_bytes(), &sealed)?);
    let saved: Option<Saved> = serde_json::from_slice(&bytes).map_err(Error::bug)?;
    Ok(saved.map(|s| Settings { source: s.source, token: s.token.map(Secret::new) }))
}

/// `None` takes the source away: then releases come from files alone.
pub fn set(store: &Store, by: &By, now: Time, settings: Option<&Settings>) -> Result<()> {
    settings.map_or(Ok(()), Settings::verify)?;
    let saved =
        settings.map(|s| Saved { source: s.source.clone(), token: s.token.as_ref().map(|t| t.bytes().to_vec()) });
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(&saved).map_err(Error::bug)?);
    let sealed = store.keys().token(PURPOSE).seal(NAME.as_bytes(), &bytes)?;
    store.write(by, now, Deed::new("update.set_source", NAME), |tx| rows::set_setting(tx, NAME, &sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_and_an_address_are_read_and_what_hides_something_is_not() {
        for (text, good) in
            [("a/b", true), ("group/sub/b", true), ("a", false), ("a/", false), ("../b", false), ("a/b?x", false)]
        {
            assert_eq!(Project::parse(text, None).is_ok(), good, "{text}");
        }
        for (text, good) in [
            ("https://git.example.jp/", true),
            ("http://10.0.0.5:3000", true),
            ("ftp://a", false),
            ("https://u:p@a", false),
            ("https://", false),
        ] {
            assert_eq!(checked(text.to_owned()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_token_travels_only_where_nobody_reads_along() {
        for (url, may) in [
            ("https://git.example.jp", true),
            ("http://127.0.0.1:3000/x", true),
            ("http://[::1]:3000", true),
            ("http://localhost:1", true),
            ("http://10.0.0.5", false),
            ("http://127.0.0.1.example.jp", false),
        ] {
            assert_eq!(is_private_way(url), may, "{url}");
        }
    }

    #[test]
    fn the_saved_source_comes_back_with_its_token_and_can_be_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let root = crate::base::seal::Key::new([1; 32]);
        let (store, _code) = Store::create(dir.path(), &root, &[crate::update::SCHEMA]).unwrap();
        let by = By::house("test");
        assert_eq!(get(&store).unwrap(), None);
        let source = Source::Gitea(Project::parse("a/b", Some("https://git.example.jp".into())).unwrap());
        let settings = Settings { source, token: Some(Secret::new(*b"hidden")) };
        set(&store, &by, Time(1), Some(&settings)).unwrap();
        assert_eq!(get(&store).unwrap().as_ref(), Some(&settings));
        set(&store, &by, Time(2), None).unwrap();
        assert_eq!(get(&store).unwrap(), None);
        let open = Source::Gitea(Project::parse("a/b", Some("http://10.0.0.5".into())).unwrap());
        assert!(set(&store, &by, Time(3), Some(&Settings { source: open, ..settings })).is_err());
    }
}
