//! Import, steps one to three: the file, how it reads, which column goes where. Every step is a page of its own and
//! works without scripts; the file waits in the sealed spool meanwhile.

use crate::base::{Error, Kind, Result};
use crate::contacts::attribute::Catalog;
use crate::contacts::consent::Basis;
use crate::contacts::import::map::{Mapping, Target};
use crate::contacts::import::{self, Blank, Consent, Encoding, Format, Import, Mode, Order, State, Wishes};
use crate::contacts::value::Type;
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use crate::web::words::Words;
use askama::Template;

/// A step of five: its name, whether it is done, whether it is this one.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) done: bool,
    pub(super) here: bool,
}

pub(super) fn steps(w: Words, here: usize) -> Vec<Step> {
    let names =
        [w.import_step_file(), w.import_step_read(), w.import_step_map(), w.import_step_check(), w.import_step_run()];
    let step = |(at, name)| Step { name, done: at + 1 < here, here: at + 1 == here };
    names.into_iter().enumerate().map(step).collect()
}

pub(super) fn page(v: &Visit<'_>) -> Page {
    v.page(v.w.contacts_import()).under(v.w.menu_contacts(), "/contacts").wide()
}

#[derive(Template)]
#[template(path = "contacts_import.html")]
struct First {
    p: Page,
    steps: Vec<Step>,
    faults: Faults,
    file: Field,
    past: Vec<Import>,
}

impl First {
    fn state(&self, state: &State) -> &'static str {
        let w = self.p.w;
        match state {
            State::Running => w.import_state_running(),
            State::Done => w.import_state_done(),
            State::Stopped => w.import_state_stopped(),
            State::Undone => w.import_state_undone(),
        }
    }

    fn can_undo(&self, state: &State) -> bool {
        matches!(state, State::Done | State::Stopped)
    }
}

pub(crate) fn start(v: &mut Visit<'_>) -> Result<Answer> {
    first(v, Faults::new(v.lang))
}

fn first(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let file = Field::new(w, Input::File, "file", w.import_file())
        .required()
        .unmarked()
        .support(w.import_file_support())
        .accept(".csv,.tsv,.txt,.xlsx")
        .fault(&faults);
    let past = import::list(&v.house.store, None, 20)?;
    let p = page(v).lead(w.import_lead()).faulty(!faults.is_empty());
    Answer::page(&First { p, steps: steps(w, 1), faults, file, past })
}

/// What a person can mend is said at the field; the rest goes to the error page.
fn mendable(e: &Error) -> bool {
    matches!(e.kind(), Kind::Refused | Kind::Missing | Kind::Conflict | Kind::Later)
}

pub(crate) fn take(v: &mut Visit<'_>) -> Result<Answer> {
    let (by, now) = (v.by(), v.now);
    let taken = match v.files.iter_mut().find(|f| f.field == "file") {
        Some(upload) => v.house.take_import(&by, now, &mut upload.file),
        None => Err(Error::refused(say!("ファイルを選んでください。", "Choose a file."))),
    };
    match taken {
        Ok(id) => Ok(Answer::see(&format!("/contacts/import/{id}/read"))),
        Err(e) if mendable(&e) => Ok(first(v, Faults::one(v.lang, "file", &e))?.status(422)),
        Err(e) => Err(e),
    }
}

#[derive(Template)]
#[template(path = "contacts_import_read.html")]
struct Read {
    p: Page,
    steps: Vec<Step>,
    id: String,
    faults: Faults,
    delimiter: Field,
    readings: Vec<Reading>,
    workbook: bool,
}

struct Reading {
    name: &'static str,
    chosen: bool,
    rows: Vec<Vec<Option<String>>>,
}

const PREVIEW: usize = 6;

pub(crate) fn read(v: &mut Visit<'_>) -> Result<Answer> {
    draw_read(v, Faults::new(v.lang))
}

fn draw_read(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, id) = (v.w, v.part("id").to_owned());
    let (readings, delimiter, workbook) = v.house.with_source(&v.by(), &id, |source| {
        let layout = &source.layout;
        let workbook = layout.format == Format::Xlsx;
        let chosen = Encoding::parse(v.form.get("encoding")).unwrap_or(layout.encoding);
        let all: &[Encoding] = if workbook { &[Encoding::Utf8] } else { &Encoding::ALL };
        let reading = |e: &Encoding| Reading {
            name: e.name(),
            chosen: *e == chosen,
            rows: source.preview(*e, layout.delimiter, PREVIEW),
        };
        let mut readings: Vec<Reading> = all.iter().map(reading).collect();
        readings.sort_by_key(|r| !r.chosen);
        Ok((readings, layout.delimiter, workbook))
    })?;
    let mark = match delimiter {
        b'\t' => "tab",
        b';' => "semicolon",
        _ => "comma",
    };
    let delimiter = Field::new(w, Input::Select, "delimiter", w.import_delimiter())
        .unmarked()
        .choice("comma", w.import_comma(), "")
        .choice("tab", w.import_tab(), "")
        .choice("semicolon", w.import_semicolon(), "")
        .value(mark);
    let p = page(v).lead(w.import_read_lead()).faulty(!faults.is_empty());
    Answer::page(&Read { p, steps: steps(w, 2), id, faults, delimiter, readings, workbook })
}

