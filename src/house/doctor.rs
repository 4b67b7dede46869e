//! `hakobu doctor`: numbered checks of this house, each with what to do about it. Over a network only the public
//! URL is tried.

use super::{Boot, House};
use crate::access::{Role, user};
use crate::alarm::{Log, Settings};
use crate::base::{Result, Say, limits};
use crate::campaigns::{run, sender};
use crate::delivery;
use crate::store::Keyring;
use serde::Serialize;
use std::os::unix::fs::MetadataExt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Ok,
    Warn,
    Fail,
}

#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub health: Health,
    pub says: Say,
    /// What to do; empty when all is well.
    pub fix: Say,
}

type Check = fn(&House) -> Result<Finding>;

/// Every check, in the order shown. Names are a promise to scripts.
const CHECKS: &[(&str, Check)] = &[
    ("disk", disk),
    ("sound", sound),
    ("folder", folder),
    ("key_file", key_file),
    ("recovery_code", recovery_code),
    ("audit", audit),
    ("journal", journal),
    ("admin", admin),
    ("relay", relay),
    ("alarm", alarm),
    ("sender", sender_profile),
    ("receivers", receivers),
    ("public_url", public_url),
];

pub fn examine(house: &House) -> Vec<Finding> {
    let one = |(name, check): &(&'static str, Check)| {
        let finding = check(house).unwrap_or_else(|e| {
            let fix = e.hinted().cloned().unwrap_or_else(|| say!("", ""));
            Finding { check: name, health: Health::Fail, says: e.says().clone(), fix }
        });
        Finding { check: name, ..finding }
    };
    CHECKS.iter().map(one).collect()
}

fn well(says: Say) -> Result<Finding> {
    Ok(Finding { check: "", health: Health::Ok, says, fix: say!("", "") })
}

fn ill(health: Health, says: Say, fix: Say) -> Result<Finding> {
    Ok(Finding { check: "", health, says, fix })
}

