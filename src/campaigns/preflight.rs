//! The pre-flight: what would go wrong, before anything goes out. A *stop* keeps the campaign from starting, a *warn*
//! is for a person (or `--strict`) to judge, a *note* only says what will be done.

use super::audience::{self, Totals};
use super::campaign::{self, Campaign, Draft};
use super::content::Content;
use super::letters::Writer;
use super::proof;
use super::render::Renderer;
use super::shield;
use crate::base::{Error, Result, Say, Time, limits};
use crate::contacts::MailKind;
use crate::contacts::attribute::Catalog;
use crate::store::Store;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Stop,
    Warn,
    Note,
}

/// One thing found. `code` is a promise to scripts, the sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    pub code: &'static str,
    pub says: Say,
    /// `subject`, `html`, `text`, `sender`, `segment`, `settings`.
    pub place: &'static str,
    pub count: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub totals: Totals,
    /// Bytes of one mail on the wire, as the sample recipient gets it.
    pub size: u64,
}

/// What only the house knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Around<'a> {
    pub public_url: &'a str,
    /// Whether the public URL leads to this house; `None` when nobody is to ask.
    pub answers: Option<bool>,
    pub has_relay: bool,
}

impl Report {
    pub fn stops(&self) -> bool {
        self.findings.iter().any(|f| f.level == Level::Stop)
    }

    pub fn warns(&self) -> bool {
        self.findings.iter().any(|f| f.level == Level::Warn)
    }

    fn add(&mut self, level: Level, code: &'static str, place: &'static str, says: Say) {
        self.findings.push(Finding { level, code, says, place, count: None });
    }

    fn count(&mut self, code: &'static str, place: &'static str, count: u64, says: Say) {
        self.findings.push(Finding { level: Level::Warn, code, says, place, count: Some(count) });
    }
}

pub fn check(store: &Store, now: Time, campaign: &Campaign, around: &Around<'_>) -> Result<Report> {
    let mut report = Report::default();
    settings(&mut report, around);
    written(&mut report, campaign);
    people(&mut report, store, now, campaign)?;
    match campaign::content(store, campaign, around.public_url) {
        Ok(content) => content_checked(&mut report, store, now, (campaign, content))?,
        Err(e) => report.add(Level::Stop, "no_sender", "sender", e.says().clone()),
    }
    report.findings.sort_by_key(|f| f.level);
    Ok(report)
}

/// Whom a draft reaches as it stands in the editor, saved or not. A mistake in its segment is the error.
pub fn whom(store: &Store, now: Time, draft: &Draft) -> Result<Totals> {
    let segment = audience::segment(store, &draft.segment)?;
    audience::totals(store, &segment, draft, now)
}

fn settings(report: &mut Report, around: &Around<'_>) {
    if !around.has_relay {
        let says = say!("メールの中継先が設定されていません。", "No mail relay is set.");
        report.add(Level::Stop, "no_relay", "settings", says);
    }
    if around.public_url.is_empty() {
        let says = say!(
            "公開URLが設定されていないため、配信停止のリンクを作れません。",
            "No public URL is set, so there can be no link to refuse."
        );
        report.add(Level::Stop, "no_public_url", "settings", says);
    } else if around.answers == Some(false) {
        let says = say!(
            "公開 URL がこの環境につながりません。配信停止や Web 版のリンクを開けない人が出ます。",
            "The public URL does not lead to this house: links to refuse and to the web copy will not open."
        );
        report.add(Level::Warn, "public_url_silent", "settings", says);
    }
}

fn written(report: &mut Report, campaign: &Campaign) {
    let draft = &campaign.draft;
    if draft.subject.is_empty() {
        report.add(Level::Warn, "subject_empty", "subject", say!("件名がありません。", "There is no subject."));
    }
    if draft.body.trim().is_empty() {
        report.add(Level::Stop, "body_empty", "html", say!("本文がありません。", "There is no body."));
    }
    if draft.kind == MailKind::Notice && draft.reason.trim().is_empty() {
        let says = say!(
            "重要なお知らせは広告を拒否した人にも届きます。その理由を書いてください。",
            "A notice also reaches people who refused advertisements. State the reason."
        );
        report.add(Level::Stop, "reason_missing", "settings", says);
    }
}

