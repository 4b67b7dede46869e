mod returns;

use super::campaign::{Draft, Edited, Options};
use super::content::FileRole;
use super::drive::{Drive, Driven, drive};
use super::file::NewFile;
use super::preflight::{Around, Level};
use super::proof::TestTo;
use super::run::RunState;
use super::sender::Sender;
use super::source::Format;
use super::*;
use crate::base::seal::Key;
use crate::base::{By, Email, Kind, Progress, Time, clock, ids::CampaignId, ids::ContactId, ids::TopicId};
use crate::contacts::consent::{self, Agreement, Basis};
use crate::contacts::{MailKind, address_hash, topic};
use crate::delivery::catcher::{Act, Catcher, Offer, Rule};
use crate::delivery::{Decision, Policy, Relay, Route, State as RowState, Step};
use crate::store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const URL: &str = "https://news.example.jp";
const NOW: Time = Time(1_795_000_000_000);

struct House {
    dir: tempfile::TempDir,
    store: Store,
    catcher: Catcher,
    route: Route,
    topic: TopicId,
    by: By,
}

struct Ear(AtomicBool);

impl Progress for Ear {
    fn tell(&self, _done: u64, _total: u64) {}
    fn stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl House {
    fn new() -> House {
        let dir = tempfile::tempdir().unwrap();
        let schemas = [crate::contacts::SCHEMA, crate::delivery::SCHEMA, SCHEMA];
        let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &schemas).unwrap();
        let by = By::house("test");
        let topic = topic::create(&store, &by, NOW, "お知らせ").unwrap().id;
        store
            .write(&by, NOW, "test.attributes", |tx| {
                tx.execute_batch(
                    "INSERT INTO attributes (id, key, label, type, substitute, created) VALUES
                     (1, '姓', '姓', 'text', '', 0), (2, 'お名前_漢字', 'お名前（漢字）', 'text', 'お客様', 0),
                     (3, '年齢', '年齢', 'number', '', 0);
                     INSERT INTO tags (id, name) VALUES (1, '会員')",
                )?;
                Ok(())
            })
            .unwrap();
        let catcher = Catcher::start(Offer::new(|| NOW)).unwrap();
        let route = Relay::parse(&format!("smtp://{}", catcher.addr())).unwrap().into();
        House { dir, store, catcher, route, topic, by }
    }

    fn person(&self, email: &str, family: &str, agrees: bool) -> ContactId {
        let address = Email::parse(email).unwrap();
        let hash = address_hash(&self.store, &address);
        let addr = i64::from_be_bytes(hash[..8].try_into().unwrap());
        let id = self
            .store
            .write(&self.by, NOW, "test.person", |tx| {
                tx.execute(
                    "INSERT INTO contacts (email, addr, search, created, changed) VALUES (?1, ?2, '', 0, 0)",
                    (email, addr),
                )?;
                let id = tx.last_insert_rowid();
                if !family.is_empty() {
                    tx.execute("INSERT INTO vals (attr, contact, v) VALUES (1, ?1, ?2)", (id, family))?;
                }
                tx.execute("INSERT INTO tagged (tag, contact) VALUES (1, ?1)", [id])?;
                Ok(ContactId(id))
            })
            .unwrap();
        if agrees {
            let said =
                Agreement { at: NOW, basis: Basis::OptIn, source: "店頭".into(), wording: "送ってよい".into() };
            consent::agree(&self.store, &self.by, NOW, (id, self.topic), &said).unwrap();
        }
        id
    }

    fn draft(&self, body: &str) -> Draft {
        let sender = Sender {
            from: "運ぶ商店 <news@news.example.jp>".into(),
            legal_name: "株式会社運ぶ商店".into(),
            postal_address: "東京都千代田区1-1".into(),
            contact: "03-0000-0000".into(),
            ..Sender::default()
        };
        let sender = match sender::list(&self.store).unwrap().first() {
            Some(profile) => profile.id,
            None => sender::create(&self.store, &self.by, NOW, &sender).unwrap(),
        };
        Draft {
            name: "秋の案内".into(),
            sender: Some(sender),
            subject: "{{ 姓 }}様へ A & B".into(),
            body: body.into(),
            ..Draft::default()
        }
    }