/// Bytes that the disk of the data folder has left.
pub fn free(house: &House) -> Result<u64> {
    let about = rustix::fs::statvfs(house.data()).map_err(|e| {
        crate::base::Error::io(say!("空き容量が分かりません。", "Cannot tell how much room is left."), e.into())
    })?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

fn disk(house: &House) -> Result<Finding> {
    let free = free(house)?;
    let (gb, tenth) = (free / limits::GB, (free % limits::GB) * 10 / limits::GB);
    let says = say!("空き容量は {gb}.{tenth} GB です。", "{gb}.{tenth} GB are free.");
    let fix = || say!("不要なファイルを移すか、ディスクを広げてください。", "Move files away, or enlarge the disk.");
    match free {
        _ if free < limits::DISK_FAIL => ill(Health::Fail, says, fix()),
        _ if free < limits::DISK_WARN => ill(Health::Warn, says, fix()),
        _ => well(says),
    }
}

fn sound(house: &House) -> Result<Finding> {
    match house.store.is_sound() {
        true => well(say!("ディスクへの書き込みは正常です。", "The disk confirms what is written.")),
        false => ill(
            Health::Fail,
            say!("ディスクへの書き込みを確認できませんでした。", "The disk did not confirm a write."),
            say!("ディスクを確認し、再起動してください。", "Look at the disk, then restart."),
        ),
    }
}

fn folder(house: &House) -> Result<Finding> {
    let at = house.data().display().to_string();
    let about = std::fs::metadata(house.data())
        .map_err(|e| crate::base::Error::io(say!("{at} を調べられません。", "Cannot look at {at}."), e))?;
    match about.mode() & 0o077 {
        0 => well(say!("データフォルダーはほかの人から読めません。", "Nobody else can read the data folder.")),
        _ => ill(
            Health::Warn,
            say!("データフォルダーをほかの人が読めます。", "Others can read the data folder."),
            say!("chmod 700 {at}", "chmod 700 {at}"),
        ),
    }
}

fn key_file(house: &House) -> Result<Finding> {
    let boot = Boot::read(house.data())?;
    let provider = boot.key.name();
    // A key file that others can read is refused when the house opens, so being here says that it is private.
    match boot.key.mode().map(|m| format!("{m:04o}")) {
        Some(mode) => well(say!("鍵ファイルのモードは {mode} です。", "The key file has mode {mode}.")),
        None => well(say!("鍵は {provider} から取得しています。", "The key comes from: {provider}.")),
    }
}

fn recovery_code(house: &House) -> Result<Finding> {
    match Keyring::status(house.data(), &Boot::read(house.data())?.key)?.recovery_confirmed {
        Some(_) => well(say!("復旧コードは控えてあります。", "The recovery code was kept.")),
        None => ill(
            Health::Warn,
            say!(
                "復旧コードを控えたことが、まだ確かめられていません。",
                "Nobody has shown yet that the recovery code was kept."
            ),
            say!("hakobu key confirm で入力してください。", "Type it in with hakobu key confirm."),
        ),
    }
}

fn audit(house: &House) -> Result<Finding> {
    let lines = house.store.verify_audit()?;
    well(say!("監査記録 {lines} 行は、すべてつながっています。", "All {lines} audit lines fit each other."))
}

fn journal(house: &House) -> Result<Finding> {
    let names = |list: Vec<String>| list.join(", ");
    let damaged = names(house.store.journal().damaged().iter().map(|d| d.name.clone()).collect());
    let strays = names(run::strays(&house.store)?.iter().map(ToString::to_string).collect());
    match (damaged.is_empty(), strays.is_empty()) {
        (true, true) => well(say!("送信記録はすべて開けます。", "Every ledger opens.")),
        (false, _) => ill(
            Health::Fail,
            say!("開けない送信記録があります: {damaged}", "Ledgers that do not open: {damaged}"),
            say!(
                "その配信の結果は分かりません。バックアップから戻してください。",
                "Their results are not known. Restore them from a backup."
            ),
        ),
        (true, false) => ill(
            Health::Warn,
            say!("どの配信のものでもない送信記録があります: {strays}", "Ledgers that belong to no campaign: {strays}"),
            say!("そのままで害はありません。", "They do no harm."),
        ),
    }
}

fn admin(house: &House) -> Result<Finding> {
    let admins = user::list(&house.store)?;
    let n = admins.iter().filter(|u| u.role == Role::Admin && u.has_password && u.suspended.is_none()).count();
    match n {
        1 => ill(
            Health::Warn,
            say!("管理者が 1 人だけです。", "There is only one admin."),
            say!("hakobu user invite ADDRESS --role admin", "hakobu user invite ADDRESS --role admin"),
        ),
        _ => well(say!("管理者は {n} 人です。", "There are {n} admins.")),
    }
}

fn relay(house: &House) -> Result<Finding> {
    match delivery::relay(&house.store)?.map(|r| r.url()) {
        Some(url) => well(say!("中継サーバーは {url} です。", "The relay is {url}.")),
        None => ill(
            Health::Warn,
            say!("中継サーバーの設定がありません。", "No relay is set, so no mail can leave."),
            say!("hakobu relay set smtp://HOST:PORT", "hakobu relay set smtp://HOST:PORT"),
        ),
    }
}

fn public_url(house: &House) -> Result<Finding> {
    let url = &house.boot.public_url;
    match house.public_url_answers() {
        Some(true) => {
            well(say!("公開 URL {url} は、この環境につながります。", "The public URL {url} leads to this house."))
        }
        None => well(say!("公開 URL {url} の応答は確かめていません。", "The public URL {url} is not tried.")),
        Some(false) => ill(
            Health::Warn,
            say!(
                "公開 URL {url} は、この環境につながりません。配信停止リンクも開けません。",
                "The public URL {url} does not lead to this house: links to unsubscribe do not open."
            ),
            say!(
                "DNS・証明書・プロキシーを確かめてください。外からは開けるのにこの機械から戻れない網では、/etc/hosts に名前を書くか、hakobu.toml に probe = false と書きます。",
                "Check DNS, certificate and proxy. If it opens from outside and only this machine cannot get back to itself, name it in /etc/hosts, or write probe = false into hakobu.toml."
            ),
        ),
    }
}

fn alarm(house: &House) -> Result<Finding> {
    let test = || say!("hakobu alarm test", "hakobu alarm test");
    let Some(settings) = house.alarm()? else {
        return ill(
            Health::Warn,
            say!(
                "警報の宛先か中継サーバーの設定がありません。",
                "No alarm is set up: it needs an address and a relay."
            ),
            say!("hakobu alarm set --to ADDRESS", "hakobu alarm set --to ADDRESS"),
        );
    };
    if Settings::read(house.data(), &house.door_key())?.as_ref() != Some(&settings) {
        let says =
            say!("警報の設定の写しが古くなっています。", "The sealed copy of the alarm's settings is out of date.");
        return ill(Health::Fail, says, test());
    }
    match Log::read(house.data()).attempts.back() {
        None => ill(Health::Warn, say!("警報を試していません。", "The alarm has never been tried."), test()),
        Some(a) if a.left => well(say!("警報は送れる状態です。", "The alarm is ready; the last one left.")),
        Some(a) => {
            let Say { ja, en } = a.why.clone().unwrap_or_else(|| say!("", ""));
            ill(Health::Fail, say!("最後の警報を送れませんでした。{ja}", "The last alarm did not leave. {en}"), test())
        }
    }
}

/// Which receivers pause. Their names stand in the list that is pointed at.
fn receivers(house: &House) -> Result<Finding> {
    let paused = delivery::receivers::paused(&house.store)?.len();
    match paused {
        0 => well(say!("不達が多すぎる受信側はありません。", "No receiver has too many failures.")),
        _ => ill(
            Health::Warn,
            say!(
                "恒久エラーが多すぎるため、{paused} 件の受信側を一時停止しています。",
                "Receivers that pause, because too many addresses failed there: {paused}."
            ),
            say!(
                "hakobu mail receiver list で確かめ、hakobu mail receiver resume DOMAIN で再開してください。",
                "See hakobu mail receiver list, then hakobu mail receiver resume DOMAIN."
            ),
        ),
    }
}

fn sender_profile(house: &House) -> Result<Finding> {
    match sender::list(&house.store)?.iter().any(|p| p.sender.is_complete()) {
        true => well(say!("差出人の表示は整っています。", "A sender profile is complete.")),
        false => ill(
            Health::Warn,
            say!(
                "事業者名・住所・問い合わせ先がそろった差出人がありません（特定電子メール法の表示）。",
                "No sender profile has legal name, postal address and contact (the law wants them in advertisements)."
            ),
            say!(
                "hakobu sender save NAME --from … --legal-name … --postal-address … --contact …",
                "hakobu sender save NAME --from … --legal-name … --postal-address … --contact …"
            ),
        ),
    }
}
