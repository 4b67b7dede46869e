//! The figures and the words of the two notices. Pure.

use crate::base::{Lang, Say, Time, clock, limits};
use crate::update::history::{Outcome, Update};

/// How long requests waited at the updates of before: the longest of them, and how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    pub longest_ms: u64,
    pub updates: usize,
}

/// From the newest updates that switched: a release that was refused made nobody wait.
pub fn expected(past: &[Update]) -> Wait {
    let switched =
        past.iter().filter(|u| matches!(u.result, Outcome::Updated | Outcome::RolledBack)).take(limits::NOTICE_PAST);
    switched
        .fold(Wait::default(), |w, r| Wait { longest_ms: w.longest_ms.max(r.longest_held_ms), updates: w.updates + 1 })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// The date lies behind us.
    Past,
    /// Later than promised: so many whole days are left.
    Short(u64),
    Enough,
}

/// Whether people are told in time.
pub fn lead(now: Time, at: Time) -> Lead {
    let left = at.since(now);
    match at > now {
        false => Lead::Past,
        true if left < limits::NOTICE_LEAD => Lead::Short(left.as_secs() / limits::DAY.as_secs()),
        true => Lead::Enough,
    }
}

/// A mail in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub subject: String,
    pub body: String,
}

/// What both notices are about.
pub struct About<'a> {
    /// The name that the house goes by.
    pub house: &'a str,
    pub version: &'a str,
    /// The change record, where the release brings one.
    pub change: Option<&'a Say>,
}

/// `0.4 秒`, never less than a tenth of a second.
pub fn seconds(ms: u64, lang: Lang) -> String {
    let tenths = ms.div_ceil(100).max(1);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    lang.pick("{} 秒", "{} seconds").replace("{}", &format!("{whole}.{tenth}"))
}

fn content(about: &About<'_>, lang: Lang) -> String {
    let none = lang.pick("動作の改善と修正です。", "Improvements and corrections.");
    about.change.map_or(none, |c| c.to(lang)).trim().to_owned()
}

pub fn before(about: &About<'_>, at: Time, wait: Wait, lang: Lang) -> Text {
    let (house, version, when) = (about.house, about.version, clock::words(at, lang));
    let (content, n) = (content(about, lang), wait.updates);
    let (subject, wait) = match lang {
        Lang::Ja => (
            format!("【更新のお知らせ】{house}（版 {version}）"),
            match n {
                0 => "停止しません。切り替えの一瞬、画面の表示が遅くなることがあります。".to_owned(),
                _ => format!(
                    "停止しません。切り替えの間、最長で {} ほど画面の表示が遅くなる見込みです（これまで {n} 回の実績から）。",
                    seconds(wait.longest_ms, lang)
                ),
            },
        ),
        Lang::En => (
            format!("Planned update of {house} (version {version})"),
            match n {
                0 => "None. For a moment pages may answer more slowly.".to_owned(),
                _ => {
                    let last = if n == 1 { "the last update".to_owned() } else { format!("the last {n} updates") };
                    let longest = seconds(wait.longest_ms, lang);
                    format!("None. While we switch, pages may answer up to {longest} later (from {last}).")
                }
            },
        ),
    };
    let body = match lang {
        Lang::Ja => format!(
            "{house}をご利用の皆さま\n\n次のとおり更新を行います。\n\n■ 内容\n{content}\n\n■ 日時\n{when}\n\n■ 停止の見込み\n{wait}\n\n\
             作業中の内容は、そのまま続けられます。終わりましたら、改めてお知らせします。\n"
        ),
        Lang::En => format!(
            "To everybody who uses {house}\n\nWe are going to update it.\n\n* What changes\n{content}\n\n* When\n{when} (Japan time)\n\n\
             * Expected downtime\n{wait}\n\nGo on with what you are doing. We will write again when it is done.\n"
        ),
    };
    Text { subject, body }
}

pub fn after(about: &About<'_>, update: &Update, lang: Lang) -> Text {
    let done = update.result == Outcome::Updated;
    let (house, version, when) = (about.house, about.version, clock::words(update.at, lang));
    let held = held(update, lang);
    let cause = update.cause.as_ref().map_or("", |c| c.to(lang));
    let (subject, body) = match (lang, done) {
        (Lang::Ja, true) => (
            format!("【更新完了】{house}（版 {version}）"),
            format!(
                "{house}をご利用の皆さま\n\n更新が終わりました。\n\n■ 内容\n{}\n\n■ 完了した日時\n{when}\n\n■ 実際の影響\n{held}\n",
                content(about, lang)
            ),
        ),
        (Lang::Ja, false) => (
            format!("【更新の中止】{house}（版 {version}）"),
            format!(
                "{house}をご利用の皆さま\n\n予定していた更新を取りやめ、元の版（{}）に戻しました。データは失われていません。\n\n\
                 ■ 原因\n{cause}\n\n■ 日時\n{when}\n\n■ 実際の影響\n{held}\n",
                update.from
            ),
        ),
        (Lang::En, true) => (
            format!("{house} is updated (version {version})"),
            format!(
                "To everybody who uses {house}\n\nThe update is done.\n\n* What changed\n{}\n\n* When\n{when} (Japan time)\n\n* What it cost\n{held}\n",
                content(about, lang)
            ),
        ),
        (Lang::En, false) => (
            format!("The update of {house} was taken back (version {version})"),
            format!(
                "To everybody who uses {house}\n\nThe planned update was taken back, and version {} runs as before. No data was lost.\n\n\
                 * Why\n{cause}\n\n* When\n{when} (Japan time)\n\n* What it cost\n{held}\n",
                update.from
            ),
        ),
    };
    Text { subject, body }
}

