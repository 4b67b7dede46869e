use super::*;
use crate::base::{By, Lang, Time, limits, seal::Key};
use crate::store::Store;
use std::time::Duration;

const GOOD: &str = "tsukue mado neko yama";

fn house() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _code) = Store::create(dir.path(), &Key::new([1; 32]), &[SCHEMA]).unwrap();
    (dir, store)
}

fn by() -> By {
    By::house("test")
}

fn add(store: &Store, name: &str, role: Role, password: Option<&str>) -> User {
    let email = Email::parse(&format!("{name}@example.jp")).unwrap();
    let new = NewUser { email, name: name.into(), role, lang: Lang::Ja };
    let secret = password.map(Secret::new);
    let id = user::add(store, &by(), Time(1), &new, secret.as_ref()).unwrap();
    user::get(store, id).unwrap()
}

fn attempt(store: &Store, now: Time, email: &str, password: &str) -> Result<(Session, Secret)> {
    sign_in(store, now, &Attempt { email, password: &Secret::new(password), from: "127.0.0.1", agent: "test" })
}

#[test]
fn who_is_unknown_wrong_or_suspended_hears_the_same_sentence() {
    let (_dir, store) = house();
    add(&store, "admin", Role::Admin, Some(GOOD));
    let gone = add(&store, "gone", Role::Staff, Some(GOOD));
    user::suspend(&store, &by(), Time(2), gone.id).unwrap();
    let said: Vec<String> = ["admin@example.jp", "nobody@example.jp", "not an address"]
        .into_iter()
        .map(|who| attempt(&store, Time(3), who, "some wrong password").unwrap_err().says().ja.clone())
        .chain([attempt(&store, Time(3), "gone@example.jp", GOOD).unwrap_err().says().ja.clone()])
        .collect();
    assert!(said.windows(2).all(|w| w[0] == w[1]), "{said:?}");
    assert!(attempt(&store, Time(4), "ADMIN@Example.jp", GOOD).is_ok());
}

#[test]
fn guessing_is_slowed_down_the_right_password_too_until_the_wait_is_over() {
    let (_dir, store) = house();
    add(&store, "admin", Role::Admin, Some(GOOD));
    for n in 0..i64::from(limits::GUESSES_FREE_ACCOUNT) {
        let refused = attempt(&store, Time(n), "admin@example.jp", "some wrong password").unwrap_err();
        assert_eq!(refused.kind(), crate::base::Kind::Denied);
    }
    let lines = store.audit(0, 1000).unwrap().len();
    let wait = attempt(&store, Time(9), "admin@example.jp", GOOD).unwrap_err();
    assert_eq!(wait.kind(), crate::base::Kind::Later);
    assert_eq!(store.audit(0, 1000).unwrap().len(), lines, "a blocked attempt writes nothing");
    let later = Time(9).plus(limits::GUESS_WAIT);
    assert!(attempt(&store, later, "admin@example.jp", GOOD).is_ok());
    assert!(attempt(&store, later, "admin@example.jp", "some wrong password").is_err(), "the count starts again");
    assert!(attempt(&store, later, "admin@example.jp", GOOD).is_ok());
}

#[test]
fn a_session_lasts_until_it_is_idle_ended_or_its_user_suspended() {
    let (_dir, store) = house();
    let (admin, staff) = (add(&store, "admin", Role::Admin, Some(GOOD)), add(&store, "s", Role::Staff, Some(GOOD)));
    let (one, token) = session::open(&store, Time(1), &admin, "Firefox").unwrap();
    let (two, other) = session::open(&store, Time(1), &admin, "curl").unwrap();
    assert_ne!(one.csrf, two.csrf);
    assert!(session::of(&store, Time(2), &token).unwrap().unwrap().csrf_fits(&one.csrf));
    assert!(session::of(&store, Time(2), &Secret::new("made up")).unwrap().is_none());
    assert_eq!(session::end_others(&store, &one.by(), Time(3), admin.id, one.n).unwrap(), 1);
    assert!(session::of(&store, Time(4), &other).unwrap().is_none());
    let idle = Time(1).plus(limits::SESSION_IDLE + Duration::from_secs(1));
    assert!(session::of(&store, idle, &token).unwrap().is_none());
    let (_, token) = session::open(&store, Time(5), &staff, "x").unwrap();
    user::suspend(&store, &by(), Time(6), staff.id).unwrap();
    user::resume(&store, &by(), Time(7), staff.id).unwrap();
    assert!(session::of(&store, Time(8), &token).unwrap().is_none(), "a suspension ends sessions for good");
}

