//! What can be rung for, and how it is said. Nothing here names a person, an address or a campaign.

use crate::base::{Lang, Say, Time, clock, limits};

/// The events that alarm. The list is closed: the compiler names every place that must learn of a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The worker's process ended by itself; `times` in a row, without a good while between.
    WorkerDied { times: u32 },
    /// The worker lives, but does not answer; it was ended.
    WorkerStuck { silent_s: u64 },
    /// The worker cannot be started, and it is not only waited for.
    WorkerCannotStart { why: Say },
    /// The worker has been well for a while. Mailed only when there was an alarm about it before.
    WorkerBack,
    /// The disk did not confirm a write.
    DiskUnsound,
    /// systemd saw the door's process fail (`OnFailure=`).
    DoorFailed,
    /// A worker lost its door, and ended.
    DoorLost,
    /// An update took itself back.
    WentBack { from: String, to: String, why: Option<Say> },
    /// Somebody wants to see that the alarm works.
    Test,
}

impl Event {
    /// A promise to scripts and units.
    pub fn name(&self) -> &'static str {
        match self {
            Event::WorkerDied { .. } => "worker_died",
            Event::WorkerStuck { .. } => "worker_stuck",
            Event::WorkerCannotStart { .. } => "worker_cannot_start",
            Event::WorkerBack => "worker_back",
            Event::DiskUnsound => "disk_unsound",
            Event::DoorFailed => "door_failed",
            Event::DoorLost => "door_lost",
            Event::WentBack { .. } => "went_back",
            Event::Test => "test",
        }
    }

    /// Those that somebody outside can tell of by name alone.
    pub const TOLD: [Event; 4] = [Event::DoorFailed, Event::DoorLost, Event::DiskUnsound, Event::Test];

    pub fn parse(name: &str) -> Option<Event> {
        Event::TOLD.into_iter().find(|e| e.name() == name)
    }

    /// In the subject.
    pub(super) fn title(&self) -> Say {
        match self {
            Event::WorkerDied { .. } => say!("本体が異常終了しました", "The worker has died"),
            Event::WorkerStuck { .. } => say!("本体が応答しません", "The worker does not answer"),
            Event::WorkerCannotStart { .. } => say!("本体を起動できません", "The worker cannot be started"),
            Event::WorkerBack => say!("本体が復旧しました", "The worker is back"),
            Event::DiskUnsound => say!("ディスクに書き込めません", "The disk does not keep what is written"),
            Event::DoorFailed => say!("hakobu が停止しました", "hakobu has failed"),
            Event::DoorLost => say!("受付が停止しました", "The door is gone"),
            Event::WentBack { .. } => say!("更新を元に戻しました", "An update was taken back"),
            Event::Test => say!("警報のテスト", "A test of the alarm"),
        }
    }

    /// What happened, and what Hakobu does about it by itself.
    pub(super) fn story(&self) -> Say {
        match self {
            Event::WorkerDied { times } => say!(
                "本体のプロセスが、続けて {times} 回、異常終了しました。自動で再起動しています。その間のリクエストは保留されます。",
                "The worker's process has ended by itself, {times} times in a row. It is restarted by itself; requests are held meanwhile."
            ),
            Event::WorkerStuck { silent_s } => say!(
                "本体が {silent_s} 秒のあいだ応答しないため、終了させて再起動しています。",
                "The worker has not answered for {silent_s} seconds. It was ended and is being restarted."
            ),
            Event::WorkerCannotStart { why } => {
                let Say { ja, en } = short(why);
                say!(
                    "本体を起動できません。画面とメール配信は止まっています。理由: {ja}",
                    "The worker cannot be started: pages and sending are down. Why: {en}"
                )
            }
            Event::WorkerBack => say!(
                "本体は再び動いていて、しばらく安定しています。",
                "The worker runs again, and has been well for a while."
            ),
            Event::DiskUnsound => say!(
                "ディスクへの書き込みを確認できないため、本体を終了しました。空き容量とディスクの状態を確かめてください。",
                "The disk did not confirm a write, so the worker has ended. Look at the free room and at the disk."
            ),
            Event::DoorFailed => say!(
                "hakobu のサービスが異常終了しました。systemd が自動で再起動しています。",
                "The hakobu service has failed. systemd restarts it by itself."
            ),
            Event::DoorLost => say!(
                "受付のプロセスがなくなったため、本体も終了しました。systemd が両方を再起動します。",
                "The door's process is gone, so the worker has ended too. systemd restarts both."
            ),
            Event::WentBack { from, to, why } => {
                let Say { ja, en } = why.as_ref().map_or_else(|| say!("", ""), short);
                say!(
                    "版 {to} への更新を取りやめ、版 {from} で動いています。データは失われていません。{ja}",
                    "The update to {to} was taken back; {from} runs. No data was lost. {en}"
                )
            }
            Event::Test => say!(
                "これは警報のテストです。このメールが届いていれば、設定は正しく働いています。",
                "This is a test of the alarm. As you can read it, its settings work."
            ),
        }
    }

    /// The command that tells more.
    fn look(&self) -> &'static str {
        match self {
            Event::WentBack { .. } => "hakobu update history",
            Event::DoorFailed | Event::DoorLost => "systemctl status hakobu ; journalctl -u hakobu -n 100",
            Event::WorkerDied { .. }
            | Event::WorkerStuck { .. }
            | Event::WorkerCannotStart { .. }
            | Event::WorkerBack
            | Event::DiskUnsound => "hakobu status ; hakobu doctor ; journalctl -u hakobu -n 100",
            Event::Test => "hakobu alarm show",
        }
    }

    /// The whole text. `before` is how often it happened since the last mail about it, beside this time.
    pub(super) fn body(&self, lang: Lang, house: &str, before: u32, now: Time) -> String {
        let at = now.zoned(&clock::japan()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string();
        let (story, look) = (self.story(), self.look());
        let again = match before {
            0 => String::new(),
            n => lang.pick(
                format!("前回の通知のあと、これを除いて {n} 回ありました。\n"),
                format!("It happened {n} more times since the last mail about it.\n"),
            ),
        };
        let minutes = limits::ALARM_EVERY.as_secs() / 60;
        lang.pick(
            format!(
                "{}\n\n環境: {house}\n時刻: {at}\n{again}\n詳しく調べるには、サーバーで次を実行してください。\n  {look}\n\n\
                 同じ出来事の通知は {minutes} 分に 1 通までです。\nこのメールは Hakobu が自動で送りました。\n",
                story.ja
            ),
            format!(
                "{}\n\nHouse: {house}\nAt: {at}\n{again}\nTo find out more, run this on the server:\n  {look}\n\n\
                 The same event is mailed at most once in {minutes} minutes.\nSent by Hakobu itself.\n",
                story.en
            ),
        )
    }
}