    fn campaign(&self, draft: &Draft) -> CampaignId {
        campaign::create(&self.store, &self.by, NOW, draft, None).unwrap()
    }

    fn start(&self, id: CampaignId) -> crate::base::ids::RunId {
        run::start(&self.store, &self.by, NOW, id, URL).unwrap()
    }

    fn lose_ledger(&self, run: crate::base::ids::RunId) {
        self.store.journal().seal(&run.to_string()).unwrap();
        std::fs::remove_file(self.dir.path().join(format!("journal/{run}.redb"))).unwrap();
    }

    fn drive(&self, id: CampaignId) -> Driven {
        self.drive_with(id, &Ear(AtomicBool::new(false)))
    }

    fn drive_with(&self, id: CampaignId, progress: &dyn Progress) -> Driven {
        let policy = Policy { connections: 2, ..Policy::default() };
        let clock: Arc<dyn Fn() -> Time + Send + Sync> = Arc::new(clock::now);
        drive(&Drive { store: &self.store, route: &self.route, policy, progress, clock }, id).unwrap()
    }

    /// Decoded: headers unfolded, bodies out of base64.
    fn mails(&self) -> Vec<(String, String)> {
        self.catcher.mails().into_iter().map(|m| (m.to[0].clone(), opened(&m.bytes))).collect()
    }

    fn check(&self, id: CampaignId) -> preflight::Report {
        let around = Around { public_url: URL, answers: None, has_relay: true };
        preflight::check(&self.store, NOW, &campaign::get(&self.store, id).unwrap(), &around).unwrap()
    }
}

/// A mail as text: each base64 body decoded in place, header words decoded.
fn opened(bytes: &[u8]) -> String {
    let mail = String::from_utf8(bytes.to_vec()).unwrap();
    let mut out = String::new();
    for block in mail.split("\r\n\r\n") {
        let packed: String = block.split("\r\n").take_while(|l| !l.starts_with("--")).collect();
        match data_encoding::BASE64.decode(packed.as_bytes()) {
            Ok(body) if !packed.is_empty() => {
                out.push_str(&String::from_utf8_lossy(&body));
                out.push_str(block.split_once("\r\n--").map_or("", |(_, rest)| rest));
            }
            _ => {
                let unfolded = block.replace("\r\n ", " ");
                out.push_str(&encodify::rfc2047::decode_text(unfolded.as_bytes(), encodify::rfc2047::utf8_charset));
            }
        }
        out.push('\n');
    }
    out
}

