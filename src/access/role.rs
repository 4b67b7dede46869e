//! The three roles and what each may do: closed lists, so that a new right asks every role.

use crate::base::{Error, Result, Say};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    /// Does the daily work; cannot export or change settings.
    Staff,
    Viewer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See contacts, campaigns and results.
    View,
    /// Change contacts, segments, drafts, templates.
    Edit,
    /// Bring contacts in, and undo that.
    Import,
    /// Start, schedule, pause and cancel a campaign; send a test.
    Send,
    /// Take personal data out as a file.
    Export,
    /// Relay, sender profiles, look, API tokens.
    Settings,
    /// Invite, suspend, change roles.
    Users,
    /// Read and verify the audit log.
    Audit,
}

impl Right {
    pub const ALL: [Right; 8] = [
        Right::View,
        Right::Edit,
        Right::Import,
        Right::Send,
        Right::Export,
        Right::Settings,
        Right::Users,
        Right::Audit,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Right::View => "view",
            Right::Edit => "edit",
            Right::Import => "import",
            Right::Send => "send",
            Right::Export => "export",
            Right::Settings => "settings",
            Right::Users => "users",
            Right::Audit => "audit",
        }
    }

    pub fn parse(text: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|r| r.name() == text)
    }

    pub fn title(self) -> Say {
        match self {
            Right::View => say!("閲覧", "View"),
            Right::Edit => say!("編集", "Edit"),
            Right::Import => say!("取り込み", "Import"),
            Right::Send => say!("送信", "Send"),
            Right::Export => say!("書き出し", "Export"),
            Right::Settings => say!("設定の変更", "Change settings"),
            Right::Users => say!("利用者の管理", "Manage users"),
            Right::Audit => say!("監査記録の閲覧", "Read the audit log"),
        }
    }
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Admin, Role::Staff, Role::Viewer];

    pub fn may(self, right: Right) -> bool {
        match self {
            Role::Admin => true,
            Role::Staff => match right {
                Right::View | Right::Edit | Right::Import | Right::Send => true,
                Right::Export | Right::Settings | Right::Users | Right::Audit => false,
            },
            Role::Viewer => right == Right::View,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Staff => "staff",
            Role::Viewer => "viewer",
        }
    }

    pub fn parse(text: &str) -> Result<Role> {
        Role::ALL.into_iter().find(|r| r.name() == text).ok_or_else(|| {
            Error::refused(say!("役割を読み取れません。", "This is not a role."))
                .hint(say!("admin, staff, viewer のいずれかです。", "One of admin, staff, viewer."))
        })
    }

    pub fn title(self) -> Say {
        match self {
            Role::Admin => say!("管理者", "Admin"),
            Role::Staff => say!("担当者", "Staff"),
            Role::Viewer => say!("閲覧者", "Viewer"),
        }
    }

    /// What the role may do, in one sentence, for the forms that choose one.
    pub fn means(self) -> Say {
        match self {
            Role::Admin => say!("すべての操作ができます。", "May do everything."),
            Role::Staff => say!(
                "連絡先の編集と配信ができます。書き出しと設定の変更はできません。",
                "Edits contacts and sends campaigns. Cannot export or change settings."
            ),
            Role::Viewer => say!("見ることだけができます。", "May look, and nothing else."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_send_and_edit_but_neither_export_nor_change_settings() {
        let may: Vec<&str> = Right::ALL.into_iter().filter(|r| Role::Staff.may(*r)).map(Right::name).collect();
        assert_eq!(may, ["view", "edit", "import", "send"]);
    }

    #[test]
    fn names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()).unwrap(), role);
        }
        for right in Right::ALL {
            assert_eq!(Right::parse(right.name()), Some(right));
        }
        assert!(Role::parse("root").is_err());
    }
}
