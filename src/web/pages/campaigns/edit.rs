//! The editor: a draft beside its preview, which is the renderer of the send.

use super::{found, place};
use crate::base::{Error, Kind, Result, ids::CampaignId, ids::SenderId, ids::TemplateId, ids::TopicId};
use crate::campaigns::FIXED;
use crate::campaigns::campaign::{self, Campaign, Draft, Edited, Options};
use crate::campaigns::source::Format;
use crate::campaigns::{proof, sender, template};
use crate::contacts::attribute::Catalog;
use crate::contacts::{MailKind, topic};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input, hint};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

#[derive(Template)]
#[template(path = "campaign-edit.html")]
struct Editor {
    p: Page,
    faults: Faults,
    write: Vec<Field>,
    settle: Vec<Field>,
    who: Vec<Field>,
    whom: String,
    shown: Field,
    merge: Vec<(String, String)>,
    action: String,
    version: i64,
    submit: String,
    id: Option<CampaignId>,
}

/// What the form is about: nothing yet, or a campaign at the version that was opened.
type At = Option<(CampaignId, i64)>;

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    let mut draft = Draft { format: Format::Markdown, ..Draft::default() };
    if let Ok(id) = TemplateId::parse(v.query.get("template")) {
        let saved = template::get(&v.house.store, id)?.template;
        (draft.name, draft.subject, draft.format) = (saved.name, saved.subject, saved.format);
        (draft.body, draft.text) = (saved.body, saved.text);
    }
    let senders = sender::list(&v.house.store)?;
    let ready = senders.iter().find(|p| p.sender.is_complete()).or(senders.first());
    draft.sender = ready.map(|p| p.id);
    draw(v, &draft, None, Faults::new(v.lang))
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    match campaign.state.is_editable() {
        true => draw(v, &campaign.draft, Some((campaign.id, campaign.version)), Faults::new(v.lang)),
        false => Ok(Answer::see(&place(campaign.id))),
    }
}

fn draw(v: &Visit<'_>, draft: &Draft, at: At, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let title = if draft.name.is_empty() { w.campaign_new() } else { draft.name.as_str() };
    let submit = match v.form.get("submit") {
        "" => data_encoding::HEXLOWER.encode(&crate::base::seal::random::<12>()?),
        given => given.to_owned(),
    };
    let (id, version) = (at.map(|(id, _)| id), at.map_or(0, |(_, version)| version));
    Answer::page(&Editor {
        p: v.page(title).under(w.menu_campaigns(), super::PLACE).faulty(!faults.is_empty()).wide(),
        write: writing(w, draft, &faults),
        settle: settling(v, draft, &faults)?,
        who: audience(v, draft, &faults)?,
        whom: super::whom::fragment(v, draft)?,
        shown: shown_as(w, v.form.get("as")).extra("form=\"draft\""),
        merge: merge_fields(v)?,
        action: id.map_or("/campaigns/new".to_owned(), |id| format!("{}/edit", place(id))),
        faults,
        version,
        submit,
        id,
    })
}

pub(crate) fn formats(w: Words, chosen: Format) -> Field {
    Field::new(w, Input::Select, "format", w.campaign_format())
        .required()
        .choice("markdown", w.format_markdown(), "")
        .choice("html", w.format_html(), "")
        .choice("mjml", w.format_mjml(), "")
        .choice("text", w.format_text(), "")
        .value(chosen.name())
}

fn writing(w: Words, d: &Draft, faults: &Faults) -> Vec<Field> {
    let area = |name, label, support, value: &str, rows| {
        Field::new(w, Input::Area, name, label).support(support).value(value).width(60).rows(rows).fault(faults)
    };
    vec![
        Field::new(w, Input::Text, "name", w.campaign_name())
            .required()
            .support(w.campaign_name_support())
            .value(&d.name)
            .width(60)
            .fault(faults),
        Field::new(w, Input::Text, "subject", w.campaign_subject())
            .support(w.campaign_subject_support())
            .value(&d.subject)
            .width(60)
            .fault(faults),
        formats(w, d.format),
        area("body", w.campaign_body(), w.campaign_body_support(), &d.body, 20),
        area("text", w.campaign_text(), w.campaign_text_support(), d.text.as_deref().unwrap_or(""), 6),
    ]
}