fn link(mail: &str, path: &str) -> String {
    let from = mail.find(&format!("{URL}/{path}/")).unwrap() + URL.len() + 3;
    mail[from..].chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

#[test]
fn a_campaign_reaches_those_who_agreed_with_their_own_fields_and_every_row_is_counted() {
    let house = House::new();
    house.person("hanako@example.jp", "山田 & 子 <b>", true);
    house.person("taro@example.jp", "", true);
    house.person("never@example.jp", "鈴木", false);
    let id = house.campaign(&house.draft("<p>{{ 姓|default('お客') }}様、{{ お名前_漢字 }}。A &amp; B</p>"));
    house.start(id);
    assert_eq!(house.drive(id), Driven::Done);
    let sums = result::sums(&house.store, id).unwrap();
    let json = serde_json::to_value(&sums).unwrap();
    assert_eq!(json["state"], "done");
    assert_eq!(
        (json["recipients"].as_u64(), json["sent"].as_u64(), json["suppressed"].as_u64()),
        (Some(3), Some(2), Some(1))
    );
    assert!(sums.counts.add_up());

    let mails = house.mails();
    let (_, hanako) = mails.iter().find(|(to, _)| to == "hanako@example.jp").unwrap();
    assert!(hanako.contains("Subject: 山田 & 子 <b>様へ A & B"), "{hanako}");
    assert!(hanako.contains("<p>山田 &amp; 子 &lt;b&gt;様、お客様。A &amp; B</p>"), "{hanako}");
    assert!(hanako.contains("山田 & 子 <b>様、お客様。A & B\r\n"), "{hanako}");
    for shown in
        ["株式会社運ぶ商店", "東京都千代田区1-1", "03-0000-0000", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    {
        assert!(hanako.contains(shown), "{shown}: {hanako}");
    }
    let (_, taro) = mails.iter().find(|(to, _)| to == "taro@example.jp").unwrap();
    assert!(taro.contains("<p>お客様、お客様。"), "{taro}");

    let page = result::recipients(&house.store, id, Some(RowState::Suppressed), None, 10).unwrap();
    assert_eq!((page[0].email.as_deref(), page[0].row.said.as_str()), (Some("never@example.jp"), "unconsented"));
    let mut csv = Vec::new();
    assert_eq!(result::csv(&house.store, id, None, &mut csv).unwrap(), 3);
}

#[test]
fn a_refusal_link_refuses_for_good_and_can_be_taken_back() {
    let house = House::new();
    let who = house.person("hanako@example.jp", "山田", true);
    let twin = house.person("Hanako@Example.jp", "別人", true);
    let id = house.campaign(&house.draft("<p>{{ 7*7 }} <a href=\"{{ 配信停止URL }}\">停止</a> {{ Web版URL }}</p>"));
    house.start(id);
    house.drive(id);
    let mail = house.mails().remove(0).1;
    assert_eq!(mail.matches("/u/").count(), 3, "header, HTML and text once each: {mail}");
    let token = link(&mail, "u");
    let page = unsubscribe::page(&house.store, &token).unwrap();
    let unsubscribe::Page::Real { refused: false, topic, sender } = page else { panic!("{page:?}") };
    assert_eq!((topic.as_str(), sender.as_str()), ("お知らせ", "株式会社運ぶ商店"));

    unsubscribe::refuse(&house.store, NOW, &token).unwrap();
    unsubscribe::refuse(&house.store, NOW, &token).unwrap();
    for contact in [who, twin] {
        assert_eq!(consent::state(&house.store, contact, house.topic).unwrap(), consent::State::Refused);
    }
    let again = campaign::copy(&house.store, &house.by, NOW, id).unwrap();
    house.start(again);
    house.drive(again);
    assert_eq!(result::sums(&house.store, again).unwrap().counts.sent, 0);
    assert_eq!(house.catcher.count(), 1);

    unsubscribe::agree_again(&house.store, Time(NOW.0 + 1), &token, "配信を再開する").unwrap();
    assert_eq!(consent::state(&house.store, who, house.topic).unwrap(), consent::State::Agreed);
    assert_eq!(unsubscribe::page(&house.store, "test").unwrap(), unsubscribe::Page::Test);
    assert!(unsubscribe::page(&house.store, &link(&mail, "m")).is_err(), "a web link refuses nothing");
    let copy = unsubscribe::web_copy(&house.store, &link(&mail, "m")).unwrap().unwrap();
    assert_eq!(copy.subject, "山田様へ A & B");
}

#[test]
fn a_refusal_between_two_attempts_stops_the_second() {
    let house = House::new();
    let who = house.person("hanako@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    let run = house.start(id);
    let later = Act::Say("450 4.2.0 later".into());
    house.catcher.rule(Rule { at: Step::Rcpt, whom: None, times: None, act: later });
    assert!(matches!(house.drive(id), Driven::Waiting(_)));
    assert_eq!(result::sums(&house.store, id).unwrap().counts.deferred, 1);
    house.catcher.clear_rules();
    let holder = links::Holder { run, contact: who, topic: house.topic };
    let link = links::Signer::new(&house.store).links(URL, &holder).unsubscribe;
    unsubscribe::refuse(&house.store, NOW, link.rsplit('/').next().unwrap()).unwrap();
    let hours_later: Arc<dyn Fn() -> Time + Send + Sync> = Arc::new(|| clock::now().plus(Duration::from_secs(7200)));
    let ear = Ear(AtomicBool::new(false));
    let (policy, progress) = (Policy::default(), &ear);
    let driven =
        drive(&Drive { store: &house.store, route: &house.route, policy, progress, clock: hours_later }, id).unwrap();
    let counts = result::sums(&house.store, id).unwrap().counts;
    assert_eq!((driven, counts.suppressed, house.catcher.count()), (Driven::Done, 1, 0), "{counts:?}");
}

#[test]
fn one_address_gets_one_mail_unless_the_campaign_says_otherwise() {
    let house = House::new();
    for family in ["山田", "山田", "山本"] {
        house.person("family@example.jp", family, true);
    }
    let silent = house.person("silent@example.jp", "沈黙", false);
    for (family, agrees) in [("石田", false), ("井上", true), ("伊藤", true), ("沈黙", false)] {
        house.person("office@example.jp", family, agrees);
    }
    assert_eq!(silent.0, 4);
    let mut draft = house.draft("<p>x</p>");
    // The check before counts whom the run then takes: of those at one address the first that may be written to, and
    // whoever stands before it; all of them where the campaign says so.
    for (every_contact, sent, suppressed) in [(false, 2, 2), (true, 5, 3)] {
        draft.options = Options { every_contact, ..Options::default() };
        let id = house.campaign(&draft);
        let totals = house.check(id).totals;
        house.start(id);
        house.drive(id);
        let counts = result::sums(&house.store, id).unwrap().counts;
        assert_eq!((counts.sent, counts.suppressed), (sent, suppressed), "{counts:?}");
        assert_eq!((totals.recipients, totals.unconsented), (sent + suppressed, suppressed), "{totals:?}");
    }
}

#[test]
fn the_number_of_a_campaign_that_is_gone_is_not_given_again() {
    let house = House::new();
    let draft = house.draft("<p>x</p>");
    let (first, second) = (house.campaign(&draft), house.campaign(&draft));
    campaign::delete(&house.store, &house.by, NOW, second).unwrap();
    let third = house.campaign(&draft);
    assert_eq!((first.0, second.0, third.0), (1, 2, 3));
    campaign::delete(&house.store, &house.by, NOW, first).unwrap();
    assert_eq!(house.campaign(&draft).0, 4);
}

#[test]
fn starting_twice_sends_once_and_what_is_started_cannot_be_changed() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let draft = house.draft("<p>x</p>");
    let id = campaign::create(&house.store, &house.by, NOW, &draft, Some("form-1")).unwrap();
    assert_eq!(campaign::create(&house.store, &house.by, NOW, &draft, Some("form-1")).unwrap(), id);
    assert_eq!(house.start(id), house.start(id));
    house.drive(id);
    assert_eq!(house.drive(id), Driven::Stopped);
    assert_eq!(house.catcher.count(), 1);
    assert_eq!(run::start(&house.store, &house.by, NOW, id, URL).unwrap_err().kind(), Kind::Conflict);
    let version = campaign::get(&house.store, id).unwrap().version;
    let edited = campaign::edit(&house.store, &house.by, NOW, id, (version, &draft));
    assert_eq!(edited.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(campaign::delete(&house.store, &house.by, NOW, id).unwrap_err().kind(), Kind::Conflict);
}

#[test]
fn the_second_editor_sees_both_versions() {
    let house = House::new();
    let id = house.campaign(&house.draft("<p>x</p>"));
    let seen = campaign::get(&house.store, id).unwrap();
    let first = Draft { subject: "先".into(), ..seen.draft.clone() };
    let second = Draft { subject: "後".into(), ..seen.draft.clone() };
    let edit = |draft| campaign::edit(&house.store, &house.by, NOW, id, (seen.version, draft)).unwrap();
    assert!(matches!(edit(&first), Edited::Saved(_)));
    let Edited::Conflict { theirs, yours } = edit(&second) else { panic!("no conflict") };
    assert_eq!((theirs.draft.subject.as_str(), yours.subject.as_str()), ("先", "後"));
    let Edited::Saved(_) = edit(&first) else { panic!("the same again is no conflict") };
}

#[test]
fn pause_resume_and_cancel_act_on_what_is_not_sent_yet() {
    let house = House::new();
    for n in 0..5 {
        house.person(&format!("a{n}@example.jp"), "山田", true);
    }
    let id = house.campaign(&house.draft("<p>x</p>"));
    house.start(id);
    run::pause(&house.store, &house.by, NOW, id).unwrap();
    assert_eq!(house.drive(id), Driven::Stopped);
    run::resume(&house.store, &house.by, NOW, id).unwrap();
    house.drive_with(id, &Ear(AtomicBool::new(true)));
    assert_eq!(run::due(&house.store, NOW, URL).unwrap(), [id], "a stopped server goes on at the next start");
    run::cancel(&house.store, &house.by, NOW, id).unwrap();
    assert_eq!(run::due(&house.store, NOW, URL).unwrap(), [id], "a cancelled run has rows to settle");
    house.drive(id);
    let sums = result::sums(&house.store, id).unwrap();
    assert_eq!((sums.state, house.catcher.count()), (State::Cancelled, 0));
    assert!(sums.counts.add_up() && sums.counts.open() == 0);
    assert!(run::due(&house.store, NOW, URL).unwrap().is_empty());
}

#[test]
fn a_refusing_relay_pauses_the_campaign_and_says_why() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    let act = Act::Say("550 5.7.1 not you".into());
    house.catcher.rule(Rule { at: Step::Mail, whom: None, times: None, act });
    house.start(id);
    assert!(matches!(house.drive(id), Driven::Paused(_)));
    let campaign = campaign::get(&house.store, id).unwrap();
    assert!(campaign.state == State::Paused && campaign.why.is_some());
    let sums = result::sums(&house.store, id).unwrap();
    assert!(sums.counts.queued == 1 && sums.why.is_some());
    let again = run::start(&house.store, &house.by, NOW, id, URL).unwrap_err();
    assert!(again.hinted().unwrap().en.contains("resume"));
    house.catcher.clear_rules();
    run::resume(&house.store, &house.by, NOW, id).unwrap();
    assert_eq!(house.drive(id), Driven::Done);
}

#[test]
fn a_lost_ledger_is_named_as_damaged_and_never_told_as_nobody() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    let run = house.start(id);
    assert_eq!(result::sums(&house.store, id).unwrap().counts.recipients, 0, "nobody is in it yet");
    house.drive(id);
    assert_eq!(result::sums(&house.store, id).unwrap().counts.sent, 1);
    house.lose_ledger(run);
    let error = result::sums(&house.store, id).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    let seen = result::glance(&house.store, id).unwrap();
    assert!(seen.counts.recipients == 0 && seen.why.is_some(), "the pages stay");
}

#[test]
fn a_missed_start_is_held_and_a_timely_one_starts() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let late = house.campaign(&house.draft("<p>x</p>"));
    let timely = house.campaign(&house.draft("<p>x</p>"));
    let broken = house.campaign(&house.draft("<p>{{ 無い }}</p>"));
    campaign::schedule(&house.store, &house.by, NOW, late, Time(NOW.0 + 1)).unwrap();
    let at = Time(NOW.0 + 3_600_000);
    campaign::schedule(&house.store, &house.by, NOW, timely, at).unwrap();
    campaign::schedule(&house.store, &house.by, NOW, broken, at).unwrap();
    assert!(campaign::schedule(&house.store, &house.by, NOW, timely, NOW).is_err());
    assert_eq!(run::due(&house.store, at, URL).unwrap(), [timely]);
    for id in [late, broken] {
        let held = campaign::get(&house.store, id).unwrap();
        assert!(held.state == State::Held && held.why.is_some());
    }
}

