//! Of which class a failure is, by what was said: the one table of codes and wordings.
//!
//! *Hard*: the mailbox does not exist (any more). *Soft*: it may take mail another day. *Block*: they do not want this
//! mail, or us; that says nothing about the mailbox. *Unknown*: nobody could tell from what was said.
//!
//! The order matters. A mailbox that is called unknown and a sender that is called a spammer are told apart first by the
//! enhanced code, whose 7 is always about permission, then by words that leave no doubt, then by the rest of the codes.
//! Where it is doubtful the milder class wins: a person who is taken off a list by mistake never hears of it.

use super::said::{Said, Status};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Hard,
    Soft,
    Block,
    Unknown,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Hard, Class::Soft, Class::Block, Class::Unknown];

    pub fn name(self) -> &'static str {
        match self {
            Class::Hard => "hard",
            Class::Soft => "soft",
            Class::Block => "block",
            Class::Unknown => "unknown",
        }
    }

    pub fn parse(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Of what a server or a report said.
    pub fn of(said: &Said) -> Class {
        let words = said.words.to_lowercase();
        let says = |list: &[&str]| list.iter().any(|w| words.contains(w));
        match said.status {
            Some(Status(_, 7, _)) => return Class::Block,
            _ if says(BLOCK) => return Class::Block,
            // A code that names the mailbox, and no word against it: 4.1.1 is a receiver that is not sure yet.
            Some(Status(5, 1, 1 | 3 | 6 | 10) | Status(5, 2, 1)) => return Class::Hard,
            Some(status) if let Some(class) = by_code(status) => return class,
            _ => {}
        }
        match said.class() {
            4 => Class::Soft,
            _ if says(FULL) => Class::Soft,
            _ if says(GONE) => Class::Hard,
            _ if says(LATER) => Class::Soft,
            _ => Class::Unknown,
        }
    }
}

/// Codes that say enough by themselves. 5.1.2, 5.4.4 and their like (no such domain, no route) are soft: a name server
/// that fails for a day says the same of everybody.
fn by_code(status: Status) -> Option<Class> {
    match status {
        Status(4, ..) => Some(Class::Soft),
        // Our message: too long (2.3, 3.4), content (6.x), sender (1.7, 1.8).
        Status(5, 2, 3) | Status(5, 3, 4) | Status(5, 6, _) | Status(5, 1, 7 | 8) => Some(Class::Block),
        Status(5, 2, 2) | Status(5, 3, 1..) | Status(5, 1, 2) | Status(5, 4, 3 | 4 | 6 | 7) => Some(Class::Soft),
        _ => None,
    }
}

/// Lower case, without the words' surroundings. They stand for whole families: RBLs, policies, content filters.
const BLOCK: &[&str] = &[
    "spamhaus",
    "spamcop",
    "barracuda",
    "blacklist",
    "black list",
    "blocklist",
    "block list",
    "denylist",
    "blocked using",
    "blocked by",
    "blocked for",
    "is blocked",
    "been blocked",
    "listed in",
    "listed by",
    "listed on",
    "dnsbl",
    " rbl",
    "reputation",
    "is spam",
    "as spam",
    "spam message",
    "spam content",
    "spam detected",
    "looks like spam",
    "spammy",
    "junk mail",
    "unsolicited",
    "bulk mail",
    "dmarc",
    "spf check",
    "spf fail",
    "spf=",
    "dkim",
    "unauthenticated",
    "not authenticated",
    "policy",
    "not authorized to send",
    "not allowed to send",
    "sender rejected",
    "sender denied",
    "sender address rejected",
    "content reject",
    "content filter",
    "prohibited content",
    "message refused by",
    "message rejected by",
    "message content",
    "virus",
    "malware",
    "rate limit",
    "too many connections",
    "throttl",
    "reverse dns",
    "ptr record",
    "mailfrom rejected",
    "vs98-ip0",
    "tss04",
    "tss05",
    "ipts04",
    "ipts05",
    "迷惑メール",
    "受信拒否",
    "拒否設定",
    "なりすまし",
    "ブロック",
    "ドメイン指定",
    "指定受信",
    "スパム",
    "ウイルス",
    "ウィルス",
];

const FULL: &[&str] = &[
    "mailbox full",
    "mailbox is full",
    "mail box full",
    "mailbox has exceeded",
    "mailbox size limit",
    "over quota",
    "overquota",
    "quota exceeded",
    "exceeded quota",
    "exceeds quota",
    "exceeded storage",
    "exceeded the quota",
    "disk quota",
    "out of storage",
    "insufficient storage",
    "storage limit",
    "容量",
    "いっぱい",
    "一杯",
    "満杯",
];