fn people(report: &mut Report, store: &Store, now: Time, campaign: &Campaign) -> Result<()> {
    let draft = &campaign.draft;
    let segment = match audience::segment(store, &draft.segment) {
        Ok(segment) => segment,
        Err(e) => {
            report.add(Level::Stop, "segment_error", "segment", e.says().clone());
            return Ok(());
        }
    };
    report.totals = audience::totals(store, &segment, draft, now)?;
    let Totals { recipients, suppressed, unconsented, refused_but_reached } = report.totals;
    if recipients == 0 {
        let says = say!("絞り込みに当てはまる連絡先がありません。", "The segment picks nobody.");
        report.add(Level::Stop, "no_recipients", "segment", says);
    } else if recipients == suppressed + unconsented {
        let says = say!("送ってよい連絡先がありません。", "Nobody that the segment picks may be written to.");
        report.add(Level::Stop, "no_recipients", "segment", says);
    }
    if suppressed > 0 {
        let says = say!(
            "{suppressed} 件は停止リストか配信の拒否のため、送りません。",
            "{suppressed} are on the do-not-send list or have refused, and get nothing."
        );
        report.count("suppressed", "segment", suppressed, says);
    }
    if unconsented > 0 {
        let says = say!(
            "{unconsented} 件は同意の記録がないため、送りません。",
            "{unconsented} have no recorded consent, and get nothing."
        );
        report.count("unconsented", "segment", unconsented, says);
    }
    if refused_but_reached > 0 {
        let says = say!(
            "広告を拒否した {refused_but_reached} 件にも、重要なお知らせとして届きます。",
            "{refused_but_reached} who refused advertisements get this notice."
        );
        report.findings.push(Finding {
            level: Level::Note,
            code: "refused_but_reached",
            says,
            place: "segment",
            count: Some(refused_but_reached),
        });
    }
    Ok(())
}

fn content_checked(
    report: &mut Report,
    store: &Store,
    now: Time,
    (campaign, content): (&Campaign, Content),
) -> Result<()> {
    if !content.sender.is_complete() {
        let says = say!(
            "差出人の住所か問い合わせ先が空です。広告メールには表示が必要です。",
            "The sender's postal address or contact is blank. An advertisement has to show them."
        );
        report.add(Level::Note, "sender_incomplete", "sender", says);
    }
    let writer = match Writer::new(store, content) {
        Ok(writer) => writer,
        Err(e) => {
            report.add(Level::Stop, "template_error", "html", e.says().clone());
            return Ok(());
        }
    };
    for (part, name) in writer.renderer.unknown() {
        let place = super::engine::place(part);
        let (ja, en) = (place.ja, place.en);
        let says = say!("{ja}に、知らない項目「{name}」があります。", "{en} has an unknown field: {name}.");
        report.add(Level::Stop, "unknown_field", part, says);
    }
    if !writer.renderer.unknown().is_empty() {
        return Ok(());
    }
    blanks(report, store, now, (campaign, &writer.renderer))?;
    sample(report, store, now, (campaign, &writer))
}

/// Fields that are merged somewhere without `default`, outside any `if` on them, and blank for somebody.
fn blanks(report: &mut Report, store: &Store, now: Time, (campaign, r): (&Campaign, &Renderer)) -> Result<()> {
    let draft = &campaign.draft;
    if audience::segment(store, &draft.segment).is_err() {
        return Ok(());
    }
    let sources = [Some(draft.subject.as_str()), Some(draft.body.as_str()), draft.text.as_deref()];
    let mut bare = BTreeSet::new();
    let mut guarded = BTreeSet::new();
    for source in sources.into_iter().flatten() {
        for tag in shield::tags(source) {
            let cleaned = shield::cleaned(tag.source);
            let tag = shield::Tag { source: &cleaned, line: tag.line };
            match (tag.expression(), tag.keyword()) {
                (Some(e), _) if e.contains("default") || e.contains("|d(") || e.contains(" if ") => {}
                (Some(e), _) => bare.extend(r.engine().names_in(e)),
                (None, Some("if" | "elif")) => guarded.extend(condition_names(r, &cleaned)),
                (None, _) => {}
            }
        }
    }
    for attribute in r.used().attributes {
        let named = |set: &BTreeSet<String>| set.contains(&attribute.key) || set.contains(&attribute.label);
        if !attribute.substitute.is_empty() || !named(&bare) || named(&guarded) {
            continue;
        }
        let count = audience::blank(store, &draft.segment, &attribute, now)?;
        if count > 0 {
            let label = &attribute.label;
            let says = say!(
                "項目「{label}」は {count} 件で空です。default か、属性の代わりの言葉を決めてください。",
                "The field {label} is blank for {count} recipients. Give it a default or a substitute."
            );
            report.count("empty_field", "html", count, says);
        }
    }
    Ok(())
}

fn condition_names(r: &Renderer, tag: &str) -> BTreeSet<String> {
    let inner = tag.trim_start_matches("{%").trim_end_matches("%}").trim_matches(['-', '+', ' ', '\n']);
    let condition = inner.trim_start_matches("elif").trim_start_matches("if").trim();
    r.engine().names_in(condition)
}

