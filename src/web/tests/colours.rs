//! The contrast of every pair of colours that meet on a page, computed from the tokens, in every palette.

use crate::access::look::Accent;
use std::collections::{BTreeSet, HashMap};

type Tokens = HashMap<String, [f64; 3]>;

/// Every accent in light and in dark, with its name.
fn palettes() -> Vec<(String, Tokens)> {
    let css = std::fs::read_to_string("assets/style.css").unwrap();
    let (light, rest) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let dark = rest.split_once("/* Ground */").unwrap().0;
    let mut all = Vec::new();
    for accent in Accent::ALL.map(Accent::name) {
        let bright = palette(light, accent);
        let dim = palette(dark, accent);
        let names = |t: &Tokens| t.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&bright), names(&dim), "{accent}: a colour has no dark value, or no light one");
        all.extend([(format!("{accent}, light"), bright), (format!("{accent}, dark"), dim)]);
    }
    assert_eq!(light.matches("[data-accent=").count(), Accent::ALL.len(), "a palette that nobody can choose");
    all
}

/// The tokens of everybody, and those of this accent.
fn palette(css: &str, accent: &str) -> Tokens {
    let rule = |selector: &str| css.split_once(selector).unwrap().1.split_once('}').unwrap().0;
    let (mut all, own) = (tokens(rule(":root {")), tokens(rule(&format!("[data-accent=\"{accent}\"] {{"))));
    assert_eq!(own.len(), 4, "{accent} is not whole");
    all.extend(own);
    all
}

fn tokens(css: &str) -> Tokens {
    css.split("--")
        .filter_map(|t| {
            let (name, rest) = t.split_once(':')?;
            let hex = rest.trim().strip_prefix('#')?.get(..6)?;
            let part = |i| u8::from_str_radix(&hex[i..i + 2], 16).ok().map(f64::from);
            Some((name.to_owned(), [part(0)?, part(2)?, part(4)?]))
        })
        .collect()
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = colour.map(|c| {
        let c = c / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_stands_out_from_what_it_stands_on() {
    let grounds = ["ground", "card", "sunk"];
    let mut pairs: Vec<(&str, &str, f64)> = Vec::new();
    for ground in grounds {
        for ink in ["ink", "ink-soft", "link", "link-past", "bad", "brand", "brand-deep"] {
            pairs.push((ink, ground, 4.5));
        }
        // Edges of fields, chart marks and the focus ring are not text.
        for mark in ["edge", "chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "ring"] {
            pairs.push((mark, ground, 3.0));
        }
    }
    for pair in ["good", "warn", "bad", "calm"] {
        pairs.push((pair, Box::leak(format!("{pair}-soft").into_boxed_str()), 4.5));
    }
    for soft in ["good-soft", "warn-soft", "bad-soft", "calm-soft", "brand-soft"] {
        pairs.push(("ink", soft, 4.5));
        pairs.push(("link", soft, 4.5));
    }
    pairs.extend([
        ("on-brand", "brand", 4.5),
        ("on-brand", "brand-deep", 4.5),
        ("brand-deep", "brand-soft", 4.5),
        // The glow behind the lead of a page that stands alone.
        ("ink-soft", "brand-soft", 4.5),
        ("ring", "halo", 4.5),
    ]);
    for (name, palette) in &palettes() {
        for (a, b, least) in &pairs {
            let got = contrast(palette[*a], palette[*b]);
            assert!(got >= *least, "{name}: {a} on {b} is {got:.2}, wanted {least}");
        }
    }
}

#[test]
fn what_is_pressed_is_large_enough() {
    let css = std::fs::read_to_string("assets/style.css").unwrap();
    for (rule, size) in
        [("\n.button {", "min-height: 44px"), ("\n.side a {", "min-height: 44px"), ("\n.choice label {", "44px")]
    {
        let body = css.split(rule).nth(1).unwrap().split('}').next().unwrap();
        assert!(body.contains(size), "{rule}");
    }
}
