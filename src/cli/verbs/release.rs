//! `hakobu release …`: what the vendor runs, on a machine of their own. It needs no house and opens none.

use crate::base::files::replace_file;
use crate::base::{Build, Error, Result, Say, Secret, clock, limits};
use crate::cli::args::Common;
use crate::cli::files;
use crate::cli::talk::Talk;
use crate::house::ask::Answer;
use crate::update::Version;
use crate::update::keys::{KeysDocument, PublicKey, Roots, SecretKey};
use crate::update::vendor::{self, Change, HowMany, KeyRole, Order, Packed};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Release {
    /// The first keys: offline roots, signing keys, keys.json, release.pub || 最初の鍵一式（オフラインのルート鍵、署名鍵、keys.json、release.pub）
    Keys(Keys),
    /// A signed release: one bundle and its manifest || 署名したリリース（配布ファイルとマニフェスト）
    Pack(Pack),
    /// A stolen signing key is never believed again; a new one takes its place || 盗まれた署名鍵を失効させ、新しい鍵に替える
    Revoke(Revoke),
    /// New signing keys in the place of old ones || 署名鍵を新しくする
    Rotate(Rotate),
    /// The same signing keys for longer || 鍵文書の期限を延ばす
    Renew(Sign),
}

#[derive(clap::Args)]
pub(in crate::cli) struct Keys {
    /// The folder for the keys; one that has keys is refused || 鍵を書き出すフォルダー（すでに鍵があれば拒否）
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many root keys, and how many of them must sign keys.json || ルート鍵の数
    #[arg(long, value_name = "N", default_value_t = 1)]
    roots: usize,
    /// How many roots must sign keys.json || keys.json に必要なルート署名の数
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: usize,
    /// How many signing keys || 署名鍵の数
    #[arg(long, value_name = "N", default_value_t = 1)]
    signing: usize,
    /// How many of them must sign a release || リリースに必要な署名の数
    #[arg(long, value_name = "N", default_value_t = 1)]
    signing_threshold: usize,
    /// Days until keys.json must be signed anew || keys.json の有効日数
    #[arg(long, value_name = "DAYS", default_value_t = limits::KEYS_DAYS)]
    expires: u32,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Pack {
    /// The program || プログラムのファイル
    #[arg(long, value_name = "FILE")]
    binary: PathBuf,
    /// The private signing key; several where several must sign || 署名鍵（複数の署名が必要なら繰り返す）
    #[arg(long, value_name = "FILE", required = true)]
    key_file: Vec<PathBuf>,
    /// The folder for the release || リリースを書き出すフォルダー
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The keys document; keys.json beside the key if not given || 鍵文書（省略すると署名鍵と同じ場所の keys.json）
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// What is new, in Japanese || 変更点（日本語）のファイル
    #[arg(long, value_name = "FILE")]
    notes_ja: Option<PathBuf>,
    /// What is new, in English || 変更点（英語）のファイル
    #[arg(long, value_name = "FILE")]
    notes_en: Option<PathBuf>,
    /// Once this release has proved itself, nothing below this version runs any more || この版より前には戻れなくする
    #[arg(long, value_name = "VERSION")]
    minimum: Option<String>,
    /// Days in which it may be installed || インストールできる日数
    #[arg(long, value_name = "DAYS", default_value_t = limits::RELEASE_DAYS)]
    expires: u32,
    /// The version; the program is asked if not given || 版（省略するとプログラムに尋ねる）
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The kind of machine; the program is asked if not given || 対象（省略するとプログラムに尋ねる）
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Sign {
    /// The private root key; several where several must sign || ルート鍵（複数の署名が必要なら繰り返す）
    #[arg(long, value_name = "FILE", required = true)]
    root_key_file: Vec<PathBuf>,
    /// The keys document of today || いまの鍵文書
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The folder for the new keys.json and new signing keys || 新しい keys.json と署名鍵を書き出すフォルダー
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Days until keys.json must be signed anew || keys.json の有効日数
    #[arg(long, value_name = "DAYS", default_value_t = limits::KEYS_DAYS)]
    expires: u32,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    sign: Sign,
    /// The id of the key; several if several are lost || 失効させる鍵の ID
    #[arg(long, value_name = "ID", required = true)]
    key: Vec<String>,
}

#[derive(clap::Args)]
pub(in crate::cli) struct Rotate {
    #[command(flatten)]
    sign: Sign,
    /// The id of a key to replace; all if none is given || 替える鍵の ID（省略するとすべて）
    #[arg(long, value_name = "ID")]
    key: Vec<String>,
}

pub(super) fn run(verb: Release, common: &Common, talk: &Talk) -> Result<u8> {
    let phrase = common.passphrase_file.as_deref().map(files::secret).transpose()?;
    let phrase = phrase.as_ref();
    let value = match verb {
        Release::Keys(flags) => keys(&flags, phrase)?,
        Release::Pack(flags) => pack(&flags, phrase)?,
        Release::Revoke(Revoke { sign, key }) => resign(&sign, &Change::Revoke(&key), phrase)?,
        Release::Rotate(Rotate { sign, key }) => resign(&sign, &Change::Rotate(&key), phrase)?,
        Release::Renew(sign) => resign(&sign, &Change::Renew, phrase)?,
    };
    Ok(talk.show(&Answer::of(value)?))
}

fn keys(flags: &Keys, phrase: Option<&Secret>) -> Result<Value> {
    let how_many = HowMany {
        roots: flags.roots,
        root_threshold: flags.threshold,
        signing: flags.signing,
        signing_threshold: flags.signing_threshold,
    };
    let made = vendor::new_keys(&how_many, clock::now(), days(flags.expires))?;
    let out = folder(&flags.out)?;
    if out.join("keys.json").exists() {
        return Err(Error::conflict(say!("このフォルダーにはすでに鍵があります。", "This folder has keys already.")));
    }
    let roots = write_keys(out, "root", &made.roots, KeyRole::Root, phrase)?;
    let signing = write_keys(out, "signing", &made.signing, KeyRole::Signing, phrase)?;
    let public = out.join("release.pub");
    replace_file(&public, made.public.print().as_bytes(), 0o644)?;
    replace_file(&out.join("keys.json"), &made.document, 0o644)?;
    Ok(json!({
        "roots": roots, "signing": signing, "keys": out.join("keys.json"), "public": public,
        "sealed": phrase.is_some(),
    }))
}

/// Private keys, each in a new file that only the caller can read.
fn write_keys(
    out: &Path,
    name: &str,
    keys: &[SecretKey],
    role: KeyRole,
    phrase: Option<&Secret>,
) -> Result<Vec<Value>> {
    let mut written = Vec::new();
    for key in keys {
        let id = key.public().id();
        let path = out.join(format!("{name}-{id}.key"));
        files::write_private(&path, &vendor::print_key(key, role, phrase)?)?;
        written.push(json!({"id": id, "file": path}));
    }
    Ok(written)
}

fn read_keys(paths: &[PathBuf], role: KeyRole, phrase: Option<&Secret>) -> Result<Vec<SecretKey>> {
    let read = |path: &PathBuf| {
        let text = zeroize::Zeroizing::new(files::text(path, limits::KEY_TEXT_MAX as u64)?);
        vendor::read_key(&text, role, phrase)
    };
    paths.iter().map(read).collect()
}

fn resign(flags: &Sign, change: &Change<'_>, phrase: Option<&Secret>) -> Result<Value> {
    let roots = read_keys(&flags.root_key_file, KeyRole::Root, phrase)?;
    let text = files::text(&flags.keys, limits::KEYS_DOCUMENT_MAX as u64)?;
    // Whoever signs anew must not sign what somebody slipped in: these roots must have signed the document before.
    let own = Roots { threshold: roots.len(), keys: roots.iter().map(|k| k.public().clone()).collect() };
    let document = KeysDocument::open(text.as_bytes(), &own)?;
    let (next, new) = vendor::next_keys(&document, change, clock::now(), days(flags.expires))?;
    let signed = next.sign(&roots)?;
    check_against_release_pub(&flags.keys, &signed)?;
    let out = folder(&flags.out)?;
    let signing = write_keys(out, "signing", &new, KeyRole::Signing, phrase)?;
    let path = out.join("keys.json");
    replace_file(&path, &signed, 0o644)?;
    Ok(json!({
        "keys": path, "version": next.version, "new": signing, "revoked": next.revoked,
        "signing": next.keys.iter().map(PublicKey::id).collect::<Vec<_>>(),
    }))
}

/// Where `release.pub` lies beside the keys document, too few roots are told now and not by every house.
fn check_against_release_pub(keys: &Path, signed: &[u8]) -> Result<()> {
    let public = keys.with_file_name("release.pub");
    if !public.exists() {
        return Ok(());
    }
    let roots = Roots::parse(&files::text(&public, limits::MB)?)?;
    KeysDocument::open(signed, &roots)?;
    Ok(())
}

fn pack(flags: &Pack, phrase: Option<&Secret>) -> Result<Value> {
    let signing = read_keys(&flags.key_file, KeyRole::Signing, phrase)?;
    let beside = flags.key_file.first().and_then(|k| k.parent()).unwrap_or(Path::new("."));
    let keys_path = flags.keys.clone().unwrap_or_else(|| beside.join("keys.json"));
    let keys = files::text(&keys_path, limits::KEYS_DOCUMENT_MAX as u64)?;
    let (version, target) = named(flags)?;
    let order = Order {
        version,
        target,
        minimum: flags.minimum.as_deref().map(Version::parse).transpose()?,
        lasts: days(flags.expires),
        notes: Say::new(notes(flags.notes_ja.as_deref())?, notes(flags.notes_en.as_deref())?),
    };
    let out = folder(&flags.out)?;
    let cannot = |e| Error::io(say!("リリースを書き出せません。", "Cannot write the release."), e);
    let mut program = File::open(&flags.binary).map_err(|e| unreadable(&flags.binary, e))?;
    let size = program.metadata().map_err(cannot)?.len();
    let mut body = tempfile::tempfile_in(out).map_err(cannot)?;
    let packed = vendor::pack(order, clock::now(), (&signing, keys.as_bytes()), (&mut program, size), &mut body)?;
    write_release(out, &packed, &mut body).map_err(cannot)
}

fn write_release(out: &Path, packed: &Packed, body: &mut File) -> std::io::Result<Value> {
    let Packed { manifest, document, head } = packed;
    let name = manifest.bundle_name();
    let (bundle, beside) = (out.join(&name), out.join(format!("{name}.part")));
    let mut file = File::create(&beside)?;
    file.write_all(head)?;
    body.seek(SeekFrom::Start(0))?;
    std::io::copy(body, &mut file)?;
    file.sync_all()?;
    std::fs::rename(&beside, &bundle)?;
    let separate = out.join(format!("{}.manifest.json", name.trim_end_matches(".tar.gz")));
    std::fs::write(&separate, document)?;
    Ok(json!({
        "bundle": bundle, "manifest": separate, "version": manifest.version, "target": manifest.target,
        "sha256": manifest.program.sha256, "size": manifest.program.size,
        "expires": manifest.expires.rfc3339(&clock::japan()), "keys": manifest.keys,
    }))
}

/// Version and target, as given or as the program says.
fn named(flags: &Pack) -> Result<(Version, String)> {
    let (version, target) = match (&flags.version, &flags.target) {
        (Some(version), Some(target)) => (version.clone(), target.clone()),
        (Some(version), None) => (version.clone(), Build::target()),
        (None, target) => {
            let said = ask_version(&flags.binary)?;
            let word = |name: &str| said[name].as_str().map(str::to_owned).ok_or_else(says_nothing);
            (word("version")?, target.clone().map_or_else(|| word("target"), Ok)?)
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    match !target.is_empty() && target.chars().all(plain) {
        true => Ok((Version::parse(&version)?, target)),
        false => Err(Error::refused(say!("対象の形が正しくありません。", "This is not a target."))),
    }
}

/// Runs the program's own `version --json`; one that does not answer in time is stopped.
fn ask_version(binary: &Path) -> Result<Value> {
    let path = std::path::absolute(binary).map_err(|e| unreadable(binary, e))?;
    let mut child = Command::new(path)
        .args(["version", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| unreadable(binary, e))?;
    let since = Instant::now();
    while child.try_wait().map_err(|e| unreadable(binary, e))?.is_none() {
        if since.elapsed() >= limits::VERSION_TIME {
            // It is gone by itself if it cannot be killed.
            child.kill().ok();
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let mut said = Vec::new();
    let stdout = child.stdout.take().ok_or_else(says_nothing)?;
    stdout.take(limits::MB).read_to_end(&mut said).map_err(|e| unreadable(binary, e))?;
    serde_json::from_slice(&said).map_err(|e| says_nothing().because(e))
}

fn says_nothing() -> Error {
    Error::refused(say!("プログラムが版を答えません。", "The program does not tell its version."))
        .hint(say!("--version と --target で指定してください。", "Name it with --version and --target."))
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    let at = path.display().to_string();
    Error::io(say!("{at} を使えません。", "Cannot use {at}."), e)
}

fn notes(path: Option<&Path>) -> Result<String> {
    path.map_or(Ok(String::new()), |p| files::text(p, limits::NOTES_MAX))
}

fn days(n: u32) -> Duration {
    limits::DAY.saturating_mul(n)
}

fn folder(dir: &Path) -> Result<&Path> {
    let at = dir.display().to_string();
    std::fs::create_dir_all(dir)
        .map_err(|e| Error::io(say!("フォルダー {at} を作れません。", "Cannot make the folder {at}."), e))?;
    Ok(dir)
}
