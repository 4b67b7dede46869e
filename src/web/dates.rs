//! Dates as people read them: `2026年11月20日(金) 10:05`, `Fri 20 Nov 2026 10:05`.

use crate::base::{Lang, Time, clock};

pub(crate) fn long(t: Time, lang: Lang) -> String {
    clock::words(t, lang)
}

/// A `<time>` that machines read, too.
pub(crate) fn html(t: Time, lang: Lang) -> String {
    format!("<time datetime=\"{}\">{}</time>", t.rfc3339(&clock::japan()), long(t, lang))
}

/// `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_naturally_in_both_languages() {
        let t = Time::parse("2026-11-20 10:05", &clock::japan()).unwrap();
        assert_eq!(long(t, Lang::Ja), "2026年11月20日(金) 10:05");
        assert_eq!(long(t, Lang::En), "Fri 20 Nov 2026 10:05");
        assert!(html(t, Lang::Ja).starts_with("<time datetime=\"2026-11-20T10:05:00+09:00\">"));
    }

    #[test]
    fn numbers_are_grouped_by_threes() {
        for (n, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), want);
        }
    }
}
