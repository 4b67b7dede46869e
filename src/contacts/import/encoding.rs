//! Which of three encodings a file is in.
//!
//! UTF-8 proves itself. Between CP932 and EUC-JP every byte pair is judged in both readings: half-width kana alone
//! look like kanji of the other one, so text, structure (a voicing mark after a letter that takes one) and known
//! header words count, and a detector's guess only breaks ties.

use super::headers;
use encoding_rs::{DecoderResult, EUC_JP, SHIFT_JIS, UTF_8};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    Cp932,
    EucJp,
}

impl Encoding {
    pub const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Cp932, Encoding::EucJp];

    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Cp932 => "cp932",
            Encoding::EucJp => "euc-jp",
        }
    }

    /// Read loosely, as people write it: `UTF-8`, `sjis`, `Shift_JIS`, `EUC-JP`.
    pub fn parse(name: &str) -> Option<Encoding> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "utf8" | "utf8bom" | "utf8sig" => Some(Encoding::Utf8),
            "cp932" | "sjis" | "shiftjis" | "windows31j" | "ms932" | "mskanji" => Some(Encoding::Cp932),
            "euc" | "eucjp" | "ujis" => Some(Encoding::EucJp),
            _ => None,
        }
    }

    fn codec(self) -> &'static encoding_rs::Encoding {
        match self {
            Encoding::Utf8 => UTF_8,
            Encoding::Cp932 => SHIFT_JIS,
            Encoding::EucJp => EUC_JP,
        }
    }

    /// `None` for bytes that this encoding does not have; nothing is ever replaced.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Encoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Encoding::Cp932 | Encoding::EucJp => {
                self.codec().decode_without_bom_handling_and_without_replacement(bytes)
            }
        }
    }

    /// `None` when the text holds a character that this encoding lacks.
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        let (bytes, _, lost) = self.codec().encode(text);
        (!lost).then_some(bytes)
    }
}

const SAMPLE: usize = 256 << 10;

/// Sees every byte of the file once, on its way to the spool.
#[derive(Default)]
pub(super) struct Sniffer {
    started: bool,
    pub(super) bom: bool,
    pub(super) wide: bool,
    carry: Vec<u8>,
    many_byte: u64,
    broken: u64,
    head: Vec<u8>,
    late: Vec<u8>,
}

impl Sniffer {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if !self.started {
            self.started = true;
            self.bom = bytes.starts_with(b"\xEF\xBB\xBF");
            self.wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
        }
        if self.head.len() < SAMPLE {
            self.head.extend_from_slice(&bytes[..bytes.len().min(SAMPLE - self.head.len())]);
        } else if self.late.len() < SAMPLE && (!self.late.is_empty() || !bytes.is_ascii()) {
            self.late.extend_from_slice(&bytes[..bytes.len().min(SAMPLE - self.late.len())]);
        }
        self.check_utf8(bytes);
    }

    fn check_utf8(&mut self, bytes: &[u8]) {
        let joined: Cow<'_, [u8]> = match self.carry.is_empty() {
            true => Cow::Borrowed(bytes),
            false => Cow::Owned([std::mem::take(&mut self.carry).as_slice(), bytes].concat()),
        };
        let mut rest: &[u8] = &joined;
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.many_byte += u64::from(!text.is_ascii()) * (text.len() as u64 / 3).max(1);
                    return;
                }
                Err(e) => {
                    let (good, bad) = rest.split_at(e.valid_up_to());
                    self.many_byte += good.iter().filter(|b| **b >= 0xC0).count() as u64;
                    match e.error_len() {
                        None => {
                            self.carry = bad.to_vec();
                            return;
                        }
                        Some(n) => {
                            self.broken += 1;
                            rest = &bad[n..];
                        }
                    }
                }
            }
        }
    }

    /// The first part of the file, for the guess of its delimiter and for previews.
    pub(super) fn head(&self) -> &[u8] {
        self.head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.head)
    }

    pub(super) fn guess(&self) -> Encoding {
        let broken = self.broken + u64::from(!self.carry.is_empty());
        if self.bom || broken == 0 || self.many_byte > 20 * broken {
            return Encoding::Utf8;
        }
        let sample = if self.head.is_ascii() { &self.late } else { &self.head };
        let hint = detector(sample);
        let points = |e: Encoding| score(e, sample) + header_points(e, &self.head) + i64::from(hint == Some(e)) * 20;
        match points(Encoding::EucJp) > points(Encoding::Cp932) {
            true => Encoding::EucJp,
            false => Encoding::Cp932,
        }
    }
}

fn detector(sample: &[u8]) -> Option<Encoding> {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    let guess = detector.guess(Some(b"jp"), chardetng::Utf8Detection::Deny);
    Encoding::ALL.into_iter().find(|e| e.codec() == guess)
}

/// Words that stand in the first line of such files are worth more than any statistics.
fn header_points(encoding: Encoding, head: &[u8]) -> i64 {
    let line = head.split(|b| *b == b'\n' || *b == b'\r').next().unwrap_or_default();
    let Some(text) = encoding.decode(line) else { return 0 };
    let known = text.split([',', '\t', ';']).filter(|cell| headers::known(cell.trim().trim_matches('"')));
    300 * i64::try_from(known.filter(|cell| !cell.is_ascii()).count()).unwrap_or(0)
}

