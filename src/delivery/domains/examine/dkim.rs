//! Whether the keys that sign are published.

use super::{Finding, Standing, publish, tag, tags};
use crate::base::names::Records;
use crate::base::{Domain, Say};
use crate::delivery::dkim::{KeyRecord, Pair, State};
use crate::delivery::domains::known::Known;
use crate::delivery::domains::records::{Check, Profile, RecordType, Wanted};

pub(super) fn findings(profile: &Profile, known: &Known) -> Vec<Finding> {
    let list: Vec<Finding> =
        profile.published().flat_map(|pair| pair.records().map(|record| one((pair, record), known))).collect();
    if list.is_empty() { vec![no_keys(profile.domain())] } else { list }
}

/// Both records of a pair are there.
pub(in crate::delivery::domains) fn seen(pair: &Pair, known: &Known) -> bool {
    // Both are asked for, whatever the first one says.
    let both = pair.records().map(|record| one((pair, record), known).standing == Standing::There);
    both == [true, true]
}

fn wanted(record: &KeyRecord, state: State) -> Wanted {
    let why = match state {
        State::Waiting => say!(
            "新しい署名の鍵です。公開が確かめられると、使い始めます。",
            "The next signing key. It is used once it is seen."
        ),
        State::Active => {
            say!("メールの署名を受信側が確かめる鍵です。", "Receivers check the mail's signature with it.")
        }
        State::Retiring | State::Gone => say!(
            "前の鍵です。配送途中のメールのために、しばらく残します。",
            "The key before. It stays a while for mail on its way."
        ),
    };
    Wanted {
        check: Check::Dkim,
        name: record.name.clone(),
        kind: RecordType::Txt,
        value: record.value.clone(),
        required: state != State::Retiring,
        why,
    }
}

fn no_keys(domain: &Domain) -> Finding {
    let wanted = Wanted {
        check: Check::Dkim,
        name: String::new(),
        kind: RecordType::Txt,
        value: String::new(),
        required: true,
        why: say!("メールの署名を受信側が確かめる鍵です。", "Receivers check the mail's signature with it."),
    };
    Finding::missing(
        wanted,
        say!("DKIM の鍵がまだありません。", "There are no DKIM keys yet."),
        say!("hakobu mail dkim create --domain {domain}", "hakobu mail dkim create --domain {domain}"),
    )
}

fn one((pair, record): (&Pair, KeyRecord), known: &Known) -> Finding {
    let wanted = wanted(&record, pair.state);
    match known.texts(&record.name) {
        Records::Unknown => Finding::unknown(wanted),
        Records::Absent => absent(wanted, &pair.domain, known),
        Records::Found(texts) => match wrong(&texts, &record.value) {
            None => Finding::there(wanted, texts, say!("公開されています。", "It is published.")),
            Some(says) => Finding::different(wanted, texts, says, publish()),
        },
    }
}

/// Providers' pages often add the domain by themselves, and the record ends up under the name twice over.
fn absent(wanted: Wanted, domain: &Domain, known: &Known) -> Finding {
    let doubled = format!("{}.{domain}", wanted.name);
    match known.texts(&doubled) {
        Records::Found(found) => Finding::different(
            wanted,
            found,
            say!("レコードが {doubled} という名前で公開されています。", "The record stands under {doubled}."),
            say!(
                "DNS の管理画面がドメイン名を自動で付け足しています。名前の欄からドメインの部分を除いてください。",
                "Your DNS provider adds the domain by itself: leave it out of the name."
            ),
        ),
        Records::Absent | Records::Unknown => {
            Finding::missing(wanted, say!("公開されていません。", "It is not published."), publish())
        }
    }
}

/// What is wrong with the published key; `None` when it is ours.
fn wrong(texts: &[String], value: &str) -> Option<Say> {
    let [text] = texts else {
        let n = texts.len();
        return Some(say!("同じ名前に {n} 個のレコードがあります。", "There are {n} records of that name."));
    };
    let (found, ours) = (tags(text), tags(value));
    let key = |tags: &[(String, String)]| tag(tags, "p").unwrap_or_default().replace(char::is_whitespace, "");
    let hashes = tag(&found, "h").is_none_or(|h| h.split(':').any(|one| one.trim() == "sha256"));
    let version = tag(&found, "v").is_none_or(|v| v == "DKIM1");
    let kind = tag(&found, "k").unwrap_or("rsa") == tag(&ours, "k").unwrap_or("rsa");
    match () {
        () if text.contains('"') || text.contains('\\') => Some(say!(
            "値の中に、引用符や \\ が文字として入っています。",
            "Quotes or backslashes have become part of the value."
        )),
        () if key(&found).is_empty() => {
            Some(say!("鍵が空です（取り消された鍵を表します）。", "The key is empty, which means revoked."))
        }
        () if key(&found) != key(&ours) => {
            Some(say!("公開されている鍵が、署名の鍵と違います。", "The published key is not the one that signs."))
        }
        () if !kind || !version || !hashes => {
            Some(say!("鍵の種類や版の書き方が違います。", "Its kind or version is written wrongly."))
        }
        () if tag(&found, "t").is_some_and(|t| t.split(':').any(|flag| flag.trim() == "y")) => Some(say!(
            "試験中の印（t=y）があり、受信側が署名を無視することがあります。",
            "It says that it is a test (t=y): receivers may ignore the signature."
        )),
        () => None,
    }
}
