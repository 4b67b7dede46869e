//! What a campaign's author writes (HTML, MJML, Markdown or text alone) turned into templates, once per campaign:
//! an HTML part and a text part whose merge tags are still tags.

use super::shield;
use crate::base::{Error, Result, limits};
use html2text::config;
use mrml::prelude::render::RenderOptions;
use pulldown_cmark::{Options, Parser};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Html,
    Mjml,
    Markdown,
    Text,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::Html, Format::Mjml, Format::Markdown, Format::Text];

    pub fn name(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Mjml => "mjml",
            Format::Markdown => "markdown",
            Format::Text => "text",
        }
    }

    pub fn parse(name: &str) -> Result<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
            Error::refused(say!("本文の形式が分かりません。", "The format of the body is not known."))
                .hint(say!("html、mjml、markdown、text のどれかです。", "It is html, mjml, markdown or text."))
        })
    }
}

/// The two templates of one source.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) html: Option<String>,
    pub(super) text: String,
}

/// `written` is the author's own text part, if there is one.
pub(super) fn parts(format: Format, body: &str, written: Option<&str>) -> Result<Parts> {
    if body.len() > limits::SOURCE_MAX || written.is_some_and(|t| t.len() > limits::SOURCE_MAX) {
        let most = limits::SOURCE_MAX / 1024;
        return Err(Error::refused(say!("本文が大きすぎます。", "The body is too large."))
            .hint(say!("上限は {most} KB です。", "The limit is {most} kB.")));
    }
    let body = lines_fixed(body);
    closed(&body)?;
    let html = match format {
        Format::Html => Some(tags_cleaned(&body)),
        Format::Mjml => Some(from_mjml(&body)?),
        Format::Markdown => Some(from_markdown(&body)),
        Format::Text => None,
    };
    let text = match (written.filter(|t| !t.trim().is_empty()), &html) {
        (Some(written), _) => lines_fixed(written),
        (None, Some(html)) => as_text(html)?,
        (None, None) => body,
    };
    Ok(Parts { html, text })
}

/// A tag that is opened and never closed would go out as it stands.
fn closed(body: &str) -> Result<()> {
    let text = shield::shield(body).text;
    let Some(at) = ["{{", "{%"].iter().filter_map(|open| text.find(open)).min() else { return Ok(()) };
    let line = text[..at].matches('\n').count() + 1;
    Err(Error::refused(say!(
        "本文の {line} 行目: 差し込みが閉じられていません。",
        "The body, line {line}: a merge tag is not closed."
    ))
    .hint(say!("{{{{ 姓 }}}} のように閉じます。", "Close it, as in {{{{ name }}}}.")))
}

