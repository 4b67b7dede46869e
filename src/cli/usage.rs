//! What the parser says when the words do not fit: help and version to stdout, mistakes as an error of ours with
//! exit 2, also as JSON when `--json` is among the words.

use super::talk;
use crate::base::{Error, Lang, Say};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::process::ExitCode;

pub(super) fn answer(e: clap::Error, words: &[OsString], lang: Lang) -> ExitCode {
    use ErrorKind::*;
    match e.kind() {
        DisplayHelp | DisplayVersion => {
            // A closed pipe is the reader's choice, not a failure.
            e.print().ok();
            ExitCode::SUCCESS
        }
        DisplayHelpOnMissingArgumentOrSubcommand => {
            e.print().ok();
            ExitCode::from(2)
        }
        _ => {
            let json = words.iter().take_while(|w| *w != "--").any(|w| w == "--json");
            talk::fail(&said(&e), json, lang)
        }
    }
}

fn said(e: &clap::Error) -> Error {
    let about = |kind| e.get(kind).map(|v: &ContextValue| v.to_string());
    let arg = about(ContextKind::InvalidArg).unwrap_or_default();
    let value = about(ContextKind::InvalidValue).unwrap_or_default();
    let sub = about(ContextKind::InvalidSubcommand).unwrap_or_default();
    let says = match e.kind() {
        ErrorKind::UnknownArgument => say!("{arg} というフラグはありません。", "There is no flag {arg}."),
        ErrorKind::InvalidSubcommand => say!("{sub} というコマンドはありません。", "There is no command {sub}."),
        ErrorKind::MissingRequiredArgument => say!("{arg} を指定してください。", "{arg} is needed."),
        ErrorKind::MissingSubcommand => say!("コマンドを指定してください。", "A command is needed."),
        ErrorKind::InvalidValue if value.is_empty() => say!("{arg} には値が必要です。", "{arg} needs a value."),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            say!("{arg} に {value} は指定できません。", "{value} is not a value for {arg}.")
        }
        ErrorKind::ArgumentConflict => {
            let prior = about(ContextKind::PriorArg).unwrap_or_default();
            say!("{arg} と {prior} は同時に指定できません。", "{arg} and {prior} cannot stand together.")
        }
        ErrorKind::InvalidUtf8 => say!("引数が UTF-8 ではありません。", "An argument is not UTF-8."),
        _ => {
            let text = e.to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            say!("引数が正しくありません（{line}）。", "{line}")
        }
    };
    Error::refused(says).hint(hint(e))
}

fn hint(e: &clap::Error) -> Say {
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        .into_iter()
        .find_map(|kind| e.get(kind))
        .map(|v| match v {
            ContextValue::Strings(list) => list.join(", "),
            other => other.to_string(),
        });
    if let Some(near) = near {
        return say!("{near} のことでしょうか。", "Did you mean {near}?");
    }
    if let Some(ContextValue::Strings(valid)) = e.get(ContextKind::ValidValue)
        && !valid.is_empty()
    {
        let valid = valid.join(", ");
        return say!("指定できる値: {valid}", "Values: {valid}");
    }
    say!("使い方は --help を付けると表示されます。", "Add --help to see how it is used.")
}