fn settling(v: &Visit<'_>, d: &Draft, faults: &Faults) -> Result<Vec<Field>> {
    let w = v.w;
    let chosen = d.sender.map(|s| s.to_string()).unwrap_or_default();
    let none = Field::new(w, Input::Select, "sender", w.campaign_sender()).choice("", w.campaign_no_sender(), "");
    let add = |f: Field, p: sender::Profile| f.choice(&p.id.to_string(), p.sender.name, "");
    Ok(vec![
        sender::list(&v.house.store)?.into_iter().fold(none, add).value(chosen),
        Field::new(w, Input::Text, "reply_to", w.campaign_reply_to())
            .support(w.campaign_reply_to_support())
            .value(&d.options.reply_to)
            .fault(faults),
    ])
}

fn audience(v: &Visit<'_>, d: &Draft, faults: &Faults) -> Result<Vec<Field>> {
    let w = v.w;
    let topics = topic::list(&v.house.store)?;
    let default = topics.iter().find(|t| t.is_default).map(|t| t.id);
    let chosen = d.topic.or(default).map(|t| t.to_string()).unwrap_or_default();
    let select = Field::new(w, Input::Select, "topic", w.campaign_topic());
    Ok(vec![
        Field::new(w, Input::Area, "segment", w.campaign_segment())
            .support(w.campaign_segment_support())
            .value(&d.segment)
            .width(60)
            .rows(3)
            .fault(faults),
        topics.iter().fold(select, |f, t| f.choice(&t.id.to_string(), t.name.as_str(), "")).value(chosen),
        Field::new(w, Input::Radios, "kind", w.campaign_kind())
            .required()
            .choice("advertisement", w.kind_ad(), w.kind_ad_means())
            .choice("notice", w.kind_notice(), w.kind_notice_means())
            .value(d.kind.name()),
        Field::new(w, Input::Text, "reason", w.campaign_reason())
            .support(w.campaign_reason_support())
            .value(&d.reason)
            .width(60)
            .fault(faults),
        Field::new(w, Input::Check, "every_contact", w.campaign_every()).value(if d.options.every_contact {
            "1"
        } else {
            ""
        }),
    ])
}

fn merge_fields(v: &Visit<'_>) -> Result<Vec<(String, String)>> {
    let braces = |name: &str| format!("{{{{ {name} }}}}");
    let own = Catalog::read(&v.house.store)?.attributes.into_iter().map(|a| (braces(&a.key), a.label));
    let fixed = FIXED.iter().map(|(en, ja)| (braces(v.lang.pick(ja, en)), v.lang.pick(*ja, *en).replace('_', " ")));
    Ok(own.chain(fixed).collect())
}

pub(super) fn shown_as(w: Words, typed: &str) -> Field {
    Field::new(w, Input::Text, "as", w.preview_as()).unmarked().support(w.preview_as_support()).width(30).value(typed)
}

pub(super) fn posted(v: &Visit<'_>, before: Draft) -> Result<Draft> {
    let get = |name| v.form.get(name).to_owned();
    let unix = |name| get(name).replace("\r\n", "\n");
    let options = Options { reply_to: get("reply_to"), every_contact: v.form.has("every_contact"), ..before.options };
    Ok(Draft {
        name: get("name"),
        sender: SenderId::parse(v.form.get("sender")).ok(),
        subject: get("subject"),
        format: Format::parse(v.form.get("format"))?,
        body: unix("body"),
        text: Some(unix("text")).filter(|t| !t.trim().is_empty()),
        segment: unix("segment").trim().to_owned(),
        topic: TopicId::parse(v.form.get("topic")).ok(),
        kind: MailKind::parse(v.form.get("kind")).unwrap_or(MailKind::Advertisement),
        reason: get("reason"),
        options,
    })
}

/// Which field a refused draft is about, by the word its sentence begins with.
fn field_of(e: &Error) -> &'static str {
    let named = [
        ("件名", "subject"),
        ("本文", "body"),
        ("理由", "reason"),
        ("返信先", "reply_to"),
        ("メールアドレス", "reply_to"),
    ];
    named.iter().find(|(ja, _)| e.says().ja.starts_with(ja)).map_or("name", |(_, f)| *f)
}

fn faults_of(v: &Visit<'_>, draft: &Draft) -> Faults {
    let mut faults = Faults::new(v.lang);
    if let Err(e) = crate::contacts::segment::read(&v.house.store, &draft.segment) {
        faults.add_error("segment", &e);
    }
    if let Some(id) = draft.sender {
        faults.check("sender", sender::get(&v.house.store, id));
    }
    if let Some(id) = draft.topic {
        faults.check("topic", topic::find(&v.house.store, &id.to_string()));
    }
    if MailKind::parse(v.form.get("kind")).is_none() {
        faults.add("kind", say!("メールの種類を選んでください。", "Choose what kind of mail this is."));
    }
    faults
}

