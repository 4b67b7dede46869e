//! The template engine, cut down to what a mail needs: merge fields, `if`, `for`, and a closed list of filters.
//!
//! Nothing here reads a file, calls out, or keeps a value from one mail to the next. What could grow without end is
//! bounded: work by fuel, output by `MAIL_BODY_MAX`, each filter's result by `MERGED_MAX`, and tags that could
//! collect text (`set`, `macro`, `filter` …) are refused when the template is compiled.

use super::shield;
use crate::base::{Error, Result, Say, limits};
use minijinja::value::{Rest, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, filters, tests as jtests};
use std::collections::BTreeSet;
use std::io;

/// Templates of one campaign by the name of their part; `html` escapes what it merges, the others do not.
pub(super) struct Engine {
    env: Environment<'static>,
}

const ALLOWED: [&str; 8] = ["if", "elif", "else", "endif", "for", "endfor", "raw", "endraw"];

impl Engine {
    pub(super) fn new() -> Engine {
        let mut env = Environment::empty();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|part| if part == "html" { AutoEscape::Html } else { AutoEscape::None });
        env.set_fuel(Some(limits::TEMPLATE_FUEL));
        env.set_recursion_limit(20);
        add_filters(&mut env);
        add_tests(&mut env);
        env.add_function("range", range);
        Engine { env }
    }

    /// Compiles one part. The error names the part, the line and what was wrong there.
    pub(super) fn add(&mut self, part: &'static str, source: String) -> Result<()> {
        for tag in shield::tags(&source) {
            if let Some(word) = tag.keyword().filter(|word| !ALLOWED.contains(word)) {
                let (place, line) = (place(part), tag.line);
                let (ja, en) = (place.ja, place.en);
                return Err(Error::refused(say!(
                    "{ja}の {line} 行目: {{% {word} %}} は使えません。",
                    "{en}, line {line}: {{% {word} %}} cannot be used."
                ))
                .hint(say!("使えるのは if、for、raw です。", "if, for and raw can be used.")));
            }
        }
        self.env.add_template_owned(part, source).map_err(|e| said(part, &e))
    }

    /// The names that a part merges.
    pub(super) fn names(&self, part: &str) -> BTreeSet<String> {
        let found = self.env.get_template(part).map(|t| t.undeclared_variables(false)).unwrap_or_default();
        found.into_iter().filter(|name| name != "range").collect()
    }

    /// The names in one expression; nothing when it does not compile.
    pub(super) fn names_in(&self, expression: &str) -> BTreeSet<String> {
        let compiled = self.env.compile_expression_owned(expression.to_owned());
        compiled.map(|e| e.undeclared_variables(false).into_iter().collect()).unwrap_or_default()
    }

    pub(super) fn render(&self, part: &'static str, fields: Value) -> Result<String> {
        let template = self.env.get_template(part).map_err(|e| said(part, &e))?;
        let mut out = Bounded(Vec::with_capacity(template.source().len() + 256));
        template.render_captured_to(fields, &mut out).map_err(|e| said(part, &e))?;
        String::from_utf8(out.0).map_err(Error::bug)
    }
}

