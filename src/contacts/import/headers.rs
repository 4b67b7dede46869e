//! What people write over their columns, in Japanese and English.

use crate::contacts::attribute::Role;
use unicode_normalization::UnicodeNormalization;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Email,
    Named(Role),
    /// A code that looks like a number and is none.
    Code,
    Tags,
}

/// Widths, case, spaces, hyphens and a remark in brackets (`メールアドレス（必須）`) do not matter.
pub(super) fn folded(header: &str) -> String {
    let plain: String = header.nfkc().collect::<String>().to_lowercase();
    let cut = plain.find(['(', '[', '<', '【', '※']).filter(|at| *at > 0);
    let (name, remark) = plain.split_at(cut.unwrap_or(plain.len()));
    let kept = name.chars().filter(|c| c.is_alphanumeric() || *c == 'ー');
    let kana = ["カナ", "フリガナ", "ふりがな", "かな"].iter().any(|k| remark.contains(k));
    kept.chain(if kana { "カナ" } else { "" }.chars()).collect()
}

pub(super) fn meaning(header: &str) -> Option<Meaning> {
    use Meaning::{Code, Email, Named, Tags};
    Some(match folded(header).as_str() {
        "メールアドレス"
        | "メール"
        | "メアド"
        | "eメール"
        | "電子メール"
        | "電子メールアドレス"
        | "eメールアドレス"
        | "pcメール"
        | "pcメールアドレス"
        | "メルアド"
        | "アドレス"
        | "email"
        | "mail"
        | "emailaddress"
        | "mailaddress"
        | "emailaddr"
        | "mailaddr"
        | "連絡先メールアドレス"
        | "登録メールアドレス" => Email,
        "姓" | "名字" | "苗字" | "氏" | "lastname" | "familyname" | "surname" | "sei" => Named(Role::FamilyName),
        "名" | "firstname" | "givenname" | "mei" | "下の名前" => Named(Role::GivenName),
        "氏名" | "名前" | "お名前" | "ご氏名" | "姓名" | "フルネーム" | "name" | "fullname" | "顧客名" | "会員名"
        | "お客様名" | "宛名" | "担当者名" => Named(Role::FullName),
        "セイ" | "せい" | "姓カナ" | "カナ姓" | "姓フリガナ" | "姓ふりがな" | "姓かな" | "氏カナ" | "lastnamekana"
        | "familynamekana" => Named(Role::FamilyKana),
        "メイ" | "めい" | "名カナ" | "カナ名" | "名フリガナ" | "名ふりがな" | "名かな" | "firstnamekana"
        | "givennamekana" => Named(Role::GivenKana),
        "フリガナ" | "ふりがな" | "カナ" | "かな" | "氏名カナ" | "カナ氏名" | "氏名フリガナ" | "氏名ふりがな"
        | "名前カナ" | "お名前カナ" | "kana" | "namekana" | "furigana" => Named(Role::FullKana),
        "タグ" | "tags" | "tag" => Tags,
        other if is_code(other) => Code,
        _ => return None,
    })
}

fn is_code(folded: &str) -> bool {
    let ends = ["番号", "コード", "no", "id", "code", "number", "ナンバー", "電話", "fax", "tel", "phone", "携帯"];
    ends.iter().any(|e| folded.ends_with(e))
}

pub(super) fn known(header: &str) -> bool {
    meaning(header).is_some()
        || matches!(
            folded(header).as_str(),
            "生年月日"
                | "誕生日"
                | "性別"
                | "年齢"
                | "住所"
                | "都道府県"
                | "郵便番号"
                | "会社名"
                | "備考"
                | "職業"
                | "登録日"
                | "更新日"
                | "会社"
                | "部署"
                | "役職"
                | "市区町村"
                | "店舗"
                | "ポイント"
                | "購入日"
                | "メモ"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_understood_as_people_write_them() {
        for (header, want) in [
            ("メールアドレス", Some(Meaning::Email)),
            ("メールアドレス（必須）", Some(Meaning::Email)),
            ("E-mail", Some(Meaning::Email)),
            ("Ｅメール", Some(Meaning::Email)),
            ("mail_address", Some(Meaning::Email)),
            ("姓", Some(Meaning::Named(Role::FamilyName))),
            ("姓（カナ）", Some(Meaning::Named(Role::FamilyKana))),
            ("Last Name", Some(Meaning::Named(Role::FamilyName))),
            ("ﾌﾘｶﾞﾅ", Some(Meaning::Named(Role::FullKana))),
            ("お名前", Some(Meaning::Named(Role::FullName))),
            ("お名前（漢字）", Some(Meaning::Named(Role::FullName))),
            ("会員番号", Some(Meaning::Code)),
            ("年齢", None),
            ("2回目", None),
            ("", None),
        ] {
            assert_eq!(meaning(header), want, "{header}");
        }
    }
}
