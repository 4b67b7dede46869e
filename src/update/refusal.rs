//! What a person is told when a release is refused, and what they can do.

use super::plan::Refusal;
use crate::base::{Say, Time, clock, limits};

fn day(time: Time) -> String {
    time.date(&clock::japan()).to_string()
}

pub(super) fn says(refusal: &Refusal) -> Say {
    use Refusal::*;
    match refusal {
        NoRoots => say!(
            "このプログラムには公開鍵が組み込まれていないため、更新を受け付けません。",
            "This program was built without release keys, so it accepts no update."
        ),
        Shape { part } => say!(
            "更新ファイルの {part} が正しい形ではありません（途中で切れている、または書き換えられています）。",
            "{part} of the release is not as releases are written (cut off or altered)."
        ),
        KeysUnsigned { have, need } => say!(
            "鍵文書のルート署名が足りません（{need} 必要、有効 {have}）。",
            "The keys document lacks root signatures ({need} needed, {have} good)."
        ),
        Unsigned { have, need } => say!(
            "リリースの署名が足りません（{need} 必要、有効 {have}）。",
            "The release lacks signatures ({need} needed, {have} good)."
        ),
        FalseSignature { key } => {
            say!("鍵 {key} の署名が内容と合いません。", "The signature of key {key} does not fit the content.")
        }
        Revoked { key } => {
            say!("失効した鍵 {key} で署名されています。", "The release is signed by key {key}, which is revoked.")
        }
        Stranger { key } => {
            say!(
                "知らない鍵 {key} で署名されています。",
                "The release is signed by key {key}, which is not one of ours."
            )
        }
        OtherKeys { manifest, document } => say!(
            "リリースと鍵文書の組み合わせが違います（鍵文書 {manifest} 版で署名、付属は {document} 版）。",
            "Release and keys document do not belong together (signed under {manifest}, brought {document})."
        ),
        KeysRolledBack { seen, offered } => say!(
            "鍵文書が古い版（{offered}）に戻されています。このサーバーは {seen} 版を見ています。",
            "The keys document is an older one ({offered}); this house has seen {seen}."
        ),
        KeysExpired { at } => {
            let at = day(*at);
            say!("鍵文書の期限（{at}）が切れています。", "The keys document expired on {at}.")
        }
        WrongProduct { product } => {
            say!("別の製品（{product}）のリリースです。", "This is a release of another product ({product}).")
        }
        WrongTarget { offered, ours } => say!(
            "別の種類のコンピューター（{offered}）用のリリースです。このサーバーは {ours} です。",
            "This release is for another kind of machine ({offered}); this one is {ours}."
        ),
        NotTheWanted { wanted, offered } => say!(
            "指定された版は {wanted} ですが、リリースは {offered} です。",
            "Version {wanted} was asked for; this release is {offered}."
        ),
        Expired { at } => {
            let at = day(*at);
            say!("リリースの期限（{at}）が切れています。", "The release expired on {at}.")
        }
        FromTheFuture { made } => {
            let made = day(*made);
            say!(
                "リリースの作成日（{made}）が、このサーバーの時計より先です。",
                "The release was made on {made}, which this machine's clock has not reached."
            )
        }
        Same { version } => say!("すでに {version} です。", "This is {version} already."),
        Downgrade { running, offered } => say!(
            "古い版（{offered}）には更新できません。いまは {running} です。",
            "{offered} is older than what runs ({running}); an update never goes down."
        ),
        BelowMinimum { minimum, offered } => say!(
            "{minimum} より古い版（{offered}）は、もう動かせません。",
            "{offered} is below {minimum}, the oldest version that may still run here."
        ),
        TooLarge { size } => {
            let (size, most) = (size / limits::MB, limits::PROGRAM_MAX / limits::MB);
            say!(
                "リリースが大きすぎます（{size} MB、上限 {most} MB）。",
                "The release is too large ({size} MB; at most {most} MB)."
            )
        }
        OtherBytes { part } => say!(
            "{part} が、署名された内容と違います（途中で切れている、または書き換えられています）。",
            "{part} is not what was signed (cut off or altered)."
        ),
    }
}

pub(super) fn hint(refusal: &Refusal) -> Option<Say> {
    use Refusal::*;
    match refusal {
        NoRoots => Some(say!(
            "公開鍵を組み込んだ配布版に入れ替えてください（docs/releases.ja.md）。",
            "Install a build that has them (docs/releases.md)."
        )),
        Expired { .. } | KeysExpired { .. } => Some(say!(
            "新しいリリースを入手してください。配布元に新しいものがないときは、時計と配布元を確認してください。",
            "Get a newer release. If the source has none, check this machine's clock, and ask the vendor."
        )),
        FromTheFuture { .. } => Some(say!("サーバーの時計を合わせてください。", "Set this machine's clock.")),
        Downgrade { .. } => Some(say!(
            "ひとつ前の版に戻すには: hakobu update rollback",
            "To go back to the version before: hakobu update rollback"
        )),
        Revoked { .. } | KeysRolledBack { .. } => Some(say!(
            "配布元に知らせてください。失効した鍵を使う第三者がいるかもしれません。",
            "Tell the vendor: somebody may be using a key that was stolen."
        )),
        Shape { .. } | OtherBytes { .. } => Some(say!("もう一度取得してください。", "Fetch it again.")),
        KeysUnsigned { .. }
        | Unsigned { .. }
        | FalseSignature { .. }
        | Stranger { .. }
        | OtherKeys { .. }
        | WrongProduct { .. }
        | WrongTarget { .. }
        | NotTheWanted { .. }
        | Same { .. }
        | BelowMinimum { .. }
        | TooLarge { .. } => None,
    }
}
