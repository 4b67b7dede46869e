//! Segments: the saved ones, and the editor, whose builder works by plain forms.

use crate::access::Right;
use crate::base::{Kind, Result, ids::SegmentId};
use crate::contacts::segment::compose::{self, Chosen, How};
use crate::contacts::segment::{self, Mistake, Saved, Segment, Words as Names};
use crate::contacts::topic::{self, Topic};
use crate::contacts::value::Type;
use crate::web::answer::Answer;
use crate::web::dates::grouped;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

/// Rows of the builder.
const ROWS: usize = 3;

#[derive(Template)]
#[template(path = "segments.html")]
struct Segments {
    p: Page,
    segments: Vec<(Saved, String)>,
    may_edit: bool,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let names = Names::read(&v.house.store)?;
    let segments = segment::list(&v.house.store)?.into_iter();
    let counted = segments.map(|s| counted(v, &names, &s.text).map(|n| (s, n))).collect::<Result<_>>()?;
    let p = v.page(v.w.menu_segments()).lead(v.w.segments_lead());
    Answer::page(&Segments { p, segments: counted, may_edit: v.may(Right::Edit) })
}

/// The count now, or what is wrong with a text that made sense once.
fn counted(v: &Visit<'_>, names: &Names, text: &str) -> Result<String> {
    match Segment::check(text, names) {
        Ok(segment) => Ok(v.w.segment_people_count(&grouped(segment::count(&v.house.store, &segment, v.now)?))),
        Err(mistake) => Ok(mistake.to(v.lang)),
    }
}

