//! An answer as calm text: fields one under the other, lists of objects as a table.

use crate::base::Lang;
use serde_json::{Map, Value};

/// Columns longer than this are cut in a table; `--json` has them whole.
const WIDEST: usize = 48;

pub(super) fn text(value: &Value, lang: Lang) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) => object(fields, 0, lang, &mut out),
        Value::Array(rows) => table(rows, 0, lang, &mut out),
        other => out.push_str(&scalar(other, lang)),
    }
    out
}

fn object(fields: &Map<String, Value>, indent: usize, lang: Lang, out: &mut String) {
    let plain = |v: &Value| !v.is_object() && !list_of_objects(v);
    let widest = fields.iter().filter(|(_, v)| plain(v)).map(|(k, _)| width(label(k, lang))).max().unwrap_or(0);
    let margin = " ".repeat(indent);
    let mut ordered: Vec<(&String, &Value)> = fields.iter().collect();
    ordered.sort_by_key(|(key, _)| place(key));
    for (key, value) in ordered {
        let name = label(key, lang);
        match value {
            Value::Null => {}
            Value::Object(inner) => {
                out.push_str(&format!("{margin}{name}\n"));
                object(inner, indent + 2, lang, out);
            }
            Value::Array(rows) if list_of_objects(value) => {
                if fields.len() > 1 {
                    out.push_str(&format!("{margin}{name}\n"));
                }
                table(rows, indent, lang, out);
            }
            plain => {
                let gap = " ".repeat(widest - width(name) + 2);
                out.push_str(&format!("{margin}{name}{gap}{}\n", scalar(plain, lang)));
            }
        }
    }
}

fn list_of_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|rows| rows.is_empty() || rows.iter().all(Value::is_object))
}

fn table(rows: &[Value], indent: usize, lang: Lang, out: &mut String) {
    let margin = " ".repeat(indent);
    let mut columns: Vec<&String> = Vec::new();
    for row in rows.iter().filter_map(Value::as_object) {
        columns.extend(row.keys().filter(|k| !columns.contains(k)).collect::<Vec<_>>());
    }
    columns.sort_by_key(|c| place(c));
    if columns.is_empty() {
        out.push_str(&format!("{margin}{}\n", lang.pick("（なし）", "(none)")));
        return;
    }
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|c| label(c, lang).to_owned()).collect()];
    for row in rows {
        lines.push(columns.iter().map(|c| cut(scalar(row.get(c.as_str()).unwrap_or(&Value::Null), lang))).collect());
    }
    let widths: Vec<usize> =
        (0..columns.len()).map(|i| lines.iter().map(|l| width(&l[i])).max().unwrap_or(0)).collect();
    for line in lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, w)| format!("{cell}{}", " ".repeat(w - width(cell)))).collect();
        out.push_str(&format!("{margin}{}\n", cells.join("  ").trim_end()));
    }
}

fn scalar(value: &Value, lang: Lang) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => lang.pick("はい", "yes").to_owned(),
        Value::Bool(false) => lang.pick("いいえ", "no").to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        Value::Number(n) => n.to_string(),
        Value::Array(items) => items.iter().map(|i| scalar(i, lang)).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

fn cut(text: String) -> String {
    match width(&text) > WIDEST {
        false => text,
        true => {
            let mut kept = String::new();
            for c in text.chars() {
                if width(&kept) + 2 >= WIDEST {
                    break;
                }
                kept.push(c);
            }
            kept + "…"
        }
    }
}

/// Terminal columns: East Asian characters take two.
fn width(text: &str) -> usize {
    let wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}');
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// A field's name for a person. What is not in the list stands as it is.
fn label(key: &str, lang: Lang) -> &str {
    LABELS.iter().find(|(k, _, _)| *k == key).map_or(key, |(_, ja, en)| lang.pick(ja, en))
}

/// Fields stand in the order of the list; what is not in it comes last.
fn place(key: &str) -> usize {
    LABELS.iter().position(|(k, _, _)| *k == key).unwrap_or(LABELS.len())
}

