//! CP932: the few signs that have a twin there are exchanged, what it cannot hold is listed or replaced.

use super::csv;
use super::table::Table;
use crate::base::{Progress, Result, limits};
use encoding_rs::{EncoderResult, SHIFT_JIS};
use serde::{Deserialize, Serialize};

/// What becomes of a character that CP932 lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmappable {
    /// 〓, as printers do.
    Geta,
    /// U+20BB7.
    Code,
    /// Nothing is written at all.
    #[default]
    Stop,
}

impl Unmappable {
    pub fn parse(name: &str) -> Option<Unmappable> {
        match name {
            "geta" => Some(Unmappable::Geta),
            "code" => Some(Unmappable::Code),
            "stop" => Some(Unmappable::Stop),
            _ => None,
        }
    }
}

/// One character that cannot be held, where it stands. The row counts as a spreadsheet counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    pub row: u64,
    pub column: String,
    pub character: char,
}

fn twin(c: char) -> char {
    match c {
        '\u{301c}' => '～',
        '\u{2014}' => '―',
        '\u{2016}' => '∥',
        '\u{a0}' => ' ',
        '\u{a5}' => '￥',
        '\u{203e}' => '￣',
        '\u{2212}' => '－',
        c => c,
    }
}

/// The text in CP932; `lost` counts what was replaced.
pub(super) fn encoded(text: &str, how: Unmappable, lost: &mut u64) -> Vec<u8> {
    let plain: String = text.chars().map(twin).collect();
    let mut out = Vec::with_capacity(plain.len() + 16);
    each(&plain, &mut out, |c, out| {
        *lost += 1;
        match how {
            Unmappable::Code => out.extend(format!("U+{:04X}", u32::from(c)).bytes()),
            Unmappable::Geta | Unmappable::Stop => out.extend([0x81, 0xAC]),
        }
    });
    out
}

fn each(plain: &str, out: &mut Vec<u8>, mut lacking: impl FnMut(char, &mut Vec<u8>)) {
    let mut encoder = SHIFT_JIS.new_encoder();
    let mut rest = plain;
    loop {
        out.reserve(rest.len() * 2 + 16);
        let (outcome, read) = encoder.encode_from_utf8_to_vec_without_replacement(rest, out, true);
        rest = &rest[read..];
        match outcome {
            EncoderResult::InputEmpty => return,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(c) => lacking(c, out),
        }
    }
}

/// Walks through everything that would be written.
pub(super) fn losses(table: &mut Table<'_>, (progress, total): (&dyn Progress, u64)) -> Result<Vec<Lost>> {
    let (mut losses, mut row, mut sink) = (Vec::new(), 1, Vec::new());
    let headers = table.headers.clone();
    let mut look = |row: u64, at: usize, text: &str, losses: &mut Vec<Lost>| {
        let plain: String = text.chars().map(twin).collect();
        sink.clear();
        each(&plain, &mut sink, |character, _| {
            losses.push(Lost { row, column: headers[at].clone(), character });
        });
    };
    for (at, header) in table.headers.iter().enumerate() {
        look(row, at, header, &mut losses);
    }
    loop {
        let page = table.page()?;
        if page.is_empty() || progress.stopped() || losses.len() >= limits::LOSSES_MAX {
            return Ok(losses);
        }
        for cells in &page {
            row += 1;
            for (at, cell) in cells.iter().enumerate() {
                look(row, at, &csv::text(cell), &mut losses);
            }
        }
        progress.tell(row - 1, total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::SHIFT_JIS;

    #[test]
    fn signs_with_a_twin_are_exchanged_and_the_rest_is_replaced_as_asked() {
        for (text, how, want, count) in [
            ("10〜20時", Unmappable::Stop, "10～20時", 0),
            ("a\u{2014}b‖c\u{a0}d\u{a5}5", Unmappable::Stop, "a―b∥c d￥5", 0),
            ("髙﨑①㈱", Unmappable::Stop, "髙﨑①㈱", 0),
            ("𠮷野家", Unmappable::Geta, "〓野家", 1),
            ("𠮷☕", Unmappable::Code, "U+20BB7U+2615", 2),
        ] {
            let mut lost = 0;
            let bytes = encoded(text, how, &mut lost);
            assert_eq!((SHIFT_JIS.decode(&bytes).0.as_ref(), lost), (want, count), "{text}");
        }
        let mut lost = 0;
        assert!(!encoded("\u{a5}100", Unmappable::Stop, &mut lost).contains(&b'\\'));
    }
}
