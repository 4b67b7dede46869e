//! What goes out: a campaign's content with its sender and files, as one value. A run keeps a frozen copy, so that
//! editing a sender profile tomorrow does not change the mails of today.

use super::campaign::Draft;
use super::sender::Sender;
use super::source::Format;
use crate::base::{Error, Result, ids::TopicId};
use crate::contacts::MailKind;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    Attachment,
    /// Travels inside the mail.
    Embedded,
    /// Fetched from the public URL when the mail is opened.
    Hosted,
}

impl FileRole {
    pub fn name(self) -> &'static str {
        match self {
            FileRole::Attachment => "attachment",
            FileRole::Embedded => "embedded",
            FileRole::Hosted => "hosted",
        }
    }

    pub fn parse(name: &str) -> Result<FileRole> {
        [FileRole::Attachment, FileRole::Embedded, FileRole::Hosted]
            .into_iter()
            .find(|r| r.name() == name)
            .ok_or_else(|| Error::refused(say!("ファイルの使い方が分かりません。", "This use of a file is not known.")))
    }

    pub fn is_image(self) -> bool {
        self != FileRole::Attachment
    }
}

/// A file of a campaign: its bytes lie in the blobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCard {
    pub role: FileRole,
    pub name: String,
    pub media: String,
    pub size: u64,
    pub blob: String,
    /// Names the file in public links.
    pub token: String,
}

/// Everything that the renderer and the MIME writer need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub subject: String,
    pub format: Format,
    pub body: String,
    pub text: Option<String>,
    pub kind: MailKind,
    pub topic: TopicId,
    pub topic_name: String,
    pub sender: Sender,
    pub files: Vec<FileCard>,
    /// Where refusal and web copy links point, without a slash at the end.
    pub public_url: String,
}

impl Content {
    /// What the draft itself says, beside what was looked up for it.
    pub(super) fn of(draft: &Draft, sender: Sender, topic: (TopicId, String), files: Vec<FileCard>) -> Content {
        Content {
            subject: draft.subject.clone(),
            format: draft.format,
            body: draft.body.clone(),
            text: draft.text.clone(),
            kind: draft.kind,
            topic: topic.0,
            topic_name: topic.1,
            sender,
            files,
            public_url: String::new(),
        }
    }
}
