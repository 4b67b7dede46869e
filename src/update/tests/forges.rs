//! The forges' interfaces imitated on loopback, and sources that misbehave: self_update as our downloader, for real.

use super::{DAY, NOW, TARGET, Vendor, v};
use crate::base::{Error, Kind, Secret};
use crate::update::fetch::{Fetcher, Named};
use crate::update::plan::{Pace, Standing};
use crate::update::prepare;
use crate::update::source::{Project, Settings, Source};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Short enough for a test that waits for the end of patience.
const PACE: Pace = Pace {
    stall: Duration::from_millis(1_500),
    grace: Duration::from_millis(300),
    least: 50_000,
    total: Duration::from_secs(20),
};

enum Reply {
    Whole(Vec<u8>),
    /// A byte at a time, until nobody listens any more.
    Trickle,
    /// More and more.
    Endless,
    /// The connection stays open and says nothing.
    Silence,
}

/// A server of paths. What it was asked, with the token, is kept.
struct Forge {
    base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A path, and the token that came with it.
type Asked = (String, Option<String>);

impl Forge {
    fn start(reply: impl Fn(&str, &str) -> Option<Reply> + Send + Sync + 'static) -> Forge {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, own, reply) = (Arc::clone(&asked), base.clone(), Arc::new(reply));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, own, reply) = (Arc::clone(&kept), own.clone(), Arc::clone(&reply));
                std::thread::spawn(move || {
                    let (path, token) = request(&stream)?;
                    kept.lock().unwrap().push((path.clone(), token));
                    answer(&stream, reply(&own, &path)).ok()
                });
            }
        });
        Forge { base, asked }
    }

    fn asked_for(&self, part: &str) -> Option<Option<String>> {
        self.asked.lock().unwrap().iter().find(|(path, _)| path.contains(part)).map(|(_, token)| token.clone())
    }
}

fn request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut token = None;
    for line in lines.map_while(Result::ok).take_while(|l| !l.is_empty()) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            token = Some(value.trim().to_owned());
        }
    }
    Some((first.split(' ').nth(1)?.to_owned(), token))
}

fn answer(mut stream: &TcpStream, reply: Option<Reply>) -> std::io::Result<()> {
    let head = |len: &str| format!("HTTP/1.1 200 OK\r\n{len}Connection: close\r\n\r\n");
    match reply {
        None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Some(Reply::Whole(bytes)) => {
            stream.write_all(head(&format!("Content-Length: {}\r\n", bytes.len())).as_bytes())?;
            stream.write_all(&bytes)
        }
        Some(Reply::Trickle) => {
            stream.write_all(head("").as_bytes())?;
            loop {
                stream.write_all(b" ")?;
                std::thread::park_timeout(Duration::from_millis(20));
            }
        }
        Some(Reply::Endless) => {
            stream.write_all(head("").as_bytes())?;
            loop {
                stream.write_all(&[b' '; 65_536])?;
            }
        }
        Some(Reply::Silence) => {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).map(drop)
        }
    }
}

fn project(url: &str) -> Project {
    Project::parse("hako/hakobu", Some(url.to_owned())).unwrap()
}

fn name(version: &str) -> String {
    format!("hakobu-{version}-{TARGET}.tar.gz")
}

fn github(base: &str, versions: &[&str]) -> Value {
    let asset = |v: &str| json!({"name": name(v), "url": format!("{base}/assets/{}", name(v))});
    let other = |v: &str| json!({"name": format!("hakobu-{v}-aarch64-linux.tar.gz"), "url": format!("{base}/no")});
    let release = |v: &&str| json!({"tag_name": format!("v{v}"), "created_at": "2026-11-27T00:00:00Z", "name": v, "assets": [other(v), asset(v)]});
    versions.iter().map(release).collect()
}

fn gitlab(base: &str, versions: &[&str]) -> Value {
    let links = |v: &str| json!({"links": [{"name": name(v), "url": format!("{base}/assets/{}", name(v))}]});
    let release = |v: &&str| json!({"tag_name": format!("v{v}"), "created_at": "2026-11-27T00:00:00Z", "name": v, "description": "", "assets": links(v)});
    versions.iter().map(release).collect()
}