pub(crate) fn reread(v: &mut Visit<'_>) -> Result<Answer> {
    let id = v.part("id").to_owned();
    let delimiter = match v.form.get("delimiter") {
        "tab" => b'\t',
        "semicolon" => b';',
        _ => b',',
    };
    let encoding = Encoding::parse(v.form.get("encoding")).unwrap_or(Encoding::Utf8);
    match v.house.with_source(&v.by(), &id, |source| source.reread(encoding, delimiter)) {
        Ok(()) => Ok(Answer::see(&format!("/contacts/import/{id}/columns"))),
        Err(e) if e.kind() == Kind::Refused => Ok(draw_read(v, Faults::one(v.lang, "encoding", &e))?.status(422)),
        Err(e) => Err(e),
    }
}

#[derive(Template)]
#[template(path = "contacts_import_columns.html")]
struct Columns {
    p: Page,
    steps: Vec<Step>,
    id: String,
    faults: Faults,
    rows: Vec<Row>,
    how: Vec<Field>,
    consent: Vec<Field>,
}

struct Row {
    header: String,
    samples: String,
    to: Field,
    kind: Field,
}

pub(crate) fn columns(v: &mut Visit<'_>) -> Result<Answer> {
    draw_columns(v, Faults::new(v.lang))
}

fn draw_columns(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let id = v.part("id").to_owned();
    let suggested = suggested(v, &id)?;
    let catalog = Catalog::read(&v.house.store)?;
    let rows = suggested.columns.iter().enumerate().map(|(at, c)| Row {
        header: c.header.clone(),
        samples: c.samples.join(" / "),
        to: goes(v, &catalog, &suggested, at),
        kind: kinds(v, at),
    });
    let rows = rows.collect();
    let p = page(v).faulty(!faults.is_empty());
    let (how, consent) = (how(v, &suggested, &faults), consent_fields(v, &faults));
    Answer::page(&Columns { p, steps: steps(v.w, 3), id, rows, how, consent, faults })
}

/// What the names of the columns say, without the person's wishes.
fn suggested(v: &Visit<'_>, id: &str) -> Result<Mapping> {
    v.house.with_source(&v.by(), id, |source| {
        // With `remove` no column is asked for: what is missing is said when the person goes on.
        let wishes = Wishes { key: Some("email".to_owned()), ..Wishes::default() };
        import::mapping(&v.house.store, source, &wishes, Mode::Update)
    })
}

fn default_target(mapping: &Mapping, at: usize) -> String {
    match mapping.columns[at].target {
        Target::Email => "email".to_owned(),
        Target::Tags => "tags".to_owned(),
        Target::Nothing => "-".to_owned(),
        Target::Attribute(n) if mapping.attributes[n].id == 0 => "new".to_owned(),
        Target::Attribute(n) => format!("a:{}", mapping.attributes[n].key),
    }
}

fn goes(v: &Visit<'_>, catalog: &Catalog, mapping: &Mapping, at: usize) -> Field {
    let (w, name) = (v.w, format!("to{at}"));
    let mut field = Field::new(w, Input::Select, &name, w.import_goes())
        .unmarked()
        .choice("email", w.import_to_email(), "")
        .choice("tags", w.import_to_tags(), "")
        .choice("new", w.import_to_new(), "")
        .choice("-", w.import_to_nothing(), "");
    for a in &catalog.attributes {
        field = field.choice(&format!("a:{}", a.key), a.label.clone(), "");
    }
    let posted = v.form.get(&name);
    field.value(if posted.is_empty() { default_target(mapping, at) } else { posted.to_owned() })
}

fn kinds(v: &Visit<'_>, at: usize) -> Field {
    let (w, name) = (v.w, format!("kind{at}"));
    let guess = Field::new(w, Input::Select, &name, w.import_type()).unmarked().choice("", w.import_type_guess(), "");
    let all = [Type::Text, Type::Number, Type::Date, Type::Bool, Type::Choice, Type::Multi];
    all.into_iter().fold(guess, |f, t| f.choice(t.name(), type_word(w, t), "")).value(v.form.get(&name))
}

pub(super) fn type_word(w: Words, kind: Type) -> &'static str {
    match kind {
        Type::Text => w.import_type_text(),
        Type::Number => w.import_type_number(),
        Type::Date => w.import_type_date(),
        Type::Bool => w.import_type_bool(),
        Type::Choice => w.import_type_choice(),
        Type::Multi => w.import_type_multi(),
    }
}