/// One kind of line end, and no control character that could upset a parser.
pub(super) fn lines_fixed(text: &str) -> String {
    let one_end = text.replace("\r\n", "\n").replace('\r', "\n");
    one_end.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

fn tags_cleaned(html: &str) -> String {
    let shielded = shield::shield(html);
    // Only the tags are cleaned: in HTML as typed, a lone `{{` that is no tag is the author's mistake to see.
    shielded.unshield(&shielded.text)
}

fn from_markdown(source: &str) -> String {
    let shielded = shield::shield(source);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut inner = String::with_capacity(source.len() * 2);
    pulldown_cmark::html::push_html(&mut inner, Parser::new_ext(&shielded.text, options));
    let inner = shielded.unshield(&shielded.unwrap_blocks(&inner));
    format!(
        "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n</head>\n<body style=\"margin:0;padding:24px 16px;\
         font-family:sans-serif;font-size:16px;line-height:1.7;color:#1a1a1a;background:#fff\">\n\
         <div style=\"max-width:600px;margin:0 auto\">\n{inner}</div>\n</body>\n</html>\n"
    )
}

/// Fonts stay the reader's own: nothing is fetched from elsewhere when the mail is opened, nor here.
fn from_mjml(source: &str) -> Result<String> {
    let shielded = shield::shield(source);
    let refused = |e: String| {
        Error::refused(say!("MJML を読み取れません（{e}）。", "The MJML does not parse ({e})."))
            .hint(say!("タグの閉じ忘れがないか確認してください。", "Check that every tag is closed."))
    };
    let parsed = mrml::parse(&shielded.text).map_err(|e| refused(shielded.unshield(&e.to_string())))?;
    let options = RenderOptions { fonts: Default::default(), disable_comments: false, social_icon_origin: None };
    let html = parsed.element.render(&options).map_err(|e| refused(e.to_string()))?;
    // MJML's default family names a web font; without it the list still ends in the reader's own.
    Ok(shielded.unshield(&html.replace("Ubuntu, Helvetica, Arial, sans-serif", "sans-serif")))
}

pub(super) fn as_text(html: &str) -> Result<String> {
    let shielded = shield::shield(html);
    let made = config::with_decorator(plain::Plain::default())
        .no_table_borders()
        .no_link_wrapping()
        .allow_width_overflow()
        .raw_mode(true)
        .string_from_read(shielded.text.as_bytes(), 76)
        .map_err(|e| {
            Error::refused(say!("HTML からテキストを作れません。", "No text part can be made from the HTML."))
                .because(std::io::Error::other(e.to_string()))
                .hint(say!("テキスト本文を書いて指定してください。", "Write the text part yourself."))
        })?;
    let trimmed: Vec<&str> = made.lines().map(str::trim_end).collect();
    Ok(shielded.unshield(&trimmed.join("\n")))
}

mod plain {
    use html2text::render::TextDecorator;

    /// Text for people: a link is its words and then its address.
    #[derive(Default)]
    pub(super) struct Plain {
        link: Option<String>,
    }

    impl TextDecorator for Plain {
        type Annotation = ();

        fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
            self.link = Some(url.to_owned());
            (String::new(), ())
        }
        fn decorate_link_end(&mut self) -> String {
            self.link.take().filter(|url| !url.is_empty()).map(|url| format!(" ( {url} )")).unwrap_or_default()
        }
        fn decorate_em_start(&self) -> (String, ()) {
            (String::new(), ())
        }
        fn decorate_em_end(&self) -> String {
            String::new()
        }
        fn decorate_strong_start(&self) -> (String, ()) {
            (String::new(), ())
        }
        fn decorate_strong_end(&self) -> String {
            String::new()
        }
        fn decorate_strikeout_start(&self) -> (String, ()) {
            (String::new(), ())
        }
        fn decorate_strikeout_end(&self) -> String {
            String::new()
        }
        fn decorate_code_start(&self) -> (String, ()) {
            (String::new(), ())
        }
        fn decorate_code_end(&self) -> String {
            String::new()
        }
        fn decorate_preformat_first(&self) {}
        fn decorate_preformat_cont(&self) {}
        fn decorate_image(&mut self, _src: &str, title: &str) -> (String, ()) {
            (title.to_owned(), ())
        }
        fn header_prefix(&self, level: usize) -> String {
            if level <= 2 { "■ ".into() } else { "● ".into() }
        }
        fn quote_prefix(&self) -> String {
            "> ".into()
        }
        fn unordered_item_prefix(&self) -> String {
            "・".into()
        }
        fn ordered_item_prefix(&self, i: i64) -> String {
            format!("{i}. ")
        }
        fn make_subblock_decorator(&self) -> Self {
            Plain::default()
        }
        fn decorate_superscript_start(&self) -> (String, ()) {
            (String::new(), ())
        }
        fn decorate_superscript_end(&self) -> String {
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_part_is_made_from_html_and_its_tags_survive() {
        let html = "<h1>秋の案内</h1><p>{{ 姓|default(\"お客 様\") }}様、A &amp; B の<a href=\"https://x.example.jp/?a={{ 姓|urlencode }}\">お店</a>です。</p>{% if 会員 %}<p>会員の方へ</p>{% endif %}";
        let text = parts(Format::Html, html, None).unwrap().text;
        assert!(text.contains("■ 秋の案内"), "{text}");
        assert!(
            text.contains(
                "{{ 姓|default(\"お客 様\") }}様、A & B のお店 ( https://x.example.jp/?a={{ 姓|urlencode }} )です。"
            ),
            "{text}"
        );
        assert!(text.contains("{% if 会員 %}") && text.contains("{% endif %}"), "{text}");
    }

    #[test]
    fn markdown_keeps_the_quotes_and_underscores_of_its_tags() {
        let made = parts(
            Format::Markdown,
            "# 秋\n\n{{ お名前_漢字|default(\"_お客_\") }} *様*\n\n{% if a %}\n\n**会員**\n\n{% endif %}\n",
            None,
        )
        .unwrap();
        let html = made.html.unwrap();
        assert!(html.contains("{{ お名前_漢字|default(\"_お客_\") }} <em>様</em>"), "{html}");
        assert!(html.contains("\n{% if a %}<p><strong>会員</strong></p>"), "{html}");
        assert!(made.text.contains("{{ お名前_漢字|default(\"_お客_\") }} 様"), "{}", made.text);
    }

    #[test]
    fn mjml_becomes_html_without_fonts_from_elsewhere() {
        let source = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ 姓|default(\"お客\") }}様</mj-text><mj-button href=\"https://x.example.jp/{{ 番号 }}\">見る</mj-button></mj-column></mj-section></mj-body></mjml>";
        let made = parts(Format::Mjml, source, None).unwrap();
        let html = made.html.unwrap();
        assert!(
            html.contains("{{ 姓|default(\"お客\") }}様") && html.contains("https://x.example.jp/{{ 番号 }}"),
            "{html}"
        );
        assert!(!html.contains("googleapis") && !html.contains("Ubuntu"), "{html}");
        assert!(made.text.contains("{{ 姓|default(\"お客\") }}様"), "{}", made.text);
        assert!(parts(Format::Mjml, "<mjml><mj-body>", None).is_err());
    }

    #[test]
    fn a_written_text_part_is_taken_as_it_is_and_text_alone_has_no_html() {
        assert_eq!(parts(Format::Html, "<p>x</p>", Some("書いた\r\n本文\0")).unwrap().text, "書いた\n本文");
        let alone = parts(Format::Text, "A & B {{ 姓 }}", None).unwrap();
        assert_eq!((alone.html.is_none(), alone.text.as_str()), (true, "A & B {{ 姓 }}"));
    }
}