#[test]
fn a_run_without_its_ledger_is_damaged_and_never_sent_again() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    let run = house.start(id);
    house.store.write(&house.by, NOW, "test.lose", |tx| super::rows::runs::expanded(tx, run, 1, "x")).unwrap();
    let clock: Arc<dyn Fn() -> Time + Send + Sync> = Arc::new(clock::now);
    let progress = Ear(AtomicBool::new(false));
    let d = Drive { store: &house.store, route: &house.route, policy: Policy::default(), progress: &progress, clock };
    assert_eq!(drive(&d, id).unwrap_err().kind(), Kind::Damaged);
    assert_eq!(campaign::get(&house.store, id).unwrap().state, State::Damaged);
    assert_eq!(run::get(&house.store, run).unwrap().state, RunState::Damaged);
    assert!(run::due(&house.store, NOW, URL).unwrap().is_empty());
}

#[test]
fn a_ledger_of_no_run_is_named_and_its_number_is_not_taken_again() {
    let house = House::new();
    let stray = crate::base::ids::RunId(7);
    crate::delivery::Ledger::create(&house.store, stray).unwrap();
    assert_eq!(run::strays(&house.store).unwrap(), [stray]);
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    assert_eq!(house.start(id).0, 8);
}

#[test]
fn rows_in_doubt_wait_for_a_decision() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p>x</p>"));
    house.catcher.rule(Rule { at: Step::Dot, whom: None, times: Some(1), act: Act::KeepAndDrop });
    house.start(id);
    house.drive(id);
    let sums = result::sums(&house.store, id).unwrap();
    assert_eq!((sums.state, sums.counts.in_doubt), (State::Done, 1));
    assert_eq!(run::decide(&house.store, &house.by, NOW, id, Decision::Resend).unwrap(), 1);
    assert_eq!(run::due(&house.store, NOW, URL).unwrap(), [id]);
    assert_eq!(house.drive(id), Driven::Done);
    assert_eq!(result::sums(&house.store, id).unwrap().counts.sent, 1);
    let ids: Vec<String> =
        house.mails().iter().map(|(_, m)| m.lines().find(|l| l.contains("Message-ID")).unwrap().to_owned()).collect();
    assert_eq!(ids[0], ids[1], "a receiver can drop the double");
}

