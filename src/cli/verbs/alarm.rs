//! `hakobu alarm …`: the mail that leaves when all else is down. `send` needs no worker and no books.

use super::{Talk, ask, data, phrase};
use crate::alarm::{self, Event, Rung};
use crate::base::files::refuse_as_root;
use crate::base::{Error, Result, clock};
use crate::cli::args::Common;
use crate::house::Boot;
use crate::house::ask::alarm::AlarmAsk;
use crate::house::ask::{Answer, Ask, Hidden};
use serde_json::json;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Alarm {
    /// To whom, by which relay, and what became of the last ones || 宛先、中継サーバー、最近の結果
    Show,
    /// Name the address || 宛先を設定する
    Set {
        /// To whom || 宛先
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
    /// Send one, the way a real one goes || 実際の警報と同じ経路で 1 通送る
    Test,
    /// Send or count one, with the sealed settings alone; for units and scripts || 封印した設定だけで送る（ユニットやスクリプト用）
    Send {
        /// door_failed, door_lost, disk_unsound, test || 出来事の名前
        #[arg(long, value_name = "NAME")]
        event: String,
    },
}

pub(super) fn run(verb: Alarm, common: &Common, talk: &Talk) -> Result<u8> {
    match verb {
        Alarm::Send { event } => send(&event, common, talk),
        Alarm::Show => ask(common, talk, |_| Ok(Ask::Alarm(AlarmAsk::Show))),
        Alarm::Set { to } => ask(common, talk, |_| Ok(Ask::Alarm(AlarmAsk::Set { to: Hidden(to) }))),
        Alarm::Test => ask(common, talk, |_| Ok(Ask::Alarm(AlarmAsk::Test))),
    }
}

fn send(name: &str, common: &Common, talk: &Talk) -> Result<u8> {
    let event = Event::parse(name).ok_or_else(|| {
        let known = Event::TOLD.iter().map(Event::name).collect::<Vec<_>>().join(", ");
        Error::refused(say!("{name} という出来事はありません。", "There is no event {name}."))
            .hint(say!("使えるもの: {known}", "One of: {known}"))
    })?;
    let data = data(common)?;
    refuse_as_root(&data)?;
    let root = Boot::read(&data)?.key.root_key(&data, &phrase(common))?;
    let result = match alarm::ring(&data, &alarm::door_key(&root), &event, clock::now())? {
        Rung::Left { .. } => "left",
        Rung::Counted { .. } => "counted",
        Rung::Nothing => "nothing",
        Rung::Failed(e) => return Err(e),
    };
    Ok(talk.show(&Answer::of(json!({"event": name, "result": result}))?))
}
