//! What is known of the big receivers: a catalogue. Where they publish a number it is theirs; where they only say
//! "slowly" it is a careful one of ours.

use super::{Group, Limits, Reaction, Sign, group::OTHERS};

const READ: &str = "2026-11";

struct Preset {
    name: &'static str,
    domains: &'static [&'static str],
    hosts: &'static [&'static str],
    connections: u16,
    per_connection: u32,
    per_minute: Option<u32>,
    signs: &'static [(&'static str, Reaction)],
    source: &'static str,
}

const HOUR: Reaction = Reaction::Rest { minutes: 60 };
const HOURS: Reaction = Reaction::Rest { minutes: 240 };

const PRESETS: [Preset; 7] = [
    Preset {
        name: "docomo",
        domains: &["docomo.ne.jp"],
        hosts: &["docomo.ne.jp"],
        connections: 2,
        per_connection: 100,
        per_minute: Some(600),
        signs: &[],
        source: "docomo.ne.jp: smtp_notice, mass_send (100 addresses a session); the rate is ours",
    },
    Preset {
        name: "au",
        domains: &["ezweb.ne.jp", "au.com", "uqmobile.jp"],
        hosts: &["au.com", "ezweb.ne.jp"],
        connections: 2,
        per_connection: 50,
        per_minute: Some(600),
        signs: &[],
        source: "au.com: no thresholds published, long and many sessions are blocked; the numbers are ours",
    },
    Preset {
        name: "softbank",
        domains: &["softbank.ne.jp", "softbank.jp", "vodafone.ne.jp", "disney.ne.jp", "ymobile.ne.jp", "willcom.com"],
        hosts: &["softbank.ne.jp", "softbank.jp"],
        connections: 2,
        per_connection: 100,
        per_minute: Some(600),
        signs: &[],
        source: "softbank.jp: send slowly over time; the numbers are ours",
    },
    Preset {
        name: "yahoo_japan",
        domains: &["yahoo.co.jp", "ybb.ne.jp"],
        hosts: &["yahoo.co.jp"],
        connections: 2,
        per_connection: 20,
        per_minute: Some(600),
        signs: &[("VS98-IP0", HOUR), ("TSS04", HOUR), ("IPTS04", HOUR)],
        source: "KumoMTA's community shaping for yahoo.co.jp",
    },
    Preset {
        name: "gmail",
        domains: &["gmail.com", "googlemail.com"],
        hosts: &["google.com", "googlemail.com"],
        connections: 10,
        per_connection: 100,
        per_minute: None,
        signs: &[("4.7.28", Reaction::Rest { minutes: 10 }), ("4.2.1", Reaction::Nothing)],
        source: "support.google.com/mail/answer/81126; the numbers are ours",
    },
    Preset {
        name: "outlook",
        domains: &["outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.com", "live.jp", "msn.com"],
        hosts: &["olc.protection.outlook.com"],
        connections: 5,
        per_connection: 50,
        per_minute: None,
        signs: &[("4.7.650", Reaction::Rest { minutes: 30 }), ("S3140", HOURS), ("S3150", HOURS)],
        source: "Microsoft's post to senders of 2025-04-02; the numbers are ours",
    },
    Preset {
        name: OTHERS,
        domains: &[],
        hosts: &[],
        connections: 5,
        per_connection: 100,
        per_minute: None,
        signs: &[("TSS04", HOURS), ("TSS05", HOURS), ("IPTS04", HOURS), ("IPTS05", HOURS)],
        source: "ours",
    },
];

pub(super) fn all() -> Vec<Group> {
    PRESETS.iter().map(group).collect()
}

fn group(preset: &Preset) -> Group {
    let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let signs = preset.signs.iter().map(|(words, reaction)| Sign { words: (*words).into(), reaction: *reaction });
    Group {
        name: preset.name.into(),
        domains: strings(preset.domains),
        hosts: strings(preset.hosts),
        limits: Limits {
            connections: preset.connections,
            per_connection: preset.per_connection,
            per_minute: preset.per_minute,
            signs: signs.collect(),
        },
        source: preset.source.into(),
        read: READ.into(),
        own: false,
    }
}
