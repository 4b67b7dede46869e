//! What a trial says of itself, in both languages.

use crate::base::Say;

pub(super) fn killed() -> Say {
    say!("処理を終わらせました。", "It was ended.")
}

pub(super) fn gone() -> Say {
    say!("処理が突然終わりました。", "Its process ended by itself.")
}

pub(super) fn silent() -> Say {
    say!("処理が応答しなくなりました。", "Its process does not answer any more.")
}

pub(super) fn another(version: &str) -> Say {
    say!(
        "スロットのプログラムは別の版（{version}）だと名乗りました。",
        "The program in the slot says that it is another version ({version})."
    )
}

pub(super) fn no_answer() -> Say {
    say!("新しい版が時間内に応答しませんでした。", "The new release did not answer in time.")
}

pub(super) fn blue_silent() -> Say {
    say!("元の版が時間内に応答しませんでした。", "The release of before did not answer in time.")
}

pub(super) fn disk_is_slow() -> Say {
    say!("ディスクへの記録が時間内に終わりませんでした。", "The disk did not take the record in time.")
}