const GONE: &[&str] = &[
    "user unknown",
    "unknown user",
    "user is unknown",
    "unknown recipient",
    "recipient unknown",
    "unknown mailbox",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "no such address",
    "no such account",
    "no mailbox here by that name",
    "no account by that name",
    "user not found",
    "recipient not found",
    "mailbox not found",
    "address not found",
    "account not found",
    "addressee unknown",
    "unknown address",
    "unknown local part",
    "unknown to address",
    "user doesn't have a",
    "user does not exist",
    "user doesn't exist",
    "account does not exist",
    "account that you tried to reach does not exist",
    "mailbox does not exist",
    "mailbox doesn't exist",
    "address does not exist",
    "address doesn't exist",
    "recipient does not exist",
    "invalid recipient",
    "invalid mailbox",
    "invalid address",
    "invalid user",
    "not a valid mailbox",
    "not a valid user",
    "bad destination mailbox",
    "recipnotfound",
    "recipient address rejected: access denied",
    "recipient rejected",
    "mailbox unavailable",
    "mailbox is unavailable",
    "mailbox disabled",
    "mailbox is disabled",
    "account is disabled",
    "account disabled",
    "account has been disabled",
    "account is inactive",
    "mailbox is inactive",
    "inactive user",
    "user inactive",
    "account has been closed",
    "account closed",
    "no longer available",
    "no longer in use",
    "no longer valid",
    "no longer active",
    "no longer exists",
    "is not our customer",
    "destination addresses were unknown",
    "宛先不明",
    "宛先が見つか",
    "宛先は存在しない",
    "ユーザーが見つか",
    "ユーザが見つか",
    "アドレスが見つか",
    "アドレスは見つか",
    "存在しません",
    "存在しない",
    "存在しませ",
    "アドレスは使われていない",
    "使われておりません",
    "無効なアドレス",
    "無効な宛先",
];

const LATER: &[&str] = &[
    "host unknown",
    "host not found",
    "domain not found",
    "domain name not found",
    "name server",
    "no route to host",
    "timed out",
    "timeout",
    "time out",
    "connection refused",
    "could not connect",
    "couldn't find any host",
    "temporar",
    "try again",
    "retry",
    "greylist",
    "unreachable",
    "not responding",
    "時間内",
    "一時的",
    "しばらく",
    "期限",
    "接続できません",
    "接続できませんでした",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_receivers_say_has_its_class() {
        use Class::*;
        for (text, want) in [
            ("550 5.1.1 <a@example.jp>: Recipient address rejected: User unknown in virtual mailbox table", Hard),
            ("550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking", Hard),
            ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Hard),
            ("550 5.2.1 The email account that you tried to reach is inactive.", Hard),
            ("550 5.1.6 recipient no longer on server", Hard),
            ("550 5.4.1 Recipient address rejected: Access denied.", Hard),
            ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)", Hard),
            ("550 5.0.0 Unknown user", Hard),
            ("550 Unknown user a@docomo.ne.jp", Hard),
            ("550 <a@ezweb.ne.jp>: User unknown", Hard),
            ("550 Invalid recipient: <a@softbank.ne.jp>", Hard),
            ("554 delivery error: dd This user doesn't have a yahoo.co.jp account", Hard),
            ("宛先不明のため配信できませんでした", Hard),
            ("このメールアドレスは存在しません", Hard),
            ("550 5.7.1 User unknown", Block),
            ("550-5.7.26 This mail has been blocked because the sender is unauthenticated.", Block),
            ("421-4.7.0 our system has detected an unusual rate of mail", Block),
            ("550 5.7.515 Access denied, sending domain does not meet the required authentication level", Block),
            ("554 5.1.1 blocked using zen.spamhaus.org", Block),
            ("554 rejected due to spam content", Block),
            ("550 mail refused: VS98-IP0 (dynamic)", Block),
            ("552 5.3.4 Message size exceeds fixed limit", Block),
            ("554 5.6.0 bad content", Block),
            ("550 5.1.8 Bad sender's system address", Block),
            ("受信者の迷惑メール設定により拒否されました", Block),
            ("ドメイン指定受信の設定により配信できませんでした", Block),
            ("552 5.2.2 The email account that you tried to reach is over quota", Soft),
            ("452-4.2.2 The recipient's inbox is out of storage space", Soft),
            ("550 mailbox full", Soft),
            ("受信者のメールボックスの容量が制限を超えています", Soft),
            ("450 4.2.0 Greylisted", Soft),
            ("451 4.3.0 try again later", Soft),
            ("450 4.1.1 Recipient address rejected: unverified address", Soft),
            ("5.1.2 Host or domain name not found", Soft),
            ("Host or domain name not found. Name service error", Soft),
            ("450 mailbox unavailable", Soft),
            ("connect to mx.example.jp: Connection timed out", Soft),
            ("554 Transaction failed", Unknown),
            ("550 5.0.0 ...", Unknown),
            ("550", Unknown),
            ("550 5.5.1 bad command", Unknown),
            ("", Unknown),
        ] {
            let said = Said::in_text(text);
            assert_eq!(Class::of(&said), want, "{text} {said:?}");
        }
    }

    #[test]
    fn every_class_is_found_by_its_name() {
        assert!(Class::ALL.iter().all(|c| Class::parse(c.name()) == Some(*c)));
    }
}