#[rustfmt::skip]
const LABELS: &[(&str, &str, &str)] = &[
    ("n", "番号", "no."),
    ("id", "ID", "id"),
    ("campaign", "配信", "campaign"),
    ("import", "取り込み", "import"),
    ("segment", "絞り込み", "segment"),
    ("topic", "配信種別", "topic"),
    ("contact", "連絡先", "contact"),
    ("batch", "取り込み", "batch"),
    ("name", "名前", "name"),
    ("text", "条件", "text"),
    ("count", "件数", "count"),
    ("total", "全件", "total"),
    ("address", "メールアドレス", "address"),
    ("mark", "照合記号", "mark"),
    ("reason", "理由", "reason"),
    ("agreed", "同意", "agreed"),
    ("basis", "根拠", "basis"),
    ("source", "入手元", "source"),
    ("wording", "文面", "wording"),
    ("is_default", "既定", "default"),
    ("added", "追加", "added"),
    ("known", "登録済み", "known"),
    ("removed", "外した件数", "removed"),
    ("rejected_lines", "取り込めない行の番号", "rejected lines"),
    ("undone", "取り消し済み", "undone"),
    ("topics", "配信種別", "topics"),
    ("history", "履歴", "history"),
    ("entries", "一覧", "entries"),
    ("next", "次のページ", "next"),
    ("label", "表示名", "label"),
    ("email", "メールアドレス", "address"),
    ("type", "種類", "type"),
    ("role", "役割", "role"),
    ("state", "状態", "state"),
    ("at", "日時", "at"),
    ("by", "操作した人", "by"),
    ("what", "操作", "what"),
    ("about", "対象", "about"),
    ("data", "データフォルダー", "data folder"),
    ("created", "作成", "created"),
    ("version", "版", "version"),
    ("domain", "ドメイン", "domain"),
    ("public_url", "公開 URL", "public URL"),
    ("listen", "待ち受け", "listens on"),
    ("language", "言語", "language"),
    ("serving", "サーバー稼働中", "server runs"),
    ("sound", "ディスク正常", "disk sound"),
    ("rows", "行数", "rows"),
    ("new", "新規", "new"),
    ("changed", "変更", "changed"),
    ("same", "変更なし", "same"),
    ("rejected", "取り込めない行", "rejected"),
    ("errors_file", "エラーファイル", "errors file"),
    ("recipients", "宛先", "recipients"),
    ("queued", "待機中", "queued"),
    ("sending", "送信中", "sending"),
    ("sent", "受理", "sent"),
    ("deferred", "保留", "deferred"),
    ("bounced", "不達", "bounced"),
    ("suppressed", "停止", "suppressed"),
    ("in_doubt", "結果不明", "in doubt"),
    ("cancelled", "中止", "cancelled"),
    ("expired", "期限切れ", "expired"),
    ("failed", "失敗", "failed"),
    ("lines", "行数", "lines"),
    ("verified", "検証済み", "verified"),
    ("file", "ファイル", "file"),
    ("key", "鍵", "key"),
    ("provider", "取得元", "provider"),
    ("path", "場所", "path"),
    ("hash", "ハッシュ", "hash"),
    ("helo", "サーバー名", "server's name"),
    ("addresses", "送信元アドレス", "addresses"),
    ("own", "自分のアドレス", "own"),
    ("public", "受信側から見えるアドレス", "as receivers see it"),
    ("includes", "中継サーバーの SPF", "relay's SPF"),
    ("return_path", "返送先", "return path"),
    ("reports", "報告の宛先", "reports"),
    ("signed_by", "署名", "signed by"),
    ("checked", "確かめた日時", "checked"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_shown_as_fields_and_tables() {
        let value = json!({"campaign": "c1", "sent": 2, "rows": [{"name": "花子", "n": 1}, {"name": "Bob", "n": 22}]});
        assert_eq!(text(&value, Lang::En), "campaign  c1\nrows\nno.  name\n1    花子\n22   Bob\nsent      2\n");
        assert_eq!(text(&json!({"lines": []}), Lang::Ja), "（なし）\n");
    }

    #[test]
    fn what_people_typed_cannot_move_the_cursor() {
        assert_eq!(text(&json!({"name": "a\u{1b}[2J\nb"}), Lang::En), "name  a [2J b\n");
    }
}
