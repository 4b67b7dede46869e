//! Whether links in mails can be opened: does the public URL lead to this house? One answer counts for some minutes, so
//! that pages stay fast, and only one question is on its way at a time.

use super::House;
use crate::base::{Time, clock, limits};
use crate::delivery::{self, Heard};
use std::sync::{Arc, Mutex, PoisonError};

/// What every house answers to anybody, in a way that hardly another site would: see `is_ours`.
const PATH: &str = "/favicon.ico";

#[derive(Default)]
pub(super) struct Reach(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    last: Option<(Time, bool)>,
    asking: bool,
}

/// Whether the house behind this public URL is one of ours. Takes up to `limits::PROBE_WAIT`.
pub(super) fn answers(public_url: &str) -> bool {
    delivery::probe(public_url, PATH).is_some_and(|heard| is_ours(&heard))
}

/// A parked domain, a proxy without a house behind it and another site do not send a browser to our picture.
pub fn is_ours(heard: &Heard) -> bool {
    heard.status == 303 && heard.location.as_deref().is_some_and(|l| l.contains("/assets/") && l.ends_with("/logo.svg"))
}

impl Reach {
    fn known(&self, now: Time) -> Option<bool> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last.filter(|(at, answered)| now.since(*at) < kept(*answered)).map(|(_, answered)| answered)
    }

    /// The known answer, or a new one. Who comes while somebody asks already gets the last one.
    fn ask(&self, now: Time, probe: impl FnOnce() -> bool) -> Option<bool> {
        if let Some(answered) = self.known(now) {
            return Some(answered);
        }
        let seen = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut seen().asking, true) {
            return seen().last.map(|(_, answered)| answered);
        }
        let answered = probe();
        *seen() = Seen { last: Some((now, answered)), asking: false };
        Some(answered)
    }
}

/// A silence is looked at again sooner: somebody is mending it.
fn kept(answered: bool) -> std::time::Duration {
    if answered { limits::PROBE_KEPT } else { limits::PROBE_KEPT_SILENT }
}

impl House {
    /// Whether the public URL answers. `None` where nobody is to ask (`probe = false` in the boot settings).
    pub fn public_url_answers(&self) -> Option<bool> {
        self.boot.probe.then(|| self.reach.ask(clock::now(), || answers(&self.boot.public_url))).flatten()
    }

    /// What is known by now, for a page that must not wait; what is not is asked for the next time.
    pub fn public_url_glance(self: &Arc<House>) -> Option<bool> {
        if !self.boot.probe {
            return None;
        }
        let known = self.reach.known(clock::now());
        if known.is_none() {
            let house = Arc::clone(self);
            // Without a thread to spare there is no answer now, and the next page asks again.
            std::thread::Builder::new().name("probe".into()).spawn(move || house.public_url_answers()).ok();
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_counts_for_minutes_and_a_silence_for_less() {
        let reach = Reach::default();
        let at = |s: i64| Time(s * 1000);
        let never = || panic!("it is known");
        assert_eq!(reach.ask(at(0), || false), Some(false));
        assert_eq!(reach.ask(at(29), never), Some(false));
        assert_eq!(reach.ask(at(31), || true), Some(true));
        assert_eq!(reach.ask(at(300), never), Some(true));
        assert_eq!(reach.ask(at(332), || false), Some(false));
    }

    #[test]
    fn while_somebody_asks_nobody_else_waits() {
        let reach = Reach::default();
        let asked = reach.ask(Time(0), || {
            assert_eq!(reach.ask(Time(0), || panic!("twice at once")), None);
            true
        });
        assert_eq!(asked, Some(true));
    }

    #[test]
    fn another_site_is_not_taken_for_ours() {
        let heard = |status, location: &str| Heard { status, location: Some(location.into()) };
        for (heard, want) in [
            (heard(303, "/assets/0a1b/logo.svg"), true),
            (heard(303, "https://news.example.jp/assets/0a1b/logo.svg"), true),
            (heard(301, "https://www.example.jp/favicon.ico"), false),
            (Heard { status: 200, location: None }, false),
            (Heard { status: 502, location: None }, false),
        ] {
            assert_eq!(is_ours(&heard), want, "{heard:?}");
        }
    }
}