fn score(encoding: Encoding, sample: &[u8]) -> i64 {
    // In EUC-JP such a letter takes two bytes, the first always the same: no other text looks like that.
    let wide_kana = encoding == Encoding::EucJp;
    let mut decoder = encoding.codec().new_decoder_without_bom_handling();
    let (mut rest, mut points, mut before) = (sample, 0, ' ');
    let mut text = String::with_capacity(sample.len() * 3 + 16);
    loop {
        let (outcome, read) = decoder.decode_to_string_without_replacement(rest, &mut text, false);
        rest = &rest[read..];
        for c in text.drain(..) {
            points += worth(before, c) * if wide_kana && matches!(c, 'ｦ'..='ﾟ') { 3 } else { 1 };
            before = c;
        }
        match outcome {
            DecoderResult::Malformed(_, _) => points -= 150,
            DecoderResult::InputEmpty => return points,
            DecoderResult::OutputFull => text.reserve(1024),
        }
    }
}

fn worth(before: char, c: char) -> i64 {
    match c {
        '\0'..='\u{7f}' => 0,
        'ぁ'..='ん' => 30,
        'ァ'..='ー' => 25,
        '、' | '。' | '，' | '．' | '（' | '）' | '　' | '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => 15,
        'ﾞ' if matches!(before, 'ｳ' | 'ｶ'..='ﾄ' | 'ﾊ'..='ﾎ') => 16,
        'ﾟ' if matches!(before, 'ﾊ'..='ﾎ') => 16,
        'ﾞ' | 'ﾟ' => -25,
        'ｦ'..='ﾝ' => 9,
        '｡'..='･' => -15,
        '\u{4e00}'..='\u{9fff}' if is_common(c) => 18,
        '\u{e000}'..='\u{f8ff}' => -60,
        _ => 0,
    }
}

/// JIS level 1: what stands before 0x9873 in CP932.
fn is_common(c: char) -> bool {
    let mut buffer = [0; 4];
    let (bytes, _, lost) = SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
    match *bytes {
        [lead, trail] if !lost => (lead, trail) < (0x98, 0x73) && lead >= 0x88,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(bytes: &[u8]) -> Encoding {
        let mut sniffer = Sniffer::default();
        for chunk in bytes.chunks(7) {
            sniffer.feed(chunk);
        }
        sniffer.guess()
    }

    #[test]
    fn japanese_files_are_recognised_in_all_three_encodings() {
        for text in [
            "メールアドレス,氏名\na@example.jp,山田太郎\n",
            "mail,name\na@example.jp,山田花子\nb@example.jp,渡辺　健\n",
            "email,kana\na@example.jp,ヤマダ タロウ\n",
            "email,kana\na@example.jp,ﾔﾏﾀﾞ ﾀﾛｳ\nb@example.jp,ｻﾄｳ ﾊﾅｺ\n",
            "メール,ｶﾅ\na@example.jp,ﾔﾏﾀ\nb@example.jp,ｻﾄｳﾊﾅ\n",
            "会員番号,カナ\n1,ﾔﾏﾀ\n2,ｻｻｷ\n",
            "email,note\na@example.jp,これはメモです。\n",
        ] {
            for encoding in Encoding::ALL {
                assert_eq!(guess(&encoding.encode(text).unwrap()), encoding, "{text}");
            }
        }
    }

    #[test]
    fn half_width_kana_alone_are_not_taken_for_the_other_encoding() {
        let names = ["ﾔﾏﾀﾞ", "ｽｽﾞｷ", "ﾀﾅｶ", "ﾜﾀﾅﾍﾞ", "ｲﾄｳ", "ﾅｶﾑﾗ", "ｺﾊﾞﾔｼ", "ｶﾄｳ", "ﾖｼﾀﾞ", "ﾔﾏﾓﾄ"];
        for (n, _) in names.iter().enumerate() {
            let rows: String = names.iter().cycle().skip(n).take(5).map(|k| format!("a@example.jp,{k}\n")).collect();
            for encoding in [Encoding::Cp932, Encoding::EucJp] {
                assert_eq!(guess(&encoding.encode(&rows).unwrap()), encoding, "{rows}");
            }
        }
    }

    #[test]
    fn a_few_broken_bytes_do_not_make_utf8_something_else() {
        let mut bytes = "メール,氏名\na@example.jp,山田太郎さんと鈴木花子さん\n".repeat(3).into_bytes();
        bytes.extend_from_slice(b"b@example.jp,\xff\xfe\n");
        assert_eq!(guess(&bytes), Encoding::Utf8);
    }

    #[test]
    fn japanese_that_starts_late_is_seen() {
        let mut bytes = b"email,note\n".to_vec();
        while bytes.len() < SAMPLE + 70_000 {
            bytes.extend_from_slice(b"someone@example.jp,nothing\n");
        }
        bytes.extend_from_slice(&Encoding::EucJp.encode("a@example.jp,山田さんの家\n").unwrap());
        assert_eq!(guess(&bytes), Encoding::EucJp);
    }
}
