//! `hakobu preflight`: how the release that runs asks this one whether it can take over. Not for people; it works on a
//! copy of a house, whose key comes on the first line of standard input.

use crate::base::provider::read_key;
use crate::base::{Error, Kind, Result, clock, limits};
use crate::cli::talk::Talk;
use crate::worker::preflight;
use std::io::Read;
use std::path::Path;

pub(super) fn run(copy: &Path, talk: &Talk) -> Result<u8> {
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(limits::KEY_TEXT_MAX));
    std::io::stdin()
        .take(limits::KEY_TEXT_MAX as u64)
        .read_to_end(&mut text)
        .map_err(|e| Error::io(say!("鍵を読めません。", "Cannot read the key."), e))?;
    let root = read_key(&text).ok_or_else(|| {
        Error::new(Kind::Unanswered, say!("コピーの鍵がありません。", "The key of the copy did not come."))
    })?;
    let report = preflight::run(copy, &root, talk.build, clock::now());
    // Both languages stay in it: whoever asks does not know yet who will read.
    talk.line(&serde_json::to_value(&report).map_err(Error::bug)?);
    Ok(if report.ok { 0 } else { Kind::Unhealthy.exit_code() })
}
