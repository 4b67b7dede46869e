//! What the domain asks of receivers (DMARC).

use super::{Finding, publish, tag, tags, together};
use crate::base::names::Records;
use crate::base::{Domain, Say};
use crate::delivery::domains::known::Known;
use crate::delivery::domains::records::{self, Check, Profile, RecordType, Wanted};

pub(super) fn finding(profile: &Profile, known: &Known) -> Finding {
    let wanted = wanted(profile);
    for name in profile.domain().upwards() {
        let texts = match known.texts(&format!("_dmarc.{name}")) {
            Records::Unknown => return Finding::unknown(wanted),
            Records::Absent => continue,
            Records::Found(texts) => texts,
        };
        let policies: Vec<String> = texts.into_iter().filter(|t| is_policy(t)).collect();
        if !policies.is_empty() {
            return read(profile, known, (wanted, name, policies));
        }
    }
    Finding::missing(wanted, say!("DMARC レコードがありません。", "There is no DMARC record."), publish())
}

fn is_policy(text: &str) -> bool {
    text.trim_start().split(';').next().is_some_and(|first| first.replace(' ', "").eq_ignore_ascii_case("v=DMARC1"))
}

fn wanted(profile: &Profile) -> Wanted {
    Wanted {
        check: Check::Dmarc,
        name: format!("_dmarc.{}", profile.domain()),
        kind: RecordType::Txt,
        value: records::dmarc(profile.entry.reports.as_ref()),
        required: true,
        why: say!(
            "なりすましをどう扱ってほしいかを受信側に伝えます。まず p=none で様子を見て、あとで厳しくします。",
            "Tells receivers what to do with forged mail. Begin with p=none and tighten it later."
        ),
    }
}

fn read(profile: &Profile, known: &Known, (wanted, name, policies): (Wanted, &str, Vec<String>)) -> Finding {
    let [policy] = &policies[..] else {
        let n = policies.len();
        let says = say!(
            "DMARC レコードが {n} 個あります。受信側はどれも使いません。",
            "There are {n} DMARC records, and receivers use none of them."
        );
        let fix = say!("1 つだけ残してください。", "Leave one of them.");
        return Finding::different(wanted, policies, says, fix);
    };
    let found = tags(policy);
    let problems = problems(profile, &found);
    if !problems.is_empty() {
        let fix = say!("レコードを直してください。", "Mend the record.");
        return Finding::different(wanted, policies, together(problems), fix);
    }
    let mut says = vec![there(profile.domain(), name, &found)];
    says.extend(outdated(&found));
    says.extend(unheard(profile, known, (name, &found)));
    Finding::there(wanted, policies, together(says))
}

fn there(domain: &Domain, name: &str, found: &[(String, String)]) -> Say {
    let policy = tag(found, "p").unwrap_or_default();
    match name == domain.as_str() {
        true => say!("公開されています（p={policy}）。", "It is published (p={policy})."),
        false => say!(
            "上のドメイン {name} の DMARC（p={policy}）が使われます。",
            "The one of {name} above it counts (p={policy})."
        ),
    }
}

/// What makes receivers ignore it, or our mail fail it.
fn problems(profile: &Profile, found: &[(String, String)]) -> Vec<Say> {
    let mut list = Vec::new();
    match tag(found, "p") {
        Some(p) if ["none", "quarantine", "reject"].contains(&p.to_ascii_lowercase().as_str()) => {}
        _ => list.push(say!(
            "p= が none・quarantine・reject のどれでもありません。",
            "Its p= is none of none, quarantine and reject."
        )),
    }
    let strict = |name: &str| tag(found, name).is_some_and(|v| v.eq_ignore_ascii_case("s"));
    let signs = profile.published().next().map(|pair| &pair.domain);
    if strict("adkim") && signs.is_some_and(|signs| signs != profile.domain()) {
        list.push(say!(
            "adkim=s のため、上のドメインの鍵による署名は認められません。このドメインの鍵を作ってください。",
            "Because of adkim=s a signature by the domain above does not count: make keys for this domain."
        ));
    }
    list
}

/// The successor of RFC 7489 took `pct` away.
fn outdated(found: &[(String, String)]) -> Option<Say> {
    tag(found, "pct").map(|_| say!("pct= は廃止されたので、外してかまいません。", "Its pct= is outdated and can go."))
}

/// Reports to another domain need that domain's consent.
fn unheard(profile: &Profile, known: &Known, (name, found): (&str, &[(String, String)])) -> Option<Say> {
    let addresses = tag(found, "rua")?.split(',').filter_map(|uri| uri.trim().strip_prefix("mailto:"));
    let hosts = addresses.filter_map(|a| a.rsplit_once('@')).map(|(_, host)| host.split('!').next().unwrap_or(host));
    let related = |host: &str| {
        let (Ok(host), Ok(name)) = (Domain::parse(host), Domain::parse(name)) else { return false };
        host.is_within(&name) || profile.domain().is_within(&host)
    };
    let silent = hosts
        .filter(|host| !related(host))
        .find(|host| matches!(known.texts(&format!("{name}._report._dmarc.{host}")), Records::Absent))?;
    Some(say!(
        "報告の宛先 {silent} が受け取りを認めるレコードを出していないため、報告は届きません。",
        "Reports to {silent} do not arrive: it does not publish that it takes them."
    ))
}