#[test]
fn the_pre_flight_names_what_would_go_wrong() {
    let house = House::new();
    let codes = |id| -> Vec<&'static str> { house.check(id).findings.iter().map(|f| f.code).collect() };
    let empty = house.campaign(&Draft { sender: None, ..house.draft("<p>{{ 無い }}</p>") });
    assert_eq!(codes(empty), ["no_recipients", "no_sender"]);
    house.person("a@example.jp", "", true);
    house.person("b@example.jp", "山田", false);
    let id = house.campaign(&house.draft("<p>{{ 姓 }}</p><a href=\"/x\">x</a>"));
    let report = house.check(id);
    assert_eq!((report.totals.recipients, report.totals.unconsented), (2, 1));
    assert!(!report.stops() && report.warns());
    assert_eq!(codes(id), ["unconsented", "empty_field", "link_relative", "footer_appended"]);
    let blank = report.findings.iter().find(|f| f.code == "empty_field").unwrap();
    assert_eq!((blank.level, blank.count), (Level::Warn, Some(1)));
    let guarded = house.campaign(&house.draft("{% if 姓 %}{{ 姓 }}{% endif %}{{ 姓|default('x') }}"));
    assert!(!codes(guarded).contains(&"empty_field") || house.draft("").subject.contains("姓"));
    for (draft, code) in [
        (house.draft("<p>{{ 無い }}</p>"), "unknown_field"),
        (house.draft("<p>{{ 姓</p>"), "template_error"),
        (Draft { segment: "tag:無い".into(), ..house.draft("x") }, "segment_error"),
        (Draft { kind: MailKind::Notice, ..house.draft("x") }, "reason_missing"),
        (house.draft(" "), "body_empty"),
    ] {
        let id = house.campaign(&draft);
        let report = house.check(id);
        assert!(report.stops() && report.findings.iter().any(|f| f.code == code), "{code}: {report:?}");
    }
    assert!(run::start(&house.store, &house.by, NOW, empty, URL).is_err());
}

