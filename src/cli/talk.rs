//! What is printed, and where: the result on stdout, talk and progress on stderr.

use super::args::{Common, HowProgress};
use super::{Error, Lang, Result, show};
use crate::base::{Build, Progress, Say, limits};
use crate::house::ask::Answer;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub(super) struct Talk {
    /// Who speaks.
    pub(super) build: Build,
    pub(super) lang: Lang,
    pub(super) json: bool,
    /// A person sits there and may be asked.
    pub(super) may_ask: bool,
    pub(super) yes: bool,
    progress: HowProgress,
    bar: bool,
    told: Mutex<Option<Instant>>,
    stop: Arc<AtomicBool>,
}

impl Talk {
    pub(super) fn new(common: &Common, lang: Lang, build: Build) -> Talk {
        let terminal = std::io::stderr().is_terminal();
        Talk {
            build,
            lang,
            json: common.json,
            may_ask: !common.no_input && std::io::stdin().is_terminal() && terminal,
            yes: common.yes,
            progress: common.progress,
            bar: terminal && std::env::var_os("TERM").is_none_or(|t| t != "dumb"),
            told: Mutex::new(None),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The first Ctrl-C asks the work to end cleanly, the second ends the process at once.
    pub(super) fn heed_signals(&self) -> Result<()> {
        use signal_hook::{consts, flag};
        for (signal, exit) in [(consts::SIGINT, 130), (consts::SIGTERM, 143)] {
            flag::register_conditional_shutdown(signal, exit, Arc::clone(&self.stop))
                .and_then(|_| flag::register(signal, Arc::clone(&self.stop)))
                .map_err(|e| Error::io(say!("シグナルを受け取れません。", "Cannot listen for signals."), e))?;
        }
        Ok(())
    }

    pub(super) fn interrupted(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Prints an answer; its exit code is the command's.
    pub(super) fn show(&self, answer: &Answer) -> u8 {
        self.end_bar();
        let value = spoken(&answer.value, self.lang);
        let text = match self.json {
            true => value.to_string(),
            false => show::text(&value, self.lang),
        };
        // A closed pipe is the reader's choice, not a failure.
        writeln!(std::io::stdout(), "{}", text.trim_end()).ok();
        answer.exit
    }

    /// A line for a person, on stderr; a script does not get it.
    pub(super) fn say(&self, says: &Say) {
        if !self.json {
            eprintln!("{}", says.to(self.lang));
        }
    }

    /// One JSON line on stdout, at once.
    pub(super) fn line(&self, value: &Value) {
        let mut out = std::io::stdout();
        // A closed pipe is the reader's choice, not a failure.
        writeln!(out, "{value}").and_then(|()| out.flush()).ok();
    }

    /// A result in words.
    pub(super) fn print(&self, says: &Say) {
        writeln!(std::io::stdout(), "{}", says.to(self.lang)).ok();
    }

    /// Something to be written down, on stderr, where a result never goes.
    pub(super) fn secret(&self, name: &str, secret: &str, says: &Say) {
        match self.json {
            true => eprintln!("{}", serde_json::json!({name: secret})),
            false => eprintln!("{}\n\n    {secret}\n", says.to(self.lang)),
        }
    }

    /// A line that must reach whoever reads stderr, script or person.
    pub(super) fn warn(&self, says: &Say) {
        match self.json {
            true => eprintln!("{}", serde_json::json!({"warning": says.to(self.lang)})),
            false => eprintln!("{} {}", self.lang.pick("注意:", "Note:"), says.to(self.lang)),
        }
    }

    pub(super) fn fail(&self, e: &Error) -> ExitCode {
        self.end_bar();
        fail(e, self.json, self.lang)
    }

    fn end_bar(&self) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        if told.is_some() && self.bar && self.progress == HowProgress::Auto {
            eprint!("\r\x1b[K");
        }
    }

    fn print_progress(&self, done: u64, total: u64) {
        match self.progress {
            HowProgress::Json => eprintln!("{}", serde_json::json!({"progress": {"done": done, "total": total}})),
            HowProgress::Auto if self.bar && !self.json => match total {
                0 => eprint!("\r\x1b[K{done}"),
                _ => eprint!("\r\x1b[K{done} / {total} ({} %)", done.saturating_mul(100) / total),
            },
            HowProgress::Auto | HowProgress::None => {}
        }
    }
}

impl Progress for Talk {
    fn tell(&self, done: u64, total: u64) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|t| t.elapsed() >= limits::PROGRESS_EVERY) {
            *told = Some(Instant::now());
            self.print_progress(done, total);
        }
    }

    fn stopped(&self) -> bool {
        self.interrupted()
    }
}

/// A sentence in both languages becomes one in the reader's.
fn spoken(value: &Value, lang: Lang) -> Value {
    match value {
        Value::Object(fields) => match (fields.len(), fields.get("ja"), fields.get("en")) {
            (2, Some(ja @ Value::String(_)), Some(en @ Value::String(_))) => lang.pick(ja, en).clone(),
            _ => fields.iter().map(|(k, v)| (k.clone(), spoken(v, lang))).collect(),
        },
        Value::Array(items) => items.iter().map(|v| spoken(v, lang)).collect(),
        plain => plain.clone(),
    }
}

pub(super) fn fail(e: &Error, json: bool, lang: Lang) -> ExitCode {
    match json {
        true => eprintln!("{}", e.to_json(lang)),
        false => {
            eprintln!("{}{}", lang.pick("エラー: ", "Error: "), e.says().to(lang));
            if let Some(hint) = e.hinted() {
                eprintln!("{}", hint.to(lang));
            }
        }
    }
    if std::env::var_os("HAKOBU_TRACE").is_some() {
        eprintln!("{}", e.chain());
    }
    ExitCode::from(e.kind().exit_code())
}