fn after(v: &Visit<'_>, id: CampaignId) -> Result<Answer> {
    let to = if v.form.has("check") { "check" } else { "edit" };
    v.back_to(&format!("{}/{to}", place(id)), say!("保存しました。", "Saved."))
}

pub(crate) fn create(v: &mut Visit<'_>) -> Result<Answer> {
    let draft = posted(v, Draft::default())?;
    let faults = faults_of(v, &draft);
    if !faults.is_empty() {
        return Ok(draw(v, &draft, None, faults)?.status(422));
    }
    let submit = Some(v.form.get("submit")).filter(|s| !s.is_empty());
    match campaign::create(&v.house.store, &v.by(), v.now, &draft, submit) {
        Ok(id) => after(v, id),
        Err(e) if e.kind() == Kind::Refused => {
            Ok(draw(v, &draft, None, Faults::one(v.lang, field_of(&e), &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

#[derive(Template)]
#[template(path = "campaign-conflict.html")]
struct Conflict {
    p: Page,
    theirs: Campaign,
    yours: Draft,
    hidden: Vec<(String, String)>,
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    let version: i64 = v.form.get("version").parse().unwrap_or(0);
    let draft = posted(v, campaign.draft)?;
    let faults = faults_of(v, &draft);
    if !faults.is_empty() {
        return Ok(draw(v, &draft, Some((campaign.id, version)), faults)?.status(422));
    }
    match campaign::edit(&v.house.store, &v.by(), v.now, campaign.id, (version, &draft)) {
        Ok(Edited::Saved(saved)) => after(v, saved.id),
        Ok(Edited::Conflict { theirs, yours }) => conflict(v, *theirs, *yours),
        Err(e) if e.kind() == Kind::Refused => {
            let faults = Faults::one(v.lang, field_of(&e), &e);
            Ok(draw(v, &draft, Some((campaign.id, version)), faults)?.status(422))
        }
        Err(e) => v.back_with(&place(campaign.id), &e),
    }
}

/// Both versions side by side; saving again says which version was seen.
fn conflict(v: &Visit<'_>, theirs: Campaign, yours: Draft) -> Result<Answer> {
    let kept = v.form.pairs().filter(|(name, _)| !["csrf", "version", "check", "as"].contains(name));
    let mut hidden: Vec<(String, String)> = kept.map(|(n, value)| (n.to_owned(), value.to_owned())).collect();
    hidden.push(("version".into(), theirs.version.to_string()));
    let w = v.w;
    let p = v.page(w.campaign_conflict()).under(w.menu_campaigns(), super::PLACE).lead(w.campaign_conflict_text());
    Ok(Answer::page(&Conflict { p: p.wide(), theirs, yours, hidden })?.status(409))
}

#[derive(Template)]
#[template(path = "preview.html")]
struct Plain {
    title: String,
    text: String,
}

/// Of the form as it stands, saved or not.
pub(crate) fn preview_form(v: &mut Visit<'_>) -> Result<Answer> {
    let draft = posted(v, Draft::default())?;
    let of = CampaignId::parse(v.query.get("of")).ok();
    preview(v, &draft, of)
}

pub(crate) fn preview_saved(v: &mut Visit<'_>) -> Result<Answer> {
    let campaign = found(v)?;
    preview(v, &campaign.draft, Some(campaign.id))
}

/// The mail as it would arrive, in a frame that runs nothing. A mistake shows there too: it is what the author looks at.
fn preview(v: &Visit<'_>, draft: &Draft, of: Option<CampaignId>) -> Result<Answer> {
    let plain = |title: String, text: String| Ok(Answer::page(&Plain { title, text })?.framed());
    let typed = if v.form.has("as") { v.form.get("as") } else { v.query.get("as") };
    let who = super::whom::named(v, typed)?.first().map(|seen| seen.id);
    if who.is_none() && !typed.trim().is_empty() {
        return plain(v.w.preview_as_nobody().to_owned(), String::new());
    }
    match proof::preview(&v.house.store, draft, of, who) {
        Ok(made) => match made.html.filter(|_| v.query.get("show") != "text") {
            Some(html) => Ok(Answer::html(html).framed()),
            None => plain(made.subject, made.text),
        },
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Missing) => {
            plain(e.says().to(v.lang).to_owned(), hint(&e).map(|h| h.to(v.lang).to_owned()).unwrap_or_default())
        }
        Err(e) => Err(e),
    }
}
