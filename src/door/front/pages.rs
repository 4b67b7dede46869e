//! What the door says by itself: faults and maintenance, as a calm page in the reader's language or as JSON, always
//! with the id of the request. Nothing is loaded from anywhere and nothing runs.

use super::plan::Fault;
use crate::base::{Lang, Say};
use data_encoding::BASE64;
use hyper::Method;
use hyper::header::{self, HeaderMap};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("pages.css");

/// The style stands in the page, and the policy names its hash: no other style and no script can be there.
pub(crate) fn policy() -> String {
    let hash = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}

pub(crate) struct Page {
    pub(crate) kind: &'static str,
    pub(crate) body: String,
}

/// How the reader wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) lang: Lang,
    pub(crate) json: bool,
}

impl Reader {
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Reader {
        let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let json = path.starts_with("/api/") || text(header::ACCEPT).starts_with("application/json");
        Reader { lang: language(text(header::ACCEPT_LANGUAGE)), json }
    }
}

/// The first language of ours in the reader's list, by weight; Japanese when there is none.
fn language(accepted: &str) -> Lang {
    let weight = |part: &str| {
        let q = part.split(';').skip(1).find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok());
        q.unwrap_or(1.0)
    };
    let ours = accepted.split(',').filter_map(|part| {
        let tag = part.split(';').next()?.trim();
        Some((Lang::parse(tag)?, weight(part))).filter(|(_, q)| *q > 0.0)
    });
    // The first one of the heaviest.
    let best = ours
        .fold(None, |best: Option<(Lang, f32)>, new| if best.is_none_or(|b| new.1 > b.1) { Some(new) } else { best });
    best.map_or(Lang::Ja, |(lang, _)| lang)
}

/// A heading, and what to do.
fn words(fault: Fault) -> (Say, Say) {
    match fault {
        Fault::Malformed | Fault::Gone => (
            say!("リクエストを読み取れません", "This request cannot be read"),
            say!("アドレスに誤りがないか確かめて、もう一度開いてください。", "Check the address, then open it again."),
        ),
        Fault::UriTooLong => (
            say!("アドレスが長すぎます", "The address is too long"),
            say!("リンクが途中で壊れていないか確かめてください。", "Check that the link is not broken."),
        ),
        Fault::Method => (
            say!("この操作は受け付けていません", "This is not accepted here"),
            say!("前のページに戻って、やり直してください。", "Go back to the page before and try again."),
        ),
        Fault::NotFound => (
            say!("ページが見つかりません", "There is no such page"),
            say!(
                "アドレスに誤りがないか確かめてください。リンクの期限が切れていることもあります。",
                "Check the address. The link may also have run out."
            ),
        ),
        Fault::TooLarge => (
            say!("送られた内容が大きすぎます", "What was sent is too large"),
            say!("ファイルを小さくするか、分けて送ってください。", "Make the file smaller, or send it in parts."),
        ),
        Fault::TooSlow => (
            say!("受信に時間がかかりすぎました", "This took too long to arrive"),
            say!("通信の状態を確かめて、もう一度送ってください。", "Check your connection, then send it again."),
        ),
        Fault::TooMany { .. } => (
            say!("アクセスが続いています", "Too many requests"),
            say!("少し待ってから、もう一度開いてください。", "Wait a moment, then open it again."),
        ),
        Fault::Crowded => (
            say!("ただいま混み合っています", "We are busy right now"),
            say!("少し待ってから、もう一度開いてください。", "Wait a moment, then open it again."),
        ),
        Fault::Maintenance => (
            say!("ただいま準備しています", "We will be right back"),
            say!(
                "まもなく再開します。少し待ってから、もう一度開いてください。",
                "This takes a moment. Wait a little, then open it again."
            ),
        ),
        Fault::Died => (
            say!("処理が途中で止まりました", "This was interrupted"),
            say!(
                "反映されているか確かめてから、もう一度操作してください。",
                "Check whether it was done, then try again."
            ),
        ),
        Fault::Broken => (
            say!("応答を用意できませんでした", "The answer could not be prepared"),
            say!(
                "続くときは、管理者に下の番号を伝えてください。",
                "If this goes on, tell the operator the number below."
            ),
        ),
        Fault::DiskFull => (
            say!("受け取る場所がありません", "There is no room for this"),
            say!(
                "サーバーのディスクがいっぱいです。管理者に伝えてください。",
                "The server's disk is full. Please tell the operator."
            ),
        ),
    }
}