/// Output that refuses to grow beyond the bound.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::MAIL_BODY_MAX {
            return Err(io::Error::other("the mail grows too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn place(part: &str) -> Say {
    match part {
        "subject" => say!("件名", "The subject"),
        "html" => say!("HTML 本文", "The HTML part"),
        "text" => say!("テキスト本文", "The text part"),
        other => say!("{other}", "{other}"),
    }
}

/// The engine's complaint as a sentence. Its detail may quote the template, never a contact's value.
fn said(part: &str, e: &minijinja::Error) -> Error {
    let (place, line) = (place(part), e.line().unwrap_or(1));
    let (ja, en) = (place.ja, place.en);
    let what = match e.kind() {
        ErrorKind::SyntaxError => {
            let detail = e.detail().unwrap_or("");
            say!("書き方に誤りがあります（{detail}）", "there is a mistake in the template ({detail})")
        }
        ErrorKind::UndefinedError => say!("知らない項目が使われています", "an unknown field is used"),
        ErrorKind::UnknownFilter => say!("知らないフィルターが使われています", "an unknown filter is used"),
        ErrorKind::UnknownFunction => say!("知らない関数が使われています", "an unknown function is used"),
        ErrorKind::UnknownTest => say!("知らない判定が使われています", "an unknown test is used"),
        ErrorKind::OutOfFuel => say!("繰り返しが多すぎます", "it repeats too much"),
        ErrorKind::WriteFailure => say!("本文が大きくなりすぎます", "the mail grows too large"),
        _ => say!("差し込みができません", "it cannot be merged"),
    };
    Error::refused(Say::new(format!("{ja}の {line} 行目: {}。", what.ja), format!("{en}, line {line}: {}.", what.en)))
        .because(std::io::Error::other(format!("{:?}", e.kind())))
}

fn add_filters(env: &mut Environment<'static>) {
    env.add_filter("default", default);
    env.add_filter("d", default);
    env.add_filter("upper", filters::upper);
    env.add_filter("lower", filters::lower);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("title", filters::title);
    env.add_filter("trim", filters::trim);
    env.add_filter("length", filters::length);
    env.add_filter("first", filters::first);
    env.add_filter("last", filters::last);
    env.add_filter("abs", filters::abs);
    env.add_filter("int", filters::int);
    env.add_filter("float", filters::float);
    env.add_filter("round", filters::round);
    env.add_filter("replace", replace);
    env.add_filter("truncate", truncate);
    env.add_filter("comma", comma);
    env.add_filter("urlencode", urlencode);
}

fn add_tests(env: &mut Environment<'static>) {
    env.add_test("defined", jtests::is_defined);
    env.add_test("undefined", jtests::is_undefined);
    env.add_test("number", jtests::is_number);
    env.add_test("string", jtests::is_string);
    env.add_test("odd", jtests::is_odd);
    env.add_test("even", jtests::is_even);
    env.add_test("startingwith", jtests::is_startingwith);
    env.add_test("endingwith", jtests::is_endingwith);
    env.add_test("blank", |value: &Value| blank(value));
}

fn blank(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || value.as_str().is_some_and(|s| s.trim().is_empty())
}

/// Unlike the usual filter of this name, it also covers a blank value: a customer list is full of them.
fn default(value: &Value, other: Rest<Value>) -> Value {
    match blank(value) {
        true => other.first().cloned().unwrap_or_else(|| Value::from("")),
        false => value.clone(),
    }
}

fn too_long() -> minijinja::Error {
    minijinja::Error::new(ErrorKind::WriteFailure, "a merged value grows too large")
}

fn replace(value: &str, from: &str, to: &str) -> std::result::Result<String, minijinja::Error> {
    let hits = if from.is_empty() { value.len() + 1 } else { value.len() / from.len() };
    if value.len().saturating_add(hits.saturating_mul(to.len())) > limits::MERGED_MAX {
        return Err(too_long());
    }
    Ok(value.replace(from, to))
}

fn truncate(value: &str, most: usize) -> String {
    match value.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

/// `1234567` as `1,234,567`; what is no whole number stays as it is.
fn comma(value: &Value) -> String {
    let text = value.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |d| ("-", d));
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return text;
    }
    let mut out = String::from(sign);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn urlencode(value: &Value) -> String {
    let mut out = String::new();
    for b in value.to_string().bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn range(end: u32) -> std::result::Result<Vec<u32>, minijinja::Error> {
    match end <= 1000 {
        true => Ok((0..end).collect()),
        false => Err(minijinja::Error::from(ErrorKind::OutOfFuel)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String> {
        let mut engine = Engine::new();
        engine.add("text", source.to_owned())?;
        let fields = Value::from_pairs([("姓", "山田"), ("空", " "), ("式", "{{ 7*7 }}"), ("点", "1234567")]);
        engine.render("text", fields)
    }

    #[test]
    fn fields_and_filters_do_what_the_manual_says() {
        for (source, want) in [
            ("{{ 姓 }}様", "山田様"),
            ("{{ 空|default('お客') }}", "お客"),
            ("{{ 無い|default('お客') }}", "お客"),
            ("{{ 姓|d('お客') }}", "山田"),
            ("{{ 式 }}", "{{ 7*7 }}"),
            ("{{ 点|comma }}円", "1,234,567円"),
            ("{{ 姓|truncate(1) }}", "山…"),
            ("{{ 姓|urlencode }}", "%E5%B1%B1%E7%94%B0"),
            ("{% if 空 is blank %}x{% endif %}", "x"),
            ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ] {
            assert_eq!(render(source).unwrap(), want, "{source}");
        }
    }

    #[test]
    fn what_could_run_away_or_reach_out_is_refused_with_its_line() {
        for (source, says) in [
            ("\n{{ 無い }}", "line 2: an unknown field"),
            ("{{ 姓", "line 1: there is a mistake"),
            ("{% include 'x' %}", "cannot be used"),
            ("{% set a = 1 %}", "cannot be used"),
            ("{% macro m() %}{% endmacro %}", "cannot be used"),
            ("{% for a in range(1000) %}{% for b in range(1000) %}{{ b }}{% endfor %}{% endfor %}", "repeats too much"),
            ("{{ 'aaaaaaaa'|replace('a', 'x' * 100000)|replace('x', 'y' * 100000) }}", "grows too large"),
            ("{{ namespace() }}", "unknown function"),
            ("{{ 姓|safe }}", "unknown filter"),
            ("{{ 姓|shell }}", "unknown filter"),
        ] {
            let said = render(source).unwrap_err().says().en.clone();
            assert!(said.contains(says), "{source}: {said}");
        }
    }
}
