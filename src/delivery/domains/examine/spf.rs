//! Whether the addresses that mail comes from are allowed to send.

use super::{Finding, publish, together};
use crate::base::Say;
use crate::delivery::domains::known::Known;
use crate::delivery::domains::records::{self, Check, Profile, RecordType, Wanted};
use crate::delivery::domains::spf::{
    LOOKUPS_MAX, Outcome, Published, Qualifier, Spf, check_host, lookups, merged, published,
};

pub(super) fn findings(profile: &Profile, known: &Known) -> Vec<Finding> {
    let (from, path) = (&profile.entry.domain, &profile.entry.return_path);
    let mut list = vec![one(profile, known, (Check::SpfReturnPath, path.as_str()))];
    if from != path {
        list.push(one(profile, known, (Check::SpfFrom, from.as_str())));
    }
    if let Some(helo) = profile.helo().filter(|helo| *helo != from && *helo != path) {
        list.push(one(profile, known, (Check::SpfHelo, helo.as_str())));
    }
    list
}

fn wanted(profile: &Profile, (check, name): (Check, &str)) -> Wanted {
    let terms = profile.spf_terms();
    let (value, why) = match check {
        // Others may send for the domain that people know; only the house does for a return path of its own.
        Check::SpfFrom => (
            records::spf(&terms, "~all"),
            say!(
                "差出人のドメインからの送信を許可します。差出人の側の SPF を見る携帯電話会社があります。",
                "Allows us to send for the domain in From: some Japanese carriers look at its SPF."
            ),
        ),
        Check::SpfHelo => (
            "v=spf1 a -all".to_owned(),
            say!(
                "サーバーの名前での送信を許可します。エラーメールなどで使われます。",
                "Allows the server to send in its own name, as reports of failure do."
            ),
        ),
        _ => (
            records::spf(&terms, if profile.entry.return_path == profile.entry.domain { "~all" } else { "-all" }),
            say!("返送先のドメインからの送信を許可します。", "Allows us to send for the return path."),
        ),
    };
    let required = check != Check::SpfHelo;
    Wanted { check, name: name.to_owned(), kind: RecordType::Txt, value, required, why }
}

fn one(profile: &Profile, known: &Known, at: (Check, &str)) -> Finding {
    let wanted = wanted(profile, at);
    match published(known, at.1) {
        Published::Unknown => Finding::unknown(wanted),
        Published::None => missing(wanted),
        Published::Several(texts) => several(wanted, texts, profile),
        Published::Broken(text) => Finding::different(
            wanted,
            vec![text],
            say!("SPF レコードに読み取れない語があります。", "The SPF record has a word that nobody can read."),
            publish(),
        ),
        Published::One(spf) => read(profile, known, (wanted, spf)),
    }
}

fn missing(wanted: Wanted) -> Finding {
    let fix = match wanted.value.is_empty() {
        false => publish(),
        true => name_addresses(),
    };
    Finding::missing(wanted, say!("SPF レコードがありません。", "There is no SPF record."), fix)
}

fn name_addresses() -> Say {
    say!(
        "先に送信元アドレスを登録してください: hakobu mail sending set --address IP（中継サーバーを使うときは --include ドメイン）",
        "Name the addresses first: hakobu mail sending set --address IP (with a relay, --include DOMAIN)."
    )
}

fn several(mut wanted: Wanted, texts: Vec<String>, profile: &Profile) -> Finding {
    let n = texts.len();
    wanted.value = merged(&texts, &profile.spf_terms());
    Finding::different(
        wanted,
        texts,
        say!(
            "SPF レコードが {n} 個あります。受信側はエラーとして扱います。",
            "There are {n} SPF records, which receivers take for an error."
        ),
        say!("示した値 1 つにまとめてください。", "Put them together into the one shown."),
    )
}

fn read(profile: &Profile, known: &Known, (mut wanted, spf): (Wanted, Spf)) -> Finding {
    let found = vec![spf.text.clone()];
    let mut problems = problems(known, &wanted.name, &spf);
    let lacking = match lacking(profile, known, (&wanted.name, &spf)) {
        Some(lacking) => lacking,
        None if problems.is_empty() => return Finding { found, ..Finding::unknown(wanted) },
        None => Vec::new(),
    };
    if !lacking.is_empty() {
        // A name of a server allows its own addresses by `a`; what else is there stays.
        wanted.value = spf.with(&lacking);
        let list = lacking.join(" ");
        problems.push(say!("許可されていない送信元があります（{list}）。", "It does not allow {list}."));
    }
    match problems.is_empty() {
        true => Finding::there(wanted, found, say!("送信元は許可されています。", "It allows our mail.")),
        false => Finding::different(wanted, found, together(problems), fix(&lacking)),
    }
}

fn fix(lacking: &[String]) -> Say {
    match lacking.is_empty() {
        false => say!("示した値に書き換えてください。", "Exchange it for the value shown."),
        true => say!("書き方を直してください。", "Mend the record."),
    }
}

/// What is wrong with a record whoever sends.
fn problems(known: &Known, name: &str, spf: &Spf) -> Vec<Say> {
    let mut list = Vec::new();
    if spf.allows_everybody() {
        list.push(say!(
            "+all があり、だれでもこのドメインを名乗れます。",
            "It has +all: everybody may send in this domain's name."
        ));
    }
    let n = lookups(known, name);
    if n > LOOKUPS_MAX {
        list.push(say!(
            "DNS の参照が {LOOKUPS_MAX} 回を超え（{n} 回）、受信側はエラーとして扱います。",
            "It costs {n} look-ups; beyond {LOOKUPS_MAX} receivers take it for an error."
        ));
    }
    list
}

/// The terms that are needed and not there; `None` when DNS does not say enough.
fn lacking(profile: &Profile, known: &Known, (name, spf): (&str, &Spf)) -> Option<Vec<String>> {
    let mut list = Vec::new();
    for (ip, term) in profile.sending.public().into_iter().zip(profile.spf_terms()) {
        match check_host(known, name, ip) {
            Outcome::Says(Qualifier::Pass) => {}
            Outcome::Unknown => return None,
            _ => list.push(term),
        }
    }
    let missing = profile.sending.includes.iter().filter(|other| !spf.includes(other.as_str()));
    list.extend(missing.map(|other| format!("include:{other}")));
    Some(list)
}
