//! `hakobu user …` and `hakobu token …`.

use crate::access::Role;
use crate::base::{Lang, Result};
use crate::cli::talk::Talk;
use crate::cli::{files, prompt};
use crate::house::ask::people::{TokenAsk, UserAsk};
use crate::house::ask::{Ask, Hidden};
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum User {
    /// All users || 利用者の一覧
    List,
    /// Add a user with a password || パスワードを決めて追加する
    Add {
        #[command(flatten)]
        who: Who,
        /// The password, on the first line of a file || パスワード（ファイルの 1 行目）
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Add a user who chooses a password by a one-time link || 一度だけ使えるリンクで招待する
    Invite {
        #[command(flatten)]
        who: Who,
    },
    /// End sessions and tokens, and let nobody in || 利用を止める
    Suspend {
        /// u1 or an address || u1 またはメールアドレス
        user: String,
    },
    /// Let a suspended user in again || 利用を再開する
    Resume {
        /// u1 or an address || u1 またはメールアドレス
        user: String,
    },
    /// Change what a user may do || 役割を変える
    Role {
        /// u1 or an address || u1 またはメールアドレス
        user: String,
        /// admin, staff or viewer || admin（管理者）、staff（担当者）、viewer（閲覧者）
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Set a new password, or make a link that asks for one || パスワードを再設定する（ファイルがなければリンクを発行）
    Password {
        /// u1 or an address || u1 またはメールアドレス
        user: String,
        /// The new password, on the first line of a file || 新しいパスワード（ファイルの 1 行目）
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Who {
    /// The mail address || メールアドレス
    email: String,
    /// The name shown || 表示名
    #[arg(long)]
    name: Option<String>,
    /// admin, staff or viewer || admin（管理者）、staff（担当者）、viewer（閲覧者）
    #[arg(long, value_parser = role, default_value = "staff")]
    role: Role,
}

fn role(text: &str) -> std::result::Result<Role, String> {
    Role::parse(text).map_err(|e| e.says().to(Lang::En).to_owned())
}

impl Who {
    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.email.split('@').next().unwrap_or_default().to_owned())
    }
}

impl User {
    pub(super) fn ask(self, talk: &Talk) -> Result<Ask> {
        Ok(Ask::User(match self {
            User::List => UserAsk::List,
            User::Add { who, password_file } => {
                let password = match password_file {
                    Some(path) => files::secret(&path)?,
                    None if talk.may_ask => prompt::twice(talk, &say!("パスワード", "Password"))?,
                    None => return Err(super::unanswered("--password-file")),
                };
                let password = Hidden(password.text().unwrap_or_default().to_owned());
                UserAsk::Add { name: who.name(), email: Hidden(who.email), role: who.role, password }
            }
            User::Invite { who } => UserAsk::Invite { name: who.name(), email: Hidden(who.email), role: who.role },
            User::Suspend { user } => UserAsk::Suspend { user: Hidden(user) },
            User::Resume { user } => UserAsk::Resume { user: Hidden(user) },
            User::Role { user, role } => UserAsk::Role { user: Hidden(user), role },
            User::Password { user, password_file } => {
                let secret = password_file.map(|p| files::secret(&p)).transpose()?;
                let password = secret.map(|s| Hidden(s.text().unwrap_or_default().to_owned()));
                UserAsk::Password { user: Hidden(user), password }
            }
        }))
    }
}

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Token {
    /// All tokens || トークンの一覧
    List,
    /// A token for a script; its secret is shown once || スクリプト用のトークンを作る（秘密の値は一度だけ表示）
    Create {
        /// What it is for || 用途
        name: String,
        /// Rights, separated by commas: view, edit, import, send, export, settings, audit || 権限（コンマ区切り）
        #[arg(long, value_delimiter = ',', required = true)]
        scope: Vec<String>,
        /// The user on whose behalf it acts || 利用者
        #[arg(long, value_name = "USER")]
        user: String,
    },
    /// End a token || トークンを失効させる
    Revoke {
        /// Its number || 番号
        token: i64,
    },
}

impl Token {
    pub(super) fn ask(self) -> Ask {
        Ask::Token(match self {
            Token::List => TokenAsk::List,
            Token::Create { name, scope, user } => TokenAsk::Create { name, scopes: scope, user: Hidden(user) },
            Token::Revoke { token } => TokenAsk::Revoke { token },
        })
    }
}