#[test]
fn a_notice_reaches_people_who_refused_and_carries_no_refusal_header() {
    let house = House::new();
    let who = house.person("a@example.jp", "山田", true);
    consent::refuse(&house.store, &house.by, NOW, (who, house.topic), "電話").unwrap();
    let draft = Draft { kind: MailKind::Notice, reason: "製品の回収".into(), ..house.draft("<p>回収</p>") };
    let id = house.campaign(&draft);
    assert!(house.check(id).findings.iter().any(|f| f.code == "refused_but_reached"));
    house.start(id);
    house.drive(id);
    let mail = house.mails().remove(0).1;
    assert!(!mail.contains("List-Unsubscribe") && mail.contains("Auto-Submitted: auto-generated"), "{mail}");
    assert!(mail.contains("株式会社運ぶ商店"), "{mail}");
}

#[test]
fn a_preview_and_a_test_mail_are_what_the_recipient_would_get() {
    let house = House::new();
    house.person("first@example.jp", "一番", true);
    let second = house.person("second@example.jp", "{{ 7*7 }}", true);
    let draft = house.draft("<p>{{ 姓 }}<img src=\"logo.png\"></p>");
    let id = house.campaign(&draft);
    let mut png = &b"\x89PNG"[..];
    file::add(&house.store, &house.by, NOW, id, (NewFile { role: FileRole::Embedded, name: "logo.png" }, &mut png))
        .unwrap();
    let shown = proof::preview(&house.store, &draft, Some(id), Some(second)).unwrap();
    let html = shown.html.unwrap();
    assert!(html.contains("{{ 7*7 }}") && html.contains("data:image/png;base64,iVBORw=="), "{html}");
    assert!(proof::preview(&house.store, &draft, Some(id), None).unwrap().subject.starts_with("一番様"));

    let campaign = campaign::get(&house.store, id).unwrap();
    let one = TestTo::These(vec![Email::parse("me@example.jp").unwrap()]);
    proof::test(&house.store, &house.route, NOW, (&campaign, URL), (&one, Some(second))).unwrap();
    let group = TestTo::Group("会員".into());
    assert_eq!(proof::test(&house.store, &house.route, NOW, (&campaign, URL), (&group, None)).unwrap().sent, 2);
    let mails = house.mails();
    assert_eq!((mails.len(), mails[0].0.as_str()), (3, "me@example.jp"));
    assert!(mails[0].1.contains("Subject: 【テスト】{{ 7*7 }}様へ"), "{}", mails[0].1);
    assert!(mails[0].1.contains(&format!("{URL}/u/test")) && mails[0].1.contains("Content-ID: <"), "{}", mails[0].1);
    assert_eq!(result::sums(&house.store, id).unwrap().counts.recipients, 0);
}