fn gitea(base: &str, versions: &[&str]) -> Value {
    let asset = |v: &str| json!([{"name": name(v), "browser_download_url": format!("{base}/assets/{}", name(v))}]);
    let release = |v: &&str| json!({"tag_name": format!("v{v}"), "created_at": "2026-11-27T00:00:00Z", "name": v, "assets": asset(v)});
    versions.iter().map(release).collect()
}

fn s3(versions: &[&str]) -> String {
    let row = |v: &&str| {
        format!(
            "<Contents><Key>releases/{}</Key><LastModified>2026-11-27T00:00:00.000Z</LastModified></Contents>",
            name(v)
        )
    };
    let rows: String = versions.iter().map(row).collect();
    format!("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>")
}

fn standing() -> Standing {
    Standing {
        running: v("1.4.0"),
        target: TARGET.into(),
        minimum: None,
        keys_seen: 1,
        now: NOW.plus(DAY),
        wanted: None,
    }
}

/// Lists, chooses and downloads, as an update does.
fn take(settings: &Settings, vendor: &Vendor) -> Result<Vec<u8>, Error> {
    let fetcher = Fetcher::with(settings, TARGET.into(), PACE);
    let (named, release) = prepare::choose(&fetcher, &vendor.keys.public, &standing())?.expect("something newer");
    let mut file = tempfile::tempfile().unwrap();
    fetcher.whole(&named, &mut file, release.head.len as u64 + release.manifest.packed.size)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

#[test]
fn every_forge_and_a_bucket_give_the_newest_release() {
    let vendor = Vendor::new();
    let bundle = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let older = std::fs::read(vendor.pack("1.4.5-rc.1")).unwrap();
    let versions = ["1.4.5-rc.1", "1.5.0", "1.3.0"];
    let served = bundle.clone();
    let forge = Forge::start(move |base, path| {
        let list = |value: Value| Some(Reply::Whole(value.to_string().into_bytes()));
        match path.split('?').next().unwrap() {
            "/hub/repos/hako/hakobu/releases" => list(github(base, &versions)),
            "/lab/api/v4/projects/hako%2Fhakobu/releases" => list(gitlab(base, &versions)),
            "/tea/api/v1/repos/hako/hakobu/releases" => list(gitea(base, &versions)),
            "/bucket/" => Some(Reply::Whole(s3(&versions).into_bytes())),
            p if p.ends_with(&name("1.5.0")) => Some(Reply::Whole(served.clone())),
            p if p.ends_with(&name("1.4.5-rc.1")) => Some(Reply::Whole(older.clone())),
            _ => None,
        }
    });
    let url = |part: &str| project(&format!("{}/{part}", forge.base));
    let bucket = Some(format!("{}/bucket", forge.base));
    for source in [
        Source::Github(url("hub")),
        Source::Gitlab(url("lab")),
        Source::Gitea(url("tea")),
        Source::S3 { bucket: "b".into(), region: None, prefix: Some("releases/".into()), url: bucket },
    ] {
        let settings = Settings { source, token: None };
        let fetched = take(&settings, &vendor).unwrap_or_else(|e| panic!("{:?}: {}", settings.source, e.chain()));
        assert!(fetched == bundle, "{:?}", settings.source);
        let listed = Fetcher::with(&settings, TARGET.into(), PACE).list().unwrap();
        let mut versions: Vec<String> = listed.iter().map(|n: &Named| n.version.to_string()).collect();
        versions.sort();
        assert_eq!(versions, ["1.3.0", "1.4.5-rc.1", "1.5.0"], "{:?}", settings.source);
    }
}

#[test]
fn a_token_goes_to_the_forge_and_to_no_other_host_that_its_list_names() {
    let vendor = Vendor::new();
    let bundle = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let served = bundle.clone();
    let elsewhere = Forge::start(move |_, _| Some(Reply::Whole(served.clone())));
    let (other, own) = (elsewhere.base.replace("127.0.0.1", "localhost"), bundle.clone());
    let forge = Forge::start(move |base, path| match path.split('?').next().unwrap() {
        "/repos/hako/hakobu/releases" => Some(Reply::Whole(github(&other, &["1.5.0"]).to_string().into_bytes())),
        "/own/repos/hako/hakobu/releases" => Some(Reply::Whole(github(base, &["1.5.0"]).to_string().into_bytes())),
        _ => Some(Reply::Whole(own.clone())),
    });
    let settings = |url: &str| Settings { source: Source::Github(project(url)), token: Some(Secret::new(*b"s3cret")) };
    take(&settings(&forge.base), &vendor).unwrap();
    assert_eq!(forge.asked_for("/releases"), Some(Some("token s3cret".into())));
    assert_eq!(elsewhere.asked_for("/assets/"), Some(None));
    take(&settings(&format!("{}/own", forge.base)), &vendor).unwrap();
    assert_eq!(forge.asked_for("/assets/"), Some(Some("token s3cret".into())));
}

#[test]
fn fast_forward_a_server_full_of_absurd_versions_does_not_hide_the_good_one() {
    let (vendor, thief) = (Vendor::new(), Vendor::new());
    let good = std::fs::read(vendor.pack("1.5.0")).unwrap();
    let bad = std::fs::read(thief.pack("999.0.0")).unwrap();
    let served = good.clone();
    let forge = Forge::start(move |base, path| match path {
        p if p.contains("/assets/") && p.ends_with(&name("1.5.0")) => Some(Reply::Whole(served.clone())),
        p if p.contains("/assets/") => Some(Reply::Whole(bad.clone())),
        _ => Some(Reply::Whole(gitea(base, &["999.0.0", "1000.0.0", "1.5.0"]).to_string().into_bytes())),
    });
    let settings = Settings { source: Source::Gitea(project(&forge.base)), token: None };
    assert!(take(&settings, &vendor).unwrap() == good);
}

fn fails(reply: fn(&str, &str) -> Option<Reply>) -> Error {
    let forge = Forge::start(reply);
    let settings = Settings { source: Source::Github(project(&forge.base)), token: None };
    take(&settings, &Vendor::new()).unwrap_err()
}

fn list_then(base: &str, path: &str, reply: Reply) -> Option<Reply> {
    match path.contains("/assets/") {
        true => Some(reply),
        false => Some(Reply::Whole(github(base, &["1.5.0"]).to_string().into_bytes())),
    }
}

#[test]
fn slow_retrieval_a_source_that_trickles_or_says_nothing_is_given_up() {
    let list = fails(|_, _| Some(Reply::Trickle));
    assert!(list.says().en.contains("too slowly") && list.kind() == Kind::Later, "{}", list.chain());
    let bundle = fails(|base, path| list_then(base, path, Reply::Trickle));
    assert!(bundle.says().en.contains("too slowly"), "{}", bundle.chain());
    assert_eq!(fails(|_, _| Some(Reply::Silence)).kind(), Kind::Later);
    assert_eq!(fails(|base, path| list_then(base, path, Reply::Silence)).kind(), Kind::Later);
}

#[test]
fn endless_data_from_a_source_is_given_up_at_its_bound() {
    let list = fails(|_, _| Some(Reply::Endless));
    assert!(list.says().en.contains("too much"), "{}", list.chain());
    // Of a bundle only the head is read before anything about it is known, and that is not one.
    let head = fails(|base, path| list_then(base, path, Reply::Endless));
    assert!(head.says().en.contains("not as releases are written"), "{}", head.chain());
}

#[test]
fn endless_data_after_a_good_head_is_given_up_where_the_release_ends() {
    let vendor = Vendor::new();
    let mut bundle = std::fs::read(vendor.pack("1.5.0")).unwrap();
    bundle.resize(bundle.len() + 2_000_000, 0);
    let forge = Forge::start(move |base, path| list_then(base, path, Reply::Whole(bundle.clone())));
    let settings = Settings { source: Source::Github(project(&forge.base)), token: None };
    let error = take(&settings, &vendor).unwrap_err();
    assert!(error.says().en.contains("too much"), "{}", error.chain());
}

#[test]
fn a_source_without_the_project_says_so() {
    assert_eq!(fails(|_, _| None).kind(), Kind::Missing);
}