#[test]
fn the_last_admin_stays_one() {
    let (_dir, store) = house();
    let first = add(&store, "first", Role::Admin, Some(GOOD));
    let invited = add(&store, "invited", Role::Admin, None);
    assert!(user::suspend(&store, &by(), Time(2), first.id).is_err(), "an invited admin cannot sign in yet");
    assert!(user::change(&store, &by(), Time(2), first.id, ("first", Role::Viewer)).is_err());
    user::suspend(&store, &by(), Time(2), invited.id).unwrap();
    add(&store, "second", Role::Admin, Some(GOOD));
    user::suspend(&store, &by(), Time(3), first.id).unwrap();
}

#[test]
fn a_link_sets_a_password_once_and_in_time() {
    let (_dir, store) = house();
    let new = add(&store, "new", Role::Staff, None);
    let make = |now| link::make(&store, &by(), now, (LinkKind::Invite, new.id), link::Life::ONCE).unwrap();
    let (late, token) = (make(Time(1)), make(Time(1)));
    let after = Time(1).plus(limits::LINK_LIFE);
    assert!(link::set_password(&store, after, &late, &Secret::new(GOOD)).is_err());
    assert!(link::set_password(&store, Time(2), &token, &Secret::new("short")).is_err());
    assert!(link::enter(&store, Time(2), &token).is_err(), "an invitation signs nobody in without a password");
    link::set_password(&store, Time(2), &token, &Secret::new(GOOD)).unwrap();
    assert!(link::set_password(&store, Time(3), &token, &Secret::new(GOOD)).is_err(), "used");
    assert!(attempt(&store, Time(4), "new@example.jp", GOOD).is_ok());
}

#[test]
fn an_api_token_has_no_more_rights_than_its_owner_has_now() {
    let (_dir, store) = house();
    let admin = add(&store, "admin", Role::Admin, Some(GOOD));
    add(&store, "other", Role::Admin, Some(GOOD));
    let staff = add(&store, "staff", Role::Staff, Some(GOOD));
    assert!(token::make(&store, &by(), Time(1), staff.id, ("x", &[Right::Export])).is_err());
    assert!(token::make(&store, &by(), Time(1), admin.id, ("x", &[Right::Users])).is_err());
    let (id, secret) = token::make(&store, &by(), Time(1), admin.id, ("x", &[Right::View, Right::Export])).unwrap();
    let found = token::of(&store, Time(2), &secret).unwrap().unwrap();
    assert!(found.id == id && found.may(Right::Export) && !found.may(Right::Send));
    user::change(&store, &by(), Time(3), admin.id, ("admin", Role::Staff)).unwrap();
    assert!(token::of(&store, Time(4), &secret).unwrap().is_none());
    token::revoke(&store, &by(), Time(5), id).unwrap();
    assert!(token::revoke(&store, &by(), Time(6), id).is_err());
}

#[test]
fn no_secret_lies_readable_in_the_books() {
    let (dir, store) = house();
    let admin = add(&store, "admin", Role::Admin, Some(GOOD));
    let (_, session) = session::open(&store, Time(1), &admin, "x").unwrap();
    let (_, api) = token::make(&store, &by(), Time(1), admin.id, ("x", &[Right::View])).unwrap();
    let held: String = store
        .read(|c| {
            let mut all = String::new();
            for table in ["users", "sessions", "api_tokens", "links"] {
                let mut q = c.prepare(&format!("SELECT * FROM {table}"))?;
                let n = q.column_count();
                let mut rows = q.query([])?;
                while let Some(row) = rows.next()? {
                    (0..n).for_each(|i| all.push_str(&format!("{:?} ", row.get_ref(i))));
                }
            }
            Ok(all)
        })
        .unwrap();
    for secret in [GOOD, session.text().unwrap(), api.text().unwrap()] {
        assert!(!held.contains(secret));
    }
    assert!(store.audit(0, 100).unwrap().iter().all(|l| !l.about.contains("example.jp")));
    drop(dir);
}
