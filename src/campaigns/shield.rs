//! Merge tags (`{{ 姓 }}`, `{% if … %}`) kept out of the way while the text around them is converted: Markdown
//! would escape their quotes, a text wrapper would break them in two. Each becomes one plain word and comes back.

/// A text whose tags stand aside.
pub(super) struct Shielded {
    pub(super) text: String,
    tags: Vec<String>,
    word: String,
}

/// One tag of a template, as written, and the line it starts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) source: &'a str,
    pub(super) line: usize,
}

impl Tag<'_> {
    /// `if` of `{%- if 姓 %}`; nothing for an expression or a comment.
    pub(super) fn keyword(&self) -> Option<&str> {
        let inner = self.source.strip_prefix("{%")?.trim_start_matches(['-', '+']).trim_start();
        Some(inner.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
    }

    /// `姓|default("お客")` of `{{ 姓|default("お客") }}`.
    pub(super) fn expression(&self) -> Option<&str> {
        let inner = self.source.strip_prefix("{{")?.strip_suffix("}}")?;
        Some(inner.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim())
    }
}

/// The tags of a template in order. An unclosed one is no tag; the engine names it when it compiles.
pub(super) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    walk(source, |_, _| (), |found: &mut Vec<_>, tag, line| found.push(Tag { source: tag, line }), &mut found);
    found
}

pub(super) fn shield(source: &str) -> Shielded {
    let mut word = "hkbtag".to_owned();
    while source.contains(&word) {
        word.push('x');
    }
    let mut out = Shielded { text: String::with_capacity(source.len()), tags: Vec::new(), word };
    walk(
        source,
        |out: &mut Shielded, literal| out.text.push_str(literal),
        |out, tag, _| {
            let n = out.tags.len();
            let word = format!("{}{n}z", out.word);
            out.text.push_str(&word);
            out.tags.push(cleaned(tag));
        },
        &mut out,
    );
    out
}

impl Shielded {
    /// Puts the tags back into what the text has become. Anything else there that looks like a tag was none
    /// before (`&#123;&#123;`), so it is made to print itself.
    pub(super) fn unshield(&self, converted: &str) -> String {
        let mut out = String::with_capacity(converted.len() + converted.len() / 4);
        let mut rest = converted;
        while let Some(at) = rest.find(&self.word) {
            out.push_str(&inert(&rest[..at]));
            let number = &rest[at + self.word.len()..];
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            match number[..digits].parse::<usize>().ok().and_then(|n| self.tags.get(n)) {
                Some(tag) if number[digits..].starts_with('z') => {
                    out.push_str(tag);
                    rest = &number[digits + 1..];
                }
                Some(_) | None => {
                    out.push_str(&self.word);
                    rest = number;
                }
            }
        }
        out.push_str(&inert(rest));
        out
    }

    /// A paragraph that holds nothing but block tags (`{% if %}` on a line of its own) is no paragraph.
    pub(super) fn unwrap_blocks(&self, html: &str) -> String {
        let mut out = String::with_capacity(html.len());
        for line in html.split_inclusive('\n') {
            let inner = line.trim_end().strip_prefix("<p>").and_then(|l| l.strip_suffix("</p>"));
            match inner.filter(|inner| self.is_block(inner)) {
                Some(inner) => out.push_str(inner),
                None => out.push_str(line),
            }
        }
        out
    }

    fn is_block(&self, word: &str) -> bool {
        word.strip_prefix(self.word.as_str())
            .and_then(|n| n.strip_suffix('z'))
            .and_then(|n| n.parse::<usize>().ok())
            .and_then(|n| self.tags.get(n))
            .is_some_and(|tag| tag.starts_with("{%"))
    }
}

/// What HTML editors put inside a tag: `&nbsp;`, wide spaces and escaped quotes.
pub(super) fn cleaned(tag: &str) -> String {
    if !tag.contains(['&', '\u{a0}', '\u{3000}']) {
        return tag.to_owned();
    }
    let plain = tag.replace("&nbsp;", " ").replace("&quot;", "\"").replace("&#39;", "'").replace("&gt;", ">");
    plain.replace("&lt;", "<").replace("&amp;", "&").replace(['\u{a0}', '\u{3000}'], " ")
}

fn inert(literal: &str) -> String {
    literal.replace("{{", "{{ '{{' }}").replace("{%", "{{ '{%' }}").replace("{#", "{{ '{#' }}")
}

fn walk<'a, S>(source: &'a str, literal: impl Fn(&mut S, &'a str), tag: impl Fn(&mut S, &'a str, usize), to: &mut S) {
    let (mut done, mut from, mut line) = (0, 0, 1);
    while let Some(at) = source[from..].find('{').map(|n| n + from) {
        let Some(len) = tag_len(&source[at..]) else {
            from = at + 1;
            continue;
        };
        line += source[done..at].matches('\n').count();
        literal(to, &source[done..at]);
        tag(to, &source[at..at + len], line);
        line += source[at..at + len].matches('\n').count();
        done = at + len;
        from = done;
    }
    literal(to, &source[done..]);
}

/// How long the tag is that starts here.
fn tag_len(source: &str) -> Option<usize> {
    let close = match source.get(..2)? {
        "{{" => "}}",
        "{%" => "%}",
        "{#" => return source.find("#}").map(|n| n + 2),
        _ => return None,
    };
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in source.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => (),
            None if c == '"' || c == '\'' => quote = Some(c),
            None if source[at..].starts_with(close) => return Some(at + 2),
            None => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_with_their_lines_and_strings_do_not_end_them() {
        let source = "a {{ 姓|default(\"}}\") }}\n{% if x -%}{# {{ no }} #}{ {{ open";
        let found: Vec<_> = tags(source).into_iter().map(|t| (t.source, t.line)).collect();
        assert_eq!(found, [("{{ 姓|default(\"}}\") }}", 1), ("{% if x -%}", 2), ("{# {{ no }} #}", 2)]);
    }

    #[test]
    fn a_shielded_text_comes_back_as_it_was_but_for_new_tags() {
        for source in ["", "plain", "{{ a }}{{ b }}", "hkbtag0z {{ a }} hkbtag", "{% raw %}{{ x }}{% endraw %}"] {
            let shielded = shield(source);
            assert_eq!(shielded.unshield(&shielded.text), source, "{source}");
        }
        let shielded = shield("{{ a }} X");
        assert_eq!(shielded.unshield(&shielded.text.replace("X", "{{ 7*7 }}")), "{{ a }} {{ '{{' }} 7*7 }}");
    }

    #[test]
    fn what_an_editor_escaped_inside_a_tag_is_undone() {
        assert_eq!(cleaned("{{&nbsp;姓|default(&quot;お客&quot;)　}}"), "{{ 姓|default(\"お客\") }}");
    }
}