fn kind_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Malformed | Fault::Gone | Fault::UriTooLong | Fault::TooLarge | Fault::Method => "refused",
        Fault::NotFound => "missing",
        Fault::TooSlow | Fault::TooMany { .. } | Fault::Crowded | Fault::Maintenance | Fault::DiskFull => "later",
        Fault::Died => "stopped",
        Fault::Broken => "bug",
    }
}

pub(crate) fn fault(fault: Fault, reader: Reader, id: &str) -> Page {
    let (head, hint) = words(fault);
    let (head, hint, lang) = (head.to(reader.lang), hint.to(reader.lang), reader.lang);
    if reader.json {
        let said = serde_json::json!({"error": {
            "kind": kind_name(fault), "message": head, "hint": hint, "request": id,
        }});
        return Page { kind: "application/json", body: said.to_string() };
    }
    let status = fault.status();
    let number = lang.pick("お問い合わせ番号", "Request number");
    let body = format!(
        "<!doctype html>\n<html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{head}</title><style>{STYLE}</style></head>\n\
         <body><main><p class=\"mark\" aria-hidden=\"true\"></p><h1>{head}</h1><p>{hint}</p>\
         <p class=\"id\">{number} <code>{id}</code> · {status}</p></main></body></html>\n",
        tag = lang.tag(),
    );
    Page { kind: "text/html; charset=utf-8", body }
}

pub(crate) fn allow() -> String {
    [Method::GET, Method::HEAD, Method::POST].map(|m| m.to_string()).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Fault; 13] = [
        Fault::Malformed,
        Fault::UriTooLong,
        Fault::Method,
        Fault::NotFound,
        Fault::TooLarge,
        Fault::TooSlow,
        Fault::Gone,
        Fault::TooMany { wait: 2 },
        Fault::Crowded,
        Fault::Maintenance,
        Fault::Died,
        Fault::Broken,
        Fault::DiskFull,
    ];

    #[test]
    fn the_readers_first_language_of_ours_is_spoken() {
        for (accepted, want) in [
            ("ja", Lang::Ja),
            ("en-GB,en;q=0.9,ja;q=0.8", Lang::En),
            ("fr,en;q=0.5", Lang::En),
            ("en;q=0.4, ja;q=0.8", Lang::Ja),
            ("en;q=0", Lang::Ja),
            ("*", Lang::Ja),
            ("", Lang::Ja),
            (";;q=,,", Lang::Ja),
        ] {
            assert_eq!(language(accepted), want, "{accepted}");
        }
    }

    #[test]
    fn every_page_is_whole_names_the_request_and_loads_nothing() {
        for said in ALL {
            for lang in [Lang::Ja, Lang::En] {
                let page = fault(said, Reader { lang, json: false }, "ABC123");
                let html = scraper::Html::parse_document(&page.body);
                let of = |css: &str| html.select(&scraper::Selector::parse(css).unwrap()).count();
                assert_eq!((of("h1"), of("main"), of("title"), of("style")), (1, 1, 1, 1), "{said:?}");
                assert_eq!(of("script, link, img, a, form, [style], [onload]"), 0, "{said:?}");
                assert!(page.body.contains("ABC123") && page.body.contains(&format!("lang=\"{}\"", lang.tag())));
            }
            let json = fault(said, Reader { lang: Lang::En, json: true }, "ABC123");
            let json: serde_json::Value = serde_json::from_str(&json.body).unwrap();
            assert_eq!(json["error"]["request"], "ABC123");
            assert!(crate::base::Kind::parse(json["error"]["kind"].as_str().unwrap()).is_some());
        }
    }

    #[test]
    fn the_policy_allows_this_style_alone() {
        assert!(policy().contains("style-src 'sha256-") && !policy().contains("unsafe"));
        assert!(!STYLE.contains("</"), "the style ends where the page ends it");
    }
}
