//! Sample contacts for a look around: plausible people, made from a seed, all at example.jp. Nobody is real.

/// The same seed gives the same people.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap_or(0)
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }
}

/// Kanji, kana, and the letters of an address.
type Name = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const FAMILY: &[Name] = &[
    ("佐藤", "サトウ", "sato"), ("鈴木", "スズキ", "suzuki"), ("高橋", "タカハシ", "takahashi"), ("田中", "タナカ", "tanaka"),
    ("伊藤", "イトウ", "ito"), ("渡辺", "ワタナベ", "watanabe"), ("山本", "ヤマモト", "yamamoto"), ("中村", "ナカムラ", "nakamura"),
    ("小林", "コバヤシ", "kobayashi"), ("加藤", "カトウ", "kato"), ("吉田", "ヨシダ", "yoshida"), ("山田", "ヤマダ", "yamada"),
    ("佐々木", "ササキ", "sasaki"), ("山口", "ヤマグチ", "yamaguchi"), ("松本", "マツモト", "matsumoto"), ("井上", "イノウエ", "inoue"),
    ("木村", "キムラ", "kimura"), ("林", "ハヤシ", "hayashi"), ("斎藤", "サイトウ", "saito"), ("清水", "シミズ", "shimizu"),
    ("山崎", "ヤマザキ", "yamazaki"), ("森", "モリ", "mori"), ("池田", "イケダ", "ikeda"), ("橋本", "ハシモト", "hashimoto"),
    ("阿部", "アベ", "abe"), ("石川", "イシカワ", "ishikawa"), ("前田", "マエダ", "maeda"), ("藤田", "フジタ", "fujita"),
    ("小川", "オガワ", "ogawa"), ("岡田", "オカダ", "okada"), ("後藤", "ゴトウ", "goto"), ("長谷川", "ハセガワ", "hasegawa"),
    ("村上", "ムラカミ", "murakami"), ("近藤", "コンドウ", "kondo"), ("石井", "イシイ", "ishii"), ("髙木", "タカギ", "takagi"),
];

#[rustfmt::skip]
const GIVEN: &[Name] = &[
    ("陽菜", "ヒナ", "hina"), ("葵", "アオイ", "aoi"), ("結衣", "ユイ", "yui"), ("美咲", "ミサキ", "misaki"), ("さくら", "サクラ", "sakura"),
    ("花子", "ハナコ", "hanako"), ("由美子", "ユミコ", "yumiko"), ("恵子", "ケイコ", "keiko"), ("真由美", "マユミ", "mayumi"),
    ("智子", "トモコ", "tomoko"), ("愛", "アイ", "ai"), ("千尋", "チヒロ", "chihiro"), ("陸", "リク", "riku"), ("蓮", "レン", "ren"),
    ("翔太", "ショウタ", "shota"), ("大輔", "ダイスケ", "daisuke"), ("健一", "ケンイチ", "kenichi"), ("拓也", "タクヤ", "takuya"),
    ("誠", "マコト", "makoto"), ("浩", "ヒロシ", "hiroshi"), ("直樹", "ナオキ", "naoki"), ("隆", "タカシ", "takashi"),
    ("悠斗", "ユウト", "yuto"), ("一郎", "イチロウ", "ichiro"),
];

/// About as many people as live there.
#[rustfmt::skip]
const PREFECTURES: &[(&str, usize)] = &[
    ("東京都", 14), ("神奈川県", 9), ("大阪府", 9), ("愛知県", 8), ("埼玉県", 7), ("千葉県", 6), ("兵庫県", 5), ("北海道", 5),
    ("福岡県", 5), ("静岡県", 4), ("茨城県", 3), ("広島県", 3), ("京都府", 3), ("宮城県", 2), ("新潟県", 2), ("長野県", 2),
    ("岐阜県", 2), ("群馬県", 2), ("栃木県", 2), ("岡山県", 2), ("鹿児島県", 1), ("沖縄県", 1), ("石川県", 1), ("愛媛県", 1), ("青森県", 1),
];

const SHOPS: &[&str] = &["本店", "駅前店", "オンライン"];

/// A CSV of `n` people, as a shop's own list would look.
pub fn contacts(seed: u64, n: usize) -> String {
    let mut chance = Chance::new(seed);
    let weights: usize = PREFECTURES.iter().map(|(_, w)| w).sum();
    let mut csv = String::from("会員番号,メールアドレス,姓,名,セイ,メイ,都道府県,誕生日,年齢,店舗,ポイント,タグ\r\n");
    for i in 1..=n {
        let ((family, sei, f), (given, mei, g)) = (*chance.of(FAMILY), *chance.of(GIVEN));
        let mut at = chance.below(weights);
        let prefecture = PREFECTURES.iter().find(|(_, w)| {
            let here = at < *w;
            at = at.saturating_sub(*w);
            here
        });
        let prefecture = prefecture.map_or("東京都", |(p, _)| p);
        let (year, month, day) = (1945 + chance.below(60), 1 + chance.below(12), 1 + chance.below(28));
        // Most people give a birthday; what is blank shows what a substitute is for.
        let (birthday, age) = match chance.percent(92) {
            true => (format!("{year}-{month:02}-{day:02}"), (2026 - year).to_string()),
            false => (String::new(), String::new()),
        };
        let (shop, points) = (*chance.of(SHOPS), chance.below(60) * 50);
        let mut tags = vec![if chance.percent(55) { "2026秋" } else { "2026春" }];
        if points >= 2000 {
            tags.push("VIP");
        }
        if chance.percent(20) {
            tags.push("初回購入");
        }
        let tags = tags.join(";");
        csv.push_str(&format!(
            "M{i:05},{f}.{g}{i}@example.jp,{family},{given},{sei},{mei},{prefecture},{birthday},{age},{shop},{points},{tags}\r\n"
        ));
    }
    csv
}

/// The finished campaign's body: short, with a greeting, a condition and a picture-free layout.
pub const SENT_HTML: &str = "<div style=\"max-width:600px;margin:0 auto;padding:24px 16px;font-family:sans-serif;line-height:1.7\">\n<h1>秋の新作が届きました</h1>\n<p>{{ 姓 }} {{ 名 }} 様</p>\n\
<p>いつもご利用ありがとうございます。{{ 店舗 }}に、秋の新作が並びました。</p>\n\
{% if ポイント >= 1000 %}<p>いまのポイントは <strong>{{ ポイント }}</strong> です。お買い物にお使いください。</p>{% endif %}\n\
<p><a href=\"https://www.example.jp/autumn\">新作を見る</a></p>\n</div>\n";

pub const DRAFT_MARKDOWN: &str = "# 年末のごあいさつ\n\n{{ 姓 }} 様\n\n今年もお世話になりました。\
年末年始の営業日をお知らせします。\n\n- 12月30日まで: 通常どおり\n- 12月31日から1月3日: お休み\n- 1月4日から: 通常どおり\n";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_gives_the_same_people_and_every_row_is_whole() {
        let csv = contacts(7, 200);
        assert_eq!(csv, contacts(7, 200));
        assert_ne!(csv, contacts(8, 200));
        let rows: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
        assert!(rows.len() == 201 && rows.iter().all(|r| r.len() == 12));
        let addresses: HashSet<&str> = rows[1..].iter().map(|r| r[1]).collect();
        assert!(addresses.len() == 200 && addresses.iter().all(|a| a.ends_with("@example.jp")));
        assert!(rows[1..].iter().any(|r| r[7].is_empty()) && rows[1..].iter().any(|r| r[11].contains("VIP")));
    }
}