#[derive(Template)]
#[template(path = "segment.html")]
struct Editor {
    p: Page,
    faults: Faults,
    id: String,
    fields: Vec<Field>,
    count: Count,
    any: bool,
    groups: Vec<Group>,
    hows: Vec<(How, &'static str)>,
    rows: Vec<Chosen>,
    values: Vec<String>,
    may_edit: bool,
}

struct Group {
    title: &'static str,
    items: Vec<(String, String)>,
}

/// What the editor says about its text: a number, or the place of the mistake.
#[derive(Template)]
#[template(path = "parts/segment-count.html")]
struct Count {
    w: Words,
    people: Option<String>,
    wrong: Option<(String, String)>,
    query: String,
}

fn count_of(v: &Visit<'_>, names: &Names, text: &str) -> Result<Count> {
    let checked = Segment::check(text, names);
    let query = crate::web::form::encode(text);
    Ok(match checked {
        Ok(segment) => {
            let n = grouped(segment::count(&v.house.store, &segment, v.now)?);
            Count { w: v.w, people: Some(n), wrong: None, query }
        }
        Err(m) => Count { w: v.w, people: None, wrong: Some((wrong(v, &m), m.caret(text))), query },
    })
}

fn wrong(v: &Visit<'_>, mistake: &Mistake) -> String {
    let column = mistake.at + 1;
    v.w.segment_wrong(column, &mistake.to(v.lang))
}

pub(crate) fn count(v: &mut Visit<'_>) -> Result<Answer> {
    let names = Names::read(&v.house.store)?;
    Answer::page(&count_of(v, &names, v.form.get("text"))?)
}

struct Draft {
    id: String,
    name: String,
    text: String,
    any: bool,
    rows: Vec<Chosen>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    let text = v.query.get("text").to_owned();
    draw(v, Draft { id: String::new(), name: String::new(), text, any: false, rows: Vec::new() }, Faults::new(v.lang))
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let saved = segment::load(&v.house.store, &SegmentId::parse(v.part("id"))?.to_string())?;
    let draft = Draft { id: saved.id.to_string(), name: saved.name, text: saved.text, any: false, rows: Vec::new() };
    draw(v, draft, Faults::new(v.lang))
}

/// One form, three buttons: save, add the chosen conditions to the text, count.
pub(crate) fn edit(v: &mut Visit<'_>) -> Result<Answer> {
    let mut draft = posted(v);
    let mut faults = Faults::new(v.lang);
    match v.form.get("act") {
        "add" => {
            let names = Names::read(&v.house.store)?;
            match compose::add(&names, &draft.text, draft.any, &draft.rows) {
                Ok(text) => (draft.text, draft.rows) = (text, Vec::new()),
                Err(m) => faults.add("text", m.sentence()),
            }
        }
        "count" => {}
        _ => return save(v, draft),
    }
    draw(v, draft, faults)
}

fn posted(v: &Visit<'_>) -> Draft {
    let row = |n: usize| Chosen {
        what: v.form.get(&format!("what{n}")).to_owned(),
        how: How::parse(v.form.get(&format!("how{n}"))),
        value: v.form.get(&format!("value{n}")).to_owned(),
    };
    Draft {
        id: v.form.get("id").to_owned(),
        name: v.form.get("name").to_owned(),
        text: v.form.get("text").replace(['\r', '\n'], " ").trim().to_owned(),
        any: v.form.get("join") == "any",
        rows: (0..ROWS).map(row).collect(),
    }
}

fn save(v: &Visit<'_>, draft: Draft) -> Result<Answer> {
    let (store, by) = (&v.house.store, v.by());
    let saved = match SegmentId::parse(&draft.id) {
        Ok(id) => segment::change(store, &by, v.now, id, &draft.name, &draft.text),
        Err(_) => segment::save(store, &by, v.now, &draft.name, &draft.text),
    };
    match saved {
        Ok(saved) => {
            let place = format!("/segments/{}", saved.id);
            v.back_to(&place, say!("絞り込みを保存しました。", "The segment is saved."))
        }
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Conflict) => {
            let names = Names::read(store)?;
            let mut faults = Faults::new(v.lang);
            match Segment::check(&draft.text, &names) {
                Err(m) => faults.add("text", m.sentence()),
                Ok(_) => faults.add_error("name", &e),
            }
            Ok(draw(v, draft, faults)?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn delete(v: &mut Visit<'_>) -> Result<Answer> {
    segment::delete(&v.house.store, &v.by(), v.now, &SegmentId::parse(v.part("id"))?.to_string())?;
    v.back_to("/segments", say!("絞り込みを削除しました。", "The segment is deleted."))
}

fn draw(v: &Visit<'_>, draft: Draft, faults: Faults) -> Result<Answer> {
    let (w, names) = (v.w, Names::read(&v.house.store)?);
    let fields = vec![
        Field::new(w, Input::Text, "name", w.segment_name()).required().value(&draft.name).fault(&faults),
        Field::new(w, Input::Area, "text", w.segment_text())
            .support(w.segment_text_support())
            .rows(3)
            .width(60)
            .value(&draft.text)
            .extra("spellcheck=\"false\" maxlength=\"4000\"")
            .fault(&faults),
    ];
    let title = if draft.id.is_empty() { w.segment_new() } else { draft.name.as_str() };
    let mut rows = draft.rows;
    rows.resize(ROWS, Chosen::default());
    Answer::page(&Editor {
        p: v.page(title).under(w.menu_segments(), "/segments").faulty(!faults.is_empty()),
        fields,
        count: count_of(v, &names, &draft.text)?,
        any: draft.any,
        groups: groups(w, &names, &topic::list(&v.house.store)?),
        hows: hows(w),
        rows,
        values: values(&names),
        may_edit: v.may(Right::Edit),
        id: draft.id,
        faults,
    })
}

/// What a condition can be about.
fn groups(w: Words, names: &Names, topics: &[Topic]) -> Vec<Group> {
    let item = |what: String, title: String| (what, title);
    let attributes = names.catalog().attributes.iter().map(|a| item(format!("attr:{}", a.id), a.label.clone()));
    let ages = names.birthdays().map(|a| item(format!("age:{}", a.id), w.segment_age(&a.label)));
    let mut consent: Vec<(String, String)> = Vec::new();
    for topic in topics {
        consent.push(item(format!("consent:{}", topic.id.0), w.segment_topic_agreed(&topic.name)));
        consent.push(item(format!("refused:{}", topic.id.0), w.segment_topic_refused(&topic.name)));
    }
    consent.push(item("suppressed".into(), w.segment_suppressed().into()));
    consent.push(item("result".into(), w.segment_result().into()));
    let itself = [("created", w.segment_created()), ("changed", w.segment_changed()), ("email", w.mail_address())];
    vec![
        Group { title: w.contacts_tag(), items: vec![item("tag".into(), w.contacts_tag().into())] },
        Group { title: w.segment_group_people(), items: attributes.chain(ages).collect() },
        Group { title: w.segment_group_consent(), items: consent },
        Group {
            title: w.segment_group_itself(),
            items: itself.into_iter().map(|(what, title)| item(what.into(), title.into())).collect(),
        },
    ]
}

fn hows(w: Words) -> Vec<(How, &'static str)> {
    let word = |how| match how {
        How::Is => w.how_is(),
        How::IsNot => w.how_is_not(),
        How::OneOf => w.how_one_of(),
        How::Contains => w.how_contains(),
        How::Starts => w.how_starts(),
        How::AtLeast => w.how_at_least(),
        How::AtMost => w.how_at_most(),
        How::LastDays => w.how_last_days(),
        How::NextDays => w.how_next_days(),
        How::InMonth => w.how_in_month(),
        How::ThisMonth => w.how_this_month(),
        How::Blank => w.how_blank(),
        How::Filled => w.how_filled(),
    };
    How::ALL.map(|how| (how, word(how))).to_vec()
}

/// Suggestions for values: tags and choices.
fn values(names: &Names) -> Vec<String> {
    let choices = names.catalog().attributes.iter().filter(|a| matches!(a.kind, Type::Choice | Type::Multi));
    let mut all: Vec<String> =
        names.tags().map(str::to_owned).chain(choices.flat_map(|a| a.choices.iter().cloned())).take(VALUES).collect();
    all.sort();
    all.dedup();
    all
}

const VALUES: usize = 500;

impl Editor {
    fn is_how(&self, row: &Chosen, how: &How) -> bool {
        row.how == Some(*how)
    }
}