/// One mail made as it would be sent, and looked at.
fn sample(report: &mut Report, store: &Store, now: Time, (campaign, writer): (&Campaign, &Writer)) -> Result<()> {
    let person = proof::person(store, &writer.renderer.used(), &campaign.draft.segment, None)?;
    let made = match writer.shown(&person, now) {
        Ok(made) => made,
        Err(e) => {
            report.add(Level::Stop, "template_error", "html", e.says().clone());
            return Ok(());
        }
    };
    report.size = made.size;
    if made.rendered.subject.as_str().chars().count() > limits::SUBJECT_SHOWN {
        let n = limits::SUBJECT_SHOWN;
        let says = say!("件名が {n} 文字を超えています。", "The subject is longer than {n} characters.");
        report.add(Level::Warn, "subject_long", "subject", says);
    }
    if made.rendered.html.as_ref().is_some_and(|h| h.len() > limits::CLIPPED_AT) {
        let says = say!(
            "HTML が 102 KB を超えています。Gmail では途中で切れます。",
            "The HTML is larger than 102 kB. Gmail will clip it."
        );
        report.add(Level::Warn, "too_large", "html", says);
    }
    if made.bare_text.trim().is_empty() {
        let says = say!("テキスト本文がありません。", "There is no text part.");
        report.add(Level::Warn, "text_missing", "text", says);
    }
    if made.appended {
        let says = say!(
            "本文にない差出人の表示や配信停止のリンクを、末尾に付けます。",
            "Sender display and refusal link that the body lacks are appended."
        );
        report.add(Level::Note, "footer_appended", "html", says);
    }
    let own = writer.content.public_url.as_str();
    for (code, count, says) in links_found(made.rendered.html.as_deref().unwrap_or(""), own) {
        report.count(code, "html", count, says);
    }
    Ok(())
}

/// Links and images that will not work for the reader, counted by what is wrong. The house's own (refusal, web copy,
/// pictures) are judged with the public URL.
fn links_found(html: &str, own: &str) -> Vec<(&'static str, u64, Say)> {
    let (mut http, mut empty, mut relative, mut example) = (0u64, 0u64, 0u64, 0u64);
    for url in attributes(html).into_iter().filter(|url| own.is_empty() || !url.starts_with(own)) {
        let lower = url.to_ascii_lowercase().replace("&#x2f;", "/");
        let host = lower.split("://").nth(1).and_then(|r| r.split(['/', '?', '#', ':']).next()).unwrap_or("");
        let known = ["https://", "http://", "mailto:", "tel:", "sms:", "cid:", "data:", "#"];
        if lower.trim().is_empty() || lower.trim() == "#" {
            empty += 1;
        } else if ["example.com", "example.org", "example.net"]
            .iter()
            .any(|d| host == *d || host.ends_with(&format!(".{d}")))
        {
            example += 1;
        } else if lower.starts_with("http://") {
            http += 1;
        } else if !known.iter().any(|k| lower.starts_with(k)) {
            relative += 1;
        }
    }
    let all = [
        ("link_empty", empty, say!("行き先のないリンクが {empty} 個あります。", "{empty} links lead nowhere.")),
        (
            "link_relative",
            relative,
            say!(
                "https から始まらないリンクか画像が {relative} 個あります。メールの中では開けません。",
                "{relative} links or images do not start with https. They do not open from a mail."
            ),
        ),
        (
            "link_http",
            http,
            say!("暗号化されない http のリンクが {http} 個あります。", "{http} links use http without encryption."),
        ),
        (
            "link_example",
            example,
            say!("例示用のドメインへのリンクが {example} 個あります。", "{example} links lead to an example domain."),
        ),
    ];
    all.into_iter().filter(|(_, n, _)| *n > 0).collect()
}

fn attributes(html: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for name in ["href=", "src="] {
        let mut rest = html;
        while let Some(at) = rest.find(name) {
            let before = rest[..at].chars().next_back();
            rest = &rest[at + name.len()..];
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            let Some(end) = rest[1..].find(quote) else { break };
            if before.is_some_and(char::is_whitespace) {
                out.push(&rest[1..1 + end]);
            }
            rest = &rest[end + 2..];
        }
    }
    out
}

/// What `start` insists on, whoever skipped the pre-flight.
pub(super) fn must_compile(store: &Store, content: &Content) -> Result<()> {
    let catalog = Catalog::read(store)?;
    must_know(&Renderer::new(content, &catalog, |_| String::new())?)
}

pub(super) fn must_know(renderer: &Renderer) -> Result<()> {
    let names: BTreeSet<&str> = renderer.unknown().iter().map(|(_, name)| name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let list = names.into_iter().collect::<Vec<_>>().join("、");
    Err(Error::refused(say!("知らない項目があります: {list}", "There are unknown fields: {list}"))
        .hint(say!("属性の名前を確かめてください。", "Check the names of the attributes.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_will_not_work_are_counted_by_what_is_wrong() {
        let html = r##"<a href="">x</a><a href="#">x</a><a href='/top'>x</a><img src="logo.png"><a href="http://a.jp/">x</a>
            <a href="https://www.example.com/">x</a><a href="https://good.jp/">x</a><a href="mailto:a@b.jp">x</a>
            <img src="cid:1@x"><p data-href="zzz">"##;
        let found: Vec<_> = links_found(html, "https://own.jp").into_iter().map(|(code, n, _)| (code, n)).collect();
        assert_eq!(found, [("link_empty", 2), ("link_relative", 2), ("link_http", 1), ("link_example", 1)]);
    }
}
