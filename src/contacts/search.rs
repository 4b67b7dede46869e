//! What a search compares: one width, one case, one kana, one form of a few surnames. Names stay stored as typed.

use super::value::narrow;

/// One text, normalised.
pub fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_normalised(&mut out, text);
    out
}

/// The search text of a contact: its address, key and names, a line each.
pub(super) fn text_of<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::with_capacity(64);
    for part in parts.filter(|p| !p.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        push_normalised(&mut out, part);
    }
    out
}

fn push_normalised(out: &mut String, text: &str) {
    match text.is_ascii() {
        true => out.extend(text.chars().map(|c| c.to_ascii_lowercase())),
        false => out.extend(narrow(text).chars().flat_map(char::to_lowercase).map(one_form)),
    }
}

fn one_form(c: char) -> char {
    match c {
        'ぁ'..='ゖ' | 'ゝ' | 'ゞ' => char::from_u32(u32::from(c) + 0x60).unwrap_or(c),
        '髙' => '高',
        '﨑' | '碕' => '崎',
        '𠮷' => '吉',
        '斉' | '齊' | '齋' => '斎',
        '邊' | '邉' => '辺',
        '澤' => '沢',
        '濵' | '濱' => '浜',
        '廣' => '広',
        '\u{3000}' => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_a_name_are_found_by_either() {
        for (a, b) in [
            ("やまだ", "ヤマダ"),
            ("ﾔﾏﾀﾞ", "ヤマダ"),
            ("髙田", "高田"),
            ("山﨑", "山崎"),
            ("𠮷野", "吉野"),
            ("齋藤", "斉藤"),
            ("斎藤", "齊藤"),
            ("Ｔａｒｏ", "taro"),
            ("山田　花子", "山田 花子"),
        ] {
            assert_eq!(normalised(a), normalised(b), "{a}");
        }
    }
}
