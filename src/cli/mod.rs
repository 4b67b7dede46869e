//! The command line: flags in, one ask out, its answer shown. It is a contract (exit codes, `--json`), and it is the
//! only room that prints, and the only one that reads and writes files for its caller.
//!
//! Flow: words → `args` (flags, help in two languages) → `verbs/*` (an `Ask` and the files it needs) → `reach`
//! (open the house here, or speak to the server that holds the lock) → `talk` (one object, or calm text).
//!
//! **Invariant:** results go to stdout, talk goes to stderr. **Invariant:** a secret never comes as a flag's value.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod files;
mod launch;
mod prompt;
mod reach;
mod show;
mod talk;
mod usage;
mod verbs;

use crate::base::{Build, Error, Kind, Lang, Result};
use args::{Args, Common};
use std::ffi::OsString;
use std::process::ExitCode;
use talk::Talk;

pub fn main(build: Build) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let lang = args::language(&words);
    let matches = match args::command(lang, build.version).try_get_matches_from(&words) {
        Ok(matches) => matches,
        Err(e) => return usage::answer(e, &words, lang),
    };
    let args = match <Args as clap::FromArgMatches>::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(e) => return usage::answer(e, &words, lang),
    };
    let talk = Talk::new(&args.common, lang, build);
    match verbs::run(args, &talk) {
        Ok(exit) => ExitCode::from(exit),
        Err(e) => talk.fail(&e),
    }
}
