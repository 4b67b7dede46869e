//! The flags that every verb takes, the tree of verbs, and help in two languages.
//!
//! A help text is written once, where the flag is declared, as `English || 日本語`; the half that is asked for is
//! chosen when the tree is built. A test walks the tree and names what lacks a half.

use super::verbs::Verb;
use crate::base::Lang;
use clap::{CommandFactory, Parser, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Mail campaigns on a server of your own. || 自社サーバーで動くメール配信
#[derive(Parser)]
#[command(name = "hakobu", disable_help_subcommand = false, max_term_width = 100)]
#[command(
    before_help = "  hakobu try                          look around in a ready house\n  hakobu setup --data DIR …           make a house of your own\n  hakobu serve --data DIR             run it || \
  hakobu try                          サンプル入りの環境をすぐに試す\n  hakobu setup --data DIR …           自分の環境を作る\n  hakobu serve --data DIR             動かす"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

const EVERYWHERE: &str = "Everywhere";

#[derive(clap::Args, Clone)]
#[command(next_help_heading = EVERYWHERE)]
pub(super) struct Common {
    /// The data folder || データフォルダー
    #[arg(long, global = true, env = "HAKOBU_DATA", value_name = "DIR", hide_env_values = true)]
    pub(super) data: Option<PathBuf>,
    /// The passphrase of the root key, on the first line of a file || ルート鍵のパスフレーズを 1 行目に書いたファイル
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// One JSON object on stdout; errors as one object on stderr || 結果を JSON で標準出力へ、エラーを JSON で標準エラーへ
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// ja or en || 言語（ja または en）
    #[arg(long, global = true, value_name = "LANG", value_parser = ["ja", "en"])]
    pub(super) lang: Option<String>,
    /// Never ask || 対話で質問しない
    #[arg(long, global = true)]
    pub(super) no_input: bool,
    /// Answer yes to every confirmation || 確認にはすべて「はい」と答える
    #[arg(long, short = 'y', global = true)]
    pub(super) yes: bool,
    /// How progress is told on stderr || 進み具合の表示方法
    #[arg(long, global = true, value_name = "HOW", default_value = "auto")]
    pub(super) progress: HowProgress,
    /// No colours || 色を使わない
    #[arg(long, global = true)]
    pub(super) no_color: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum HowProgress {
    Auto,
    Json,
    None,
}

/// `--lang`, else the environment; looked up before parsing, because the parser's own words depend on it.
pub(super) fn language(words: &[OsString]) -> Lang {
    let words: Vec<_> = words.iter().map_while(|w| w.to_str()).take_while(|w| *w != "--").collect();
    let flag = words.iter().enumerate().find_map(|(i, w)| match w.strip_prefix("--lang") {
        Some("") => words.get(i + 1).copied(),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    });
    wished(flag, from_environment().as_deref()).unwrap_or(Lang::En)
}

impl Common {
    /// What a new house speaks: Japanese unless somebody asks for English. A terminal without a language
    /// (`LANG=C` on a fresh server) says nothing about the people who will open the pages.
    pub(super) fn house_language(&self) -> Lang {
        wished(self.lang.as_deref(), from_environment().as_deref()).unwrap_or_default()
    }
}

fn wished(flag: Option<&str>, environment: Option<&str>) -> Option<Lang> {
    Lang::parse(flag.or(environment)?)
}

fn from_environment() -> Option<String> {
    ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|v| std::env::var(v).ok()).find(|v| !v.is_empty())
}

pub(super) fn command(lang: Lang, version: &'static str) -> clap::Command {
    localised(Args::command().version(version), lang)
}

fn localised(mut command: clap::Command, lang: Lang) -> clap::Command {
    let half = |text: String| half(&text, lang).to_owned();
    if let Some(about) = command.get_about().map(|a| half(a.to_string())) {
        command = command.about(about.clone()).long_about(about);
    }
    if let Some(examples) = command.get_before_help().map(|t| half(t.to_string())) {
        command = command.before_help(examples);
    }
    if lang == Lang::Ja {
        command = command
            .subcommand_help_heading("コマンド")
            .help_template("{before-help}{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}");
    }
    let command = command.mut_args(|arg| {
        let heading = match arg.get_help_heading() {
            Some(_) => lang.pick("共通", EVERYWHERE),
            None if arg.is_positional() => lang.pick("引数", "Arguments"),
            None => lang.pick("オプション", "Options"),
        };
        let arg = match arg.get_help().map(|h| half(h.to_string())) {
            Some(help) => arg.help(help.clone()).long_help(help),
            None => arg,
        };
        arg.help_heading(heading)
    });
    command.mut_subcommands(|c| localised(c, lang))
}

fn half(text: &str, lang: Lang) -> &str {
    match text.split_once("||") {
        Some((en, ja)) => lang.pick(ja, en).trim_matches(' '),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_verbs_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_help_text_is_there_in_both_languages() {
        fn walk(command: &clap::Command, path: &str, lacking: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let two = |t: Option<&clap::builder::StyledStr>| t.is_some_and(|t| t.to_string().contains("||"));
            if !two(command.get_about()) {
                lacking.push(path.clone());
            }
            for arg in command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str())) {
                if !two(arg.get_help()) {
                    lacking.push(format!("{path} {}", arg.get_id()));
                }
            }
            command.get_subcommands().for_each(|c| walk(c, &path, lacking));
        }
        let mut lacking = Vec::new();
        walk(&Args::command(), "", &mut lacking);
        assert!(lacking.is_empty(), "{lacking:#?}");
    }

    #[test]
    fn the_language_is_read_from_the_flag_wherever_it_stands() {
        let of = |words: &[&str]| language(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of(&["hakobu", "status", "--lang", "ja"]), Lang::Ja);
        assert_eq!(of(&["hakobu", "--lang=en", "status"]), Lang::En);
    }

    #[test]
    fn a_new_house_speaks_japanese_unless_english_is_asked_for() {
        assert_eq!(wished(None, None), None);
        assert_eq!(wished(None, Some("C.UTF-8")).unwrap_or_default(), Lang::Ja);
        assert_eq!(wished(None, Some("en_US.UTF-8")), Some(Lang::En));
        assert_eq!(wished(Some("ja"), Some("en_US.UTF-8")), Some(Lang::Ja));
    }
}
