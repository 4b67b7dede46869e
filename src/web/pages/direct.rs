//! The way out beside the relay: straight to the receivers, on or off, and the receivers that were written to.

use crate::base::Result;
use crate::delivery::{self, Route, Shape};
use crate::house::ask::route::{DirectAsk, RouteAsk};
use crate::house::ask::{Ask, Streams};
use crate::web::answer::Answer;
use crate::web::dates;
use crate::web::visit::Visit;

const HERE: &str = "/settings/relay";

/// What the page of the relay says about it.
pub(super) struct Direct {
    pub(super) is_on: bool,
    pub(super) hello: String,
    pub(super) receivers: Vec<Receiver>,
}

pub(super) struct Receiver {
    pub(super) name: String,
    pub(super) waiting: String,
    pub(super) connections: String,
    pub(super) state: String,
}

pub(super) fn direct(v: &Visit<'_>) -> Result<Direct> {
    let settings = delivery::direct(&v.house.store)?;
    let receivers = match settings.is_some().then(|| v.house.route()).transpose()? {
        Some(Route::Direct(direct)) => direct.shapes().iter().map(|shape| receiver(v, shape)).collect(),
        Some(Route::Relay(_)) | None => Vec::new(),
    };
    let names = settings.iter().flat_map(|s| s.senders.iter().map(|sender| sender.hello.clone()));
    let mut names: Vec<String> = names.collect();
    names.dedup();
    Ok(Direct { is_on: settings.is_some(), hello: names.join(v.lang.pick("、", ", ")), receivers })
}

fn receiver(v: &Visit<'_>, shape: &Shape) -> Receiver {
    let w = v.w;
    let state = match (shape.is_held(), shape.resting(v.now)) {
        (true, _) => w.route_held().to_owned(),
        (false, Some(until)) => w.route_rests(&dates::long(until, v.lang)),
        (false, None) => match shape.per_minute() {
            Some(n) => w.route_rate(&dates::grouped(n.into())),
            None => w.route_free().to_owned(),
        },
    };
    let (open, most) = (shape.open(), shape.limits().connections);
    Receiver {
        name: shape.name().to_owned(),
        waiting: dates::grouped(shape.waiting() as u64),
        connections: format!("{open} / {most}"),
        state,
    }
}

/// On by the name of the sending server, or off.
pub(crate) fn set(v: &mut Visit<'_>) -> Result<Answer> {
    let on = v.form.has("on");
    let ask = match on {
        true => DirectAsk::Set { senders: Vec::new(), port: 25, private: false },
        false => DirectAsk::Off,
    };
    match v.house.answer(&v.by(), v.now, Ask::Route(RouteAsk::Direct(Some(ask))), &super::api::NoFiles as &dyn Streams)
    {
        Ok(_) if on => v.back_to(
            HERE,
            say!("これからは受信側へ直接送ります。", "Mail goes straight to the receivers from now on."),
        ),
        Ok(_) => {
            v.back_to(HERE, say!("これからは中継サーバー経由で送ります。", "Mail goes through the relay from now on."))
        }
        Err(e) => v.back_with(HERE, &e),
    }
}
