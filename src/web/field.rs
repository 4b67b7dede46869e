//! Form fields, always in the same order: label, ※必須 or ※任意, support text, field, error.

use super::words::Words;
use crate::base::{Error, Lang, Say};
use askama::Template;

/// What to do next, unless it is a command to type: whoever reads a page has no terminal at hand.
pub(crate) fn hint(error: &Error) -> Option<&Say> {
    error.hinted().filter(|h| !h.ja.contains("hakobu ") && !h.ja.contains("--"))
}

/// What is wrong with a form, field by field; also draws itself as the summary above the form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    lang: Lang,
    all: Vec<(String, Say)>,
}

impl Faults {
    pub(crate) fn new(lang: Lang) -> Faults {
        Faults { lang, all: Vec::new() }
    }

    pub(crate) fn one(lang: Lang, field: &str, error: &Error) -> Faults {
        let mut faults = Faults::new(lang);
        faults.add_error(field, error);
        faults
    }

    pub(crate) fn add(&mut self, field: &str, says: Say) {
        self.all.push((field.to_owned(), says));
    }

    /// The error's sentence and its hint.
    pub(crate) fn add_error(&mut self, field: &str, error: &Error) {
        let hint = hint(error).cloned().unwrap_or_else(|| Say::new("", ""));
        let says = error.says();
        self.add(field, Say::new(format!("{}{}", says.ja, hint.ja), format!("{} {}", says.en, hint.en)));
    }

    /// Takes a value, or notes what is wrong with it.
    pub(crate) fn check<T>(&mut self, field: &str, result: crate::base::Result<T>) -> Option<T> {
        result.map_err(|e| self.add_error(field, &e)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn of(&self, field: &str) -> Option<String> {
        self.all.iter().find(|(f, _)| f == field).map(|(_, s)| s.to(self.lang).trim().to_owned())
    }
}

#[derive(Template)]
#[template(path = "parts/faults.html")]
struct Summary<'a> {
    w: Words,
    all: Vec<(&'a str, &'a str)>,
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.all.is_empty() {
            return Ok(());
        }
        let all = self.all.iter().map(|(field, says)| (field.as_str(), says.to(self.lang).trim())).collect();
        f.write_str(&Summary { w: Words(self.lang), all }.render().map_err(|_| std::fmt::Error)?)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Email,
    Password,
    Number,
    File,
    Area,
    Select,
    Radios,
    Checks,
    Check,
}

/// One choice: its value, its label, a line that explains it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) means: String,
    pub(crate) chosen: bool,
}

/// A field, built word by word; in a template `{{ field|safe }}`.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/field.html")]
pub(crate) struct Field {
    w: Words,
    kind: Kind,
    name: String,
    label: String,
    required: bool,
    /// Required in some cases only: said by the mark, judged by us and not by the browser.
    sometimes: bool,
    marked: bool,
    support: String,
    value: String,
    fault: Option<String>,
    autocomplete: &'static str,
    /// Characters that fit: the width tells what is expected.
    width: u8,
    rows: u8,
    accept: &'static str,
    extra: &'static str,
    choices: Vec<Choice>,
    /// The choices are colours, and show them.
    swatches: bool,
}

impl Field {
    pub(crate) fn new(w: Words, kind: Kind, name: &str, label: impl Into<String>) -> Field {
        Field {
            w,
            kind,
            name: name.to_owned(),
            label: label.into(),
            required: false,
            sometimes: false,
            marked: true,
            support: String::new(),
            value: String::new(),
            fault: None,
            autocomplete: "",
            width: 30,
            rows: 6,
            accept: "",
            extra: "",
            choices: Vec::new(),
            swatches: false,
        }
    }

    pub(crate) fn required(mut self) -> Field {
        self.required = true;
        self
    }

    /// Required as long as the field is shown: the browser would also ask for those that are not.
    pub(crate) fn required_where_shown(mut self) -> Field {
        self.sometimes = true;
        self.required()
    }

    /// Neither ※必須 nor ※任意: for a form with one field.
    pub(crate) fn unmarked(mut self) -> Field {
        self.marked = false;
        self
    }

    /// The format and an example, above the field. There are no placeholders.
    pub(crate) fn support(mut self, text: impl Into<String>) -> Field {
        self.support = text.into();
        self
    }

    pub(crate) fn value(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        for choice in &mut self.choices {
            choice.chosen = choice.value == self.value;
        }
        self
    }

    pub(crate) fn fault(mut self, faults: &Faults) -> Field {
        self.fault = faults.of(&self.name);
        self
    }

    pub(crate) fn autocomplete(mut self, token: &'static str) -> Field {
        self.autocomplete = token;
        self
    }

    pub(crate) fn width(mut self, characters: u8) -> Field {
        self.width = characters;
        self
    }

    pub(crate) fn rows(mut self, rows: u8) -> Field {
        self.rows = rows;
        self
    }

    /// File kinds, as in the `accept` attribute.
    pub(crate) fn accept(mut self, kinds: &'static str) -> Field {
        self.accept = kinds;
        self
    }

    /// Further attributes, fixed in our code: `data-…`, `spellcheck="false"`.
    pub(crate) fn extra(mut self, attributes: &'static str) -> Field {
        self.extra = attributes;
        self
    }

    pub(crate) fn choice(mut self, value: &str, label: impl Into<String>, means: impl Into<String>) -> Field {
        let chosen = self.value == value;
        self.choices.push(Choice { value: value.to_owned(), label: label.into(), means: means.into(), chosen });
        self
    }

    /// The choices are accents of the style sheet: each shows its colour.
    pub(crate) fn swatches(mut self) -> Field {
        self.swatches = true;
        self
    }

    /// For checks: which are ticked.
    pub(crate) fn ticked(mut self, is: impl Fn(&str) -> bool) -> Field {
        for choice in &mut self.choices {
            choice.chosen = is(&choice.value);
        }
        self
    }

    fn id(&self) -> String {
        format!("f-{}", self.name)
    }

    fn described(&self) -> String {
        let mut ids = Vec::new();
        if !self.support.is_empty() {
            ids.push(format!("{}-support", self.id()));
        }
        if self.fault.is_some() {
            ids.push(format!("{}-fault", self.id()));
        }
        ids.join(" ")
    }

    fn input_type(&self) -> &'static str {
        match self.kind {
            Kind::Email => "email",
            Kind::Password => "password",
            Kind::File => "file",
            Kind::Text | Kind::Number => "text",
            Kind::Area | Kind::Select | Kind::Radios => "text",
            Kind::Checks | Kind::Check => "checkbox",
        }
    }

    fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Radios | Kind::Checks)
    }

    fn width_class(&self) -> &'static str {
        match self.width {
            0..=6 => "w-6",
            7..=12 => "w-12",
            13..=20 => "w-20",
            21..=34 => "w-30",
            _ => "w-full",
        }
    }
}