#[test]
fn a_file_that_a_sent_mail_uses_stays_and_a_copy_has_its_own() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    let id = house.campaign(&house.draft("<p><img src='cid:logo.png'></p>"));
    let add = |id, role, name, mut bytes: &[u8]| {
        file::add(&house.store, &house.by, NOW, id, (NewFile { role, name }, &mut bytes))
    };
    let logo = add(id, FileRole::Hosted, "logo.png", b"\x89PNG").unwrap();
    add(id, FileRole::Attachment, "../案内.pdf", b"%PDF").unwrap();
    assert!(add(id, FileRole::Embedded, "x.pdf", b"%PDF").is_err());
    let huge = vec![0; (crate::base::limits::FILES_MAX + 1) as usize];
    assert!(add(id, FileRole::Attachment, "big.bin", &huge).is_err());
    house.start(id);
    house.drive(id);
    let mail = house.mails().remove(0).1;
    assert!(mail.contains(&format!("{URL}/i/{}.png", logo.token)), "{mail}");
    assert!(mail.contains("filename*0*=UTF-8''%E6%A1%88%E5%86%85.pdf"), "{mail}");
    assert_eq!(file::remove(&house.store, &house.by, NOW, id, "logo.png").unwrap_err().kind(), Kind::Conflict);
    let copy = campaign::copy(&house.store, &house.by, NOW, id).unwrap();
    file::remove(&house.store, &house.by, NOW, copy, "logo.png").unwrap();
    assert!(file::public(&house.store, &logo.token).is_ok(), "the first campaign still needs it");
    let pdf = file::list(&house.store, id).unwrap().into_iter().find(|f| f.role == FileRole::Attachment).unwrap();
    assert!(file::public(&house.store, &pdf.token).is_err(), "attachments are not public");
}

#[test]
fn formats_are_all_sent_and_text_alone_has_no_html() {
    let house = House::new();
    house.person("a@example.jp", "山田", true);
    for (format, body) in [
        (Format::Text, "{{ 姓 }}様 A & B"),
        (Format::Markdown, "# {{ 姓 }}様\n\nA & B"),
        (
            Format::Mjml,
            "<mjml><mj-body><mj-section><mj-column><mj-text>{{ 姓 }}様 A &amp; B</mj-text></mj-column></mj-section></mj-body></mjml>",
        ),
    ] {
        let id = house.campaign(&Draft { format, ..house.draft(body) });
        house.start(id);
        house.drive(id);
        let mail = house.mails().pop().unwrap().1;
        assert!(mail.contains("山田様") && mail.contains("A & B"), "{mail}");
        assert_eq!(mail.contains("text/html"), format != Format::Text);
    }
}