fn held(update: &Update, lang: Lang) -> String {
    let (n, longest) = (update.held_requests, seconds(update.longest_held_ms, lang));
    match (lang, n) {
        (Lang::Ja, 0) => "停止はなく、お待たせした操作もありません。".to_owned(),
        (Lang::En, 0) => "No downtime, and nobody had to wait.".to_owned(),
        (Lang::Ja, _) => format!("停止はありません。{n} 件の操作を、最長 {longest}お待たせしました。"),
        (Lang::En, _) => format!("No downtime. Requests that waited: {n}, the longest for {longest}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(result: Outcome, held_requests: u64, longest_held_ms: u64) -> Update {
        let cause = (result == Outcome::RolledBack).then(|| say!("応答しませんでした。", "It did not answer."));
        let (id, by, from, to) = ("u-1".into(), "user:u1".into(), "1.0.0".into(), "1.1.0".into());
        let (n, at, steps, notes, minimum) = (1, Time(1_800_000_000_000), Vec::new(), None, None);
        Update { n, id, at, by, from, to, result, held_requests, longest_held_ms, steps, cause, notes, minimum }
    }

    #[test]
    fn the_expected_wait_is_the_longest_of_the_last_switches() {
        use Outcome::{Refused, RolledBack, Updated};
        let of = |all: &[(Outcome, u64)]| expected(&all.iter().map(|(r, ms)| update(*r, 1, *ms)).collect::<Vec<_>>());
        assert_eq!(of(&[]), Wait { longest_ms: 0, updates: 0 });
        assert_eq!(of(&[(Updated, 120), (RolledBack, 300), (Refused, 9_000)]), Wait { longest_ms: 300, updates: 2 });
        let many: Vec<_> = (0..100).map(|n| (Updated, n)).collect();
        assert_eq!(of(&many), Wait { longest_ms: limits::NOTICE_PAST as u64 - 1, updates: limits::NOTICE_PAST });
    }

    #[test]
    fn seven_days_are_enough_and_a_date_in_the_past_is_none() {
        let now = Time(1_800_000_000_000);
        let days = |n: u64| now.plus(limits::DAY * u32::try_from(n).unwrap());
        assert_eq!(lead(now, days(7)), Lead::Enough);
        assert_eq!(lead(now, days(6)), Lead::Short(6));
        assert_eq!(lead(now, now.plus(limits::CLOCK_TICK)), Lead::Short(0));
        assert_eq!(lead(now, now), Lead::Past);
    }

    #[test]
    fn seconds_are_rounded_up_and_never_none() {
        for (ms, want) in [(0, "0.1 秒"), (1, "0.1 秒"), (240, "0.3 秒"), (1_000, "1.0 秒"), (12_345, "12.4 秒")] {
            assert_eq!(seconds(ms, Lang::Ja), want);
        }
    }

    #[test]
    fn the_first_notice_says_content_date_and_expected_wait_and_the_second_what_it_really_was() {
        let change = say!("写真を並べ替えられます。", "Photos can be sorted.");
        let about = About { house: "山田商店", version: "1.1.0", change: Some(&change) };
        let at = Time::parse("2026-12-04 10:00", &clock::japan()).unwrap();
        let text = before(&about, at, Wait { longest_ms: 340, updates: 3 }, Lang::Ja);
        for part in ["写真を並べ替えられます。", "2026年12月4日(金) 10:00", "最長で 0.4 秒", "3 回"]
        {
            assert!(text.body.contains(part), "{part}: {}", text.body);
        }
        assert!(text.subject.contains("1.1.0"));
        let text = before(&about, at, Wait::default(), Lang::En);
        assert!(text.body.contains("Fri 4 Dec 2026 10:00") && text.body.contains("Photos can be sorted."));
        let text = after(&about, &update(Outcome::Updated, 12, 180), Lang::Ja);
        assert!(
            text.subject.contains("完了") && text.body.contains("12 件") && text.body.contains("0.2 秒"),
            "{text:?}"
        );
        let text = after(&about, &update(Outcome::RolledBack, 0, 0), Lang::En);
        assert!(text.body.contains("It did not answer.") && text.body.contains("1.0.0 runs as before"), "{text:?}");
    }
}
