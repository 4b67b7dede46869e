//! Asking a person at a terminal. Only called where `Talk::may_ask` says that somebody sits there.

use super::talk::Talk;
use super::{Error, Kind, Result};
use crate::base::{Say, Secret};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{BufRead, Write};

/// An answer in clear; an empty one takes `otherwise`.
pub(super) fn line(talk: &Talk, question: &Say, otherwise: &str) -> Result<String> {
    let offer = if otherwise.is_empty() { String::new() } else { format!(" [{otherwise}]") };
    let typed = read(&format!("{}{offer}: ", question.to(talk.lang)))?;
    Ok(if typed.is_empty() { otherwise.to_owned() } else { typed })
}

/// An answer that does not appear on the screen.
pub(super) fn hidden(talk: &Talk, question: &Say) -> Result<Secret> {
    let tty = std::io::stdin();
    let cannot =
        |e: rustix::io::Errno| Error::io(say!("端末を設定できません。", "Cannot change the terminal."), e.into());
    let before = tcgetattr(&tty).map_err(cannot)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&tty, OptionalActions::Flush, &silent).map_err(cannot)?;
    let typed = read(&format!("{}: ", question.to(talk.lang)));
    tcsetattr(&tty, OptionalActions::Now, &before).map_err(cannot)?;
    eprintln!();
    typed.map(Secret::new)
}

/// A new secret, typed twice.
pub(super) fn twice(talk: &Talk, question: &Say) -> Result<Secret> {
    let again = say!("確認のため、もう一度", "Once more");
    loop {
        let first = hidden(talk, question)?;
        if hidden(talk, &again)? == first {
            return Ok(first);
        }
        talk.say(&say!("2 回の入力が違います。", "The two are not the same."));
    }
}

/// Yes or no; `--yes` says yes. Without a terminal the answer is missing.
pub(super) fn confirm(talk: &Talk, question: &Say) -> Result<()> {
    if talk.yes {
        return Ok(());
    }
    if !talk.may_ask {
        return Err(Error::new(Kind::Unanswered, question.clone())
            .hint(say!("よければ --yes を付けてください。", "Add --yes if you agree.")));
    }
    match line(talk, question, "y/N")?.trim().to_lowercase().as_str() {
        "y" | "yes" | "はい" => Ok(()),
        _ => Err(Error::new(Kind::Unanswered, say!("中止しました。", "Nothing was done."))),
    }
}

fn read(prompt: &str) -> Result<String> {
    let cannot = |e| Error::io(say!("入力を読めません。", "Cannot read the answer."), e);
    eprint!("{prompt}");
    std::io::stderr().flush().map_err(cannot)?;
    let mut typed = String::new();
    match std::io::stdin().lock().read_line(&mut typed).map_err(cannot)? {
        0 => Err(Error::new(Kind::Unanswered, say!("入力が終わりました。", "The input has ended."))),
        _ => Ok(typed.trim_end_matches(['\r', '\n']).to_owned()),
    }
}