/// A reason comes from elsewhere: its length is bounded, and it stays on one line.
fn short(why: &Say) -> Say {
    let cut = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(limits::ALARM_REASON_MAX).collect()
    };
    Say::new(cut(&why.ja), cut(&why.en))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Event> {
        let why = say!("鍵が\r\nありません。", "There is no\r\nkey.");
        vec![
            Event::WorkerDied { times: 3 },
            Event::WorkerStuck { silent_s: 10 },
            Event::WorkerCannotStart { why: why.clone() },
            Event::WorkerBack,
            Event::DiskUnsound,
            Event::DoorFailed,
            Event::DoorLost,
            Event::WentBack { from: "1.0.0".into(), to: "1.1.0".into(), why: Some(why) },
            Event::Test,
        ]
    }

    #[test]
    fn every_event_has_a_name_of_its_own_and_words_in_both_languages() {
        let mut names: Vec<&str> = all().iter().map(Event::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
        for event in all() {
            for lang in [Lang::Ja, Lang::En] {
                let body = event.body(lang, "news.example.jp", 2, Time(0));
                assert!(body.contains("news.example.jp") && body.contains("1970-01-01 09:00:00 +09:00"), "{body}");
                assert!(body.contains(" 2 ") && !body.contains('\r'), "{body}");
                assert!(!event.title().to(lang).is_empty());
            }
        }
    }

    #[test]
    fn those_told_by_name_are_found_by_it() {
        for event in Event::TOLD {
            assert_eq!(Event::parse(event.name()), Some(event));
        }
        assert_eq!(Event::parse("worker_died"), None);
    }
}