fn how(v: &Visit<'_>, mapping: &Mapping, faults: &Faults) -> Vec<Field> {
    let w = v.w;
    let or = |name: &str, other: &str| match v.form.get(name) {
        "" => other.to_owned(),
        given => given.to_owned(),
    };
    let mode = Field::new(w, Input::Radios, "mode", w.import_mode())
        .unmarked()
        .choice("merge", w.import_mode_merge(), "")
        .choice("add", w.import_mode_add(), "")
        .choice("update", w.import_mode_update(), "")
        .choice("remove", w.import_mode_remove(), "")
        .choice("replace", w.import_mode_replace(), "")
        .value(or("mode", "merge"));
    let blank = Field::new(w, Input::Radios, "blank", w.import_blank())
        .unmarked()
        .choice("keep", w.import_blank_keep(), "")
        .choice("clear", w.import_blank_clear(), "")
        .value(or("blank", "keep"));
    let mut key = Field::new(w, Input::Select, "key", w.import_key())
        .unmarked()
        .support(w.import_key_support())
        .choice("", w.import_to_email(), "");
    for column in mapping.columns.iter().filter(|c| matches!(c.target, Target::Attribute(_))) {
        key = key.choice(&column.header, column.header.clone(), "");
    }
    let tags = Field::new(w, Input::Text, "tags", w.import_tags())
        .support(w.import_tags_support())
        .value(v.form.get("tags"))
        .fault(faults);
    vec![mode, blank, key.value(v.form.get("key")).fault(faults), tags]
}

fn consent_fields(v: &Visit<'_>, faults: &Faults) -> Vec<Field> {
    let w = v.w;
    let basis = Field::new(w, Input::Radios, "basis", w.import_consent())
        .required()
        .choice("none", w.import_consent_none(), "")
        .choice("opt_in", w.import_consent_opt_in(), "")
        .choice("trade", w.import_consent_trade(), "")
        .choice("card", w.import_consent_card(), "")
        .choice("published", w.import_consent_published(), "")
        .value(v.form.get("basis"))
        .fault(faults);
    let source = Field::new(w, Input::Text, "source", w.import_source())
        .support(w.import_source_support())
        .value(v.form.get("source"))
        .fault(faults);
    let wording =
        Field::new(w, Input::Area, "wording", w.import_wording()).rows(3).value(v.form.get("wording")).fault(faults);
    vec![basis, source, wording]
}

/// Keeps the order, and counts what it would do.
pub(crate) fn decide(v: &mut Visit<'_>) -> Result<Answer> {
    let (id, by, now) = (v.part("id").to_owned(), v.by(), v.now);
    let suggested = suggested(v, &id)?;
    let mut faults = Faults::new(v.lang);
    let order = order(v, &suggested, &mut faults);
    if !faults.is_empty() {
        return Ok(draw_columns(v, faults)?.status(422));
    }
    let house = v.house;
    house.imports.with(&by, &id, |waiting| {
        waiting.order = order;
        Ok(())
    })?;
    match house.rehearse_import(&by, now, &id) {
        Ok(()) => Ok(Answer::see(&format!("/contacts/import/{id}"))),
        Err(e) if mendable(&e) => Ok(draw_columns(v, Faults::one(v.lang, "key", &e))?.status(422)),
        Err(e) => Err(e),
    }
}

fn order(v: &Visit<'_>, suggested: &Mapping, faults: &mut Faults) -> Order {
    let mut wishes = Wishes { key: Some(v.form.get("key").to_owned()).filter(|k| !k.is_empty()), ..Wishes::default() };
    for (at, column) in suggested.columns.iter().enumerate() {
        let to = v.form.get(&format!("to{at}"));
        if !to.is_empty() && to != default_target(suggested, at) {
            let to = match to {
                "new" => column.header.as_str(),
                other => other.strip_prefix("a:").unwrap_or(other),
            };
            wishes.map.push((format!("#{}", at + 1), to.to_owned()));
        }
        if let Some(kind) = Type::parse(v.form.get(&format!("kind{at}"))).filter(|_| to == "new") {
            wishes.types.push((column.header.clone(), kind));
        }
    }
    Order {
        mode: Mode::parse(v.form.get("mode")).unwrap_or_default(),
        blank: if v.form.get("blank") == "clear" { Blank::Clear } else { Blank::Keep },
        wishes,
        tags: v
            .form
            .get("tags")
            .split(['、', ',', '，'])
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .collect(),
        consent: consent(v, faults),
        lang: v.lang,
        confirmed: false,
    }
}

fn consent(v: &Visit<'_>, faults: &mut Faults) -> Option<Consent> {
    let basis = match v.form.get("basis") {
        "none" => return None,
        name => Basis::parse(name),
    };
    let source = v.form.get("source").trim().to_owned();
    let wording = v.form.get("wording").trim().to_owned();
    let Some(basis) = basis else {
        faults.add("basis", say!("同意の根拠を選んでください。", "Choose the basis of the consent."));
        return None;
    };
    if source.is_empty() {
        faults.add("source", say!("同意を得た場所を書いてください。", "Say where they agreed."));
    }
    if basis == Basis::OptIn && wording.is_empty() {
        faults.add("wording", say!("表示した文面を書いてください。", "Give the words that were shown."));
    }
    Some(Consent { topic: None, basis, source, wording })
}
