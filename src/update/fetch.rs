//! Getting releases: self_update lists and downloads, and does nothing else for us. Its own checks, its extraction and its
//! replacing of the running program are never reached: `update()` is never called, nothing asks a person anything.
//!
//! Against a source that sends too much or too slowly: a listing and a download have a size limit, each read has a
//! time-out, the whole has a deadline, and after a moment to begin there is a least speed.

use super::manifest::version_in_name;
use super::plan::{self, Pace};
use super::source::{Project, Settings, Source, is_private_way};
use super::{Version, manifest};
use crate::base::{Build, Error, Kind, Result, Say, Secret, limits};
use self_update::backends::{gitea, github, gitlab, s3};
use self_update::http_client::{HeaderMap, HttpClient, HttpResponse, ReqwestClient, header};
use self_update::{Download, Release};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A bundle that a source names. The name says what to look at, and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub version: Version,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Url(String),
    File(PathBuf),
}

pub struct Fetcher<'a> {
    settings: &'a Settings,
    target: String,
    pace: Pace,
}

impl<'a> Fetcher<'a> {
    pub fn new(settings: &'a Settings) -> Fetcher<'a> {
        Fetcher::with(settings, Build::target(), Pace::default())
    }

    pub(super) fn with(settings: &'a Settings, target: String, pace: Pace) -> Fetcher<'a> {
        Fetcher { settings, target, pace }
    }

    /// Every bundle for this machine that the source names.
    pub fn list(&self) -> Result<Vec<Named>> {
        let token = self.settings.token.as_ref();
        let releases = match &self.settings.source {
            Source::Folder { path } => return self.list_folder(path),
            Source::Github(project) => self.github(project, token),
            Source::Gitlab(project) => self.gitlab(project, token),
            Source::Gitea(project) => self.gitea(project, token),
            Source::S3 { bucket, region, prefix, url } => {
                self.s3(bucket, [region.as_deref(), prefix.as_deref(), url.as_deref()])
            }
        };
        Ok(releases?.iter().flat_map(|release| self.named(release)).collect())
    }

    fn named(&self, release: &Release) -> Vec<Named> {
        let bundle = |asset: &self_update::ReleaseAsset| {
            let name = asset.name().rsplit('/').next().unwrap_or_default();
            let version = version_in_name(name, &self.target)?;
            Some(Named { version, place: Place::Url(asset.download_url().to_owned()) })
        };
        release.assets().iter().filter_map(bundle).collect()
    }

    fn list_folder(&self, folder: &Path) -> Result<Vec<Named>> {
        let at = folder.display().to_string();
        let unreadable = |e| Error::io(say!("{at} を読めません。", "Cannot read {at}."), e);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)?.take(limits::RELEASE_FOLDER) {
            let entry = entry.map_err(unreadable)?;
            if let Some(version) = entry.file_name().to_str().and_then(|n| version_in_name(n, &self.target)) {
                found.push(Named { version, place: Place::File(entry.path()) });
            }
        }
        Ok(found)
    }

    /// The head of a bundle, as far as it goes: enough to judge it by.
    pub fn head(&self, named: &Named) -> Result<Vec<u8>> {
        let mut head = Prefix { bytes: Vec::new(), most: limits::BUNDLE_HEAD_MAX };
        match self.read(named, &mut head, limits::PROGRAM_MAX) {
            Err(_) if head.is_full() => Ok(head.bytes),
            Err(e) => Err(e),
            Ok(()) => Ok(head.bytes),
        }
    }

    /// The whole of a bundle, at most `most` bytes of it.
    pub fn whole(&self, named: &Named, to: &mut File, most: u64) -> Result<()> {
        self.read(named, to, most)
    }

    fn read(&self, named: &Named, to: &mut dyn Write, most: u64) -> Result<()> {
        match &named.place {
            Place::File(path) => {
                let at = path.display().to_string();
                let file = File::open(path).and_then(plain_file);
                let copied = file.and_then(|f| io::copy(&mut f.take(most), to));
                copied.map(drop).map_err(|e| Error::io(say!("{at} を読めません。", "Cannot read {at}."), e))
            }
            Place::Url(url) => self.download(url, to, most),
        }
    }

    fn download(&self, url: &str, to: &mut dyn Write, most: u64) -> Result<()> {
        // A source in the clear is the admin's own choice; one that was not asked for may not lead there.
        let open = self.settings.source.url().is_some_and(|u| u.starts_with("http://"));
        if !open && !is_private_way(url) {
            return Err(unsafe_way());
        }
        let mut download = Download::from_url(url);
        // Ours ends it first, and knows why.
        download.timeout(self.pace.stall).max_download_size(most.saturating_add(limits::MB));
        download.request_header(header::ACCEPT, "application/octet-stream");
        if let Some((name, value)) = self.authorization(url) {
            download.request_header(name, value);
        }
        let given_up = Arc::new(GivenUp::default());
        let mut paced = Paced { inner: to, bytes: 0, most, since: Instant::now(), pace: self.pace, given_up };
        download.download_to(&mut paced).map_err(|e| failed(e, &paced.given_up))
    }

    /// The token goes to the host that lists, and to no other that a listing names.
    fn authorization(&self, url: &str) -> Option<(header::HeaderName, header::HeaderValue)> {
        let token = self.settings.token.as_ref().and_then(Secret::text)?;
        let (api, scheme) = match &self.settings.source {
            Source::Github(p) => (p.url.as_deref().unwrap_or("https://api.github.com"), "token"),
            Source::Gitlab(p) => (p.url.as_deref().unwrap_or("https://gitlab.com"), "Bearer"),
            Source::Gitea(p) => (p.url.as_deref().unwrap_or("https://gitea.com"), "token"),
            Source::S3 { .. } | Source::Folder { .. } => return None,
        };
        let host = |u: &str| u.split_once("://").and_then(|(_, rest)| rest.split('/').next().map(str::to_lowercase));
        if host(api) != host(url) || !is_private_way(url) {
            return None;
        }
        let mut value = header::HeaderValue::from_str(&format!("{scheme} {token}")).ok()?;
        value.set_sensitive(true);
        Some((header::AUTHORIZATION, value))
    }

    fn client(&self, given_up: &Arc<GivenUp>) -> Result<Arc<dyn HttpClient>> {
        let client = reqwest::blocking::Client::builder()
            .timeout(self.pace.stall)
            .build()
            .map_err(|e| Error::bug(format!("http client: {e}")))?;
        Ok(Arc::new(Bounded {
            inner: ReqwestClient::from(client),
            since: Instant::now(),
            pace: self.pace,
            given_up: Arc::clone(given_up),
        }))
    }

    fn github(&self, project: &Project, token: Option<&Secret>) -> Result<Vec<Release>> {
        let given_up = Arc::new(GivenUp::default());
        let mut list = github::ReleaseList::configure();
        list.repo_owner(&project.owner).repo_name(&project.name).http_client(self.client(&given_up)?);
        if let Some(url) = &project.url {
            list.api_base_url(url);
        }
        if let Some(token) = token.and_then(Secret::text) {
            list.auth_token(token);
        }
        list.build().and_then(|l| l.fetch()).map(|r| r.into_vec()).map_err(|e| failed(e, &given_up))
    }

    fn gitlab(&self, project: &Project, token: Option<&Secret>) -> Result<Vec<Release>> {
        let given_up = Arc::new(GivenUp::default());
        let mut list = gitlab::ReleaseList::configure();
        list.repo_owner(&project.owner).repo_name(&project.name).http_client(self.client(&given_up)?);
        if let Some(url) = &project.url {
            list.host(url);
        }
        if let Some(token) = token.and_then(Secret::text) {
            list.auth_token(token);
        }
        list.build().and_then(|l| l.fetch()).map(|r| r.into_vec()).map_err(|e| failed(e, &given_up))
    }

    fn gitea(&self, project: &Project, token: Option<&Secret>) -> Result<Vec<Release>> {
        let given_up = Arc::new(GivenUp::default());
        let mut list = gitea::ReleaseList::configure();
        list.repo_owner(&project.owner).repo_name(&project.name).http_client(self.client(&given_up)?);
        list.host(project.url.as_deref().unwrap_or("https://gitea.com"));
        if let Some(token) = token.and_then(Secret::text) {
            list.auth_token(token);
        }
        list.build().and_then(|l| l.fetch()).map(|r| r.into_vec()).map_err(|e| failed(e, &given_up))
    }

    fn s3(&self, bucket: &str, [region, prefix, url]: [Option<&str>; 3]) -> Result<Vec<Release>> {
        let given_up = Arc::new(GivenUp::default());
        let mut list = s3::ReleaseList::configure();
        let product = super::keys::PRODUCT;
        let target = &self.target;
        list.bucket_name(bucket).http_client(self.client(&given_up)?);
        list.asset_key_pattern(format!(
            r"(?P<name>{product})-(?P<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)-{target}\.tar\.gz$"
        ));
        if let Some(region) = region {
            list.region(region);
        }
        if let Some(prefix) = prefix {
            list.asset_prefix(prefix);
        }
        if let Some(url) = url {
            list.endpoint(format!("{url}/"));
        }
        list.build().and_then(|l| l.fetch()).map(|r| r.into_vec()).map_err(|e| failed(e, &given_up))
    }
}

fn plain_file(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// The beginning of what comes; then it has had enough.
struct Prefix {
    bytes: Vec<u8>,
    most: usize,
}

impl Prefix {
    fn is_full(&self) -> bool {
        self.bytes.len() >= self.most
    }
}

impl Write for Prefix {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match self.is_full() {
            true => Err(io::Error::other("enough")),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why we ended it ourselves.
#[derive(Default)]
struct GivenUp {
    slow: AtomicBool,
    over: AtomicBool,
}

/// Ends what is too slow, and what is too much.
struct Paced<T> {
    inner: T,
    bytes: u64,
    most: u64,
    since: Instant,
    pace: Pace,
    given_up: Arc<GivenUp>,
}

impl<T> Paced<T> {
    fn count(&mut self, n: usize) -> io::Result<()> {
        self.bytes += n as u64;
        let why = match self.bytes > self.most {
            true => &self.given_up.over,
            false if plan::is_too_slow(self.bytes, self.since.elapsed(), &self.pace) => &self.given_up.slow,
            false => return Ok(()),
        };
        why.store(true, Ordering::Release);
        Err(io::Error::other("given up"))
    }
}

impl<T: Write> Write for Paced<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count(bytes.len())?;
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Paced<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count(n)?;
        Ok(n)
    }
}

/// The client that lists: each page has an end, and they all have one deadline.
struct Bounded {
    inner: ReqwestClient,
    since: Instant,
    pace: Pace,
    given_up: Arc<GivenUp>,
}

impl HttpClient for Bounded {
    fn get(
        &self,
        url: &str,
        headers: &HeaderMap,
        timeout: Option<Duration>,
    ) -> self_update::Result<Box<dyn HttpResponse>> {
        if self.since.elapsed() > self.pace.total {
            self.given_up.slow.store(true, Ordering::Release);
            return Err(self_update::Error::transport("given up"));
        }
        let response = self.inner.get(url, headers, timeout)?;
        let headers = response.headers().clone();
        let body = Paced {
            inner: response.body(),
            bytes: 0,
            most: limits::LISTING_MAX,
            since: self.since,
            pace: self.pace,
            given_up: Arc::clone(&self.given_up),
        };
        Ok(Box::new(Page { headers, body }))
    }
}

struct Page {
    headers: HeaderMap,
    body: Paced<Box<dyn Read>>,
}

impl HttpResponse for Page {
    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn body(self: Box<Self>) -> Box<dyn Read> {
        Box::new(self.body)
    }
}

fn unsafe_way() -> Error {
    Error::denied(say!(
        "取得元が、暗号化されていない接続に誘導しました。",
        "The source leads to a connection without encryption."
    ))
}

/// self_update keeps tokens out of its errors; the cause goes into the log alone.
fn failed(e: self_update::Error, given_up: &GivenUp) -> Error {
    let (kind, says) = if given_up.slow.load(Ordering::Acquire) {
        (
            Kind::Later,
            say!("取得元からの受信が遅すぎるため中止しました。", "The source sends too slowly; this was given up."),
        )
    } else if given_up.over.load(Ordering::Acquire) {
        (
            Kind::Refused,
            say!("取得元がデータを送りすぎるため中止しました。", "The source sends too much; this was given up."),
        )
    } else {
        heard(&e)
    };
    Error::new(kind, says)
        .hint(say!(
            "取得元の設定と、このサーバーからの接続を確かめてください。受け取ったファイルからも更新できます。",
            "Look at the source's settings, and whether this server gets there. A file that you bring works, too."
        ))
        .because(e)
}

/// What the source answered, if it did.
fn heard(e: &self_update::Error) -> (Kind, Say) {
    use self_update::Error::*;
    match e {
        NotFound { .. } => {
            (Kind::Missing, say!("取得元に、指定されたものがありません。", "The source has nothing under this name."))
        }
        Unauthorized { .. } => {
            (Kind::Denied, say!("取得元が、アクセスを許可しませんでした。", "The source does not let us in."))
        }
        RateLimited { .. } => {
            (Kind::Later, say!("取得元が、しばらく待つよう求めています。", "The source asks us to wait for a while."))
        }
        HttpStatus { status, .. } => (
            Kind::Later,
            say!(
                "取得元が、エラー（HTTP {status}）を返しました。",
                "The source answers with an error (HTTP {status})."
            ),
        ),
        Json(_) | InvalidResponse { .. } => (
            Kind::Refused,
            say!(
                "応答はありましたが、リリースの一覧ではありません。",
                "Something answers there, but not with a list of releases."
            ),
        ),
        Transport(_) => (Kind::Later, say!("取得元が応答しません。", "The source does not answer.")),
        _ => (Kind::Later, say!("リリースを取得できませんでした。", "The release could not be fetched.")),
    }
}

/// The name under which a bundle would be looked for, for messages.
pub fn bundle_name(version: &Version) -> String {
    manifest::bundle_name(version, &Build::target())
}
