//! The house: one data folder, opened once, with every room wired to it.
//!
//! It knows the boot settings (`boot`), where the root key comes from, the first run (`setup`), and how a request
//! from the command line is answered (`ask`), whether it came from the same process or over the control socket.
//! It decides nothing that one room can decide alone.
//!
//! Reading order: `boot`, `setup`, this file, `ask`, `wire`.
//!
//! **Invariant:** whoever has a `House` holds `house.lock`, or its door does; there is never a second one on the same
//! data (`worker.lock`, which the store takes).
//! **Invariant:** the root key is never written into the data folder.

mod access_log;
mod alarm;
pub mod ask;
pub mod boot;
pub mod doctor;
mod domains;
pub mod due;
mod health;
pub mod imports;
mod inbound;
pub mod messages;
#[cfg(test)]
mod migrations;
pub mod notices;
pub mod reach;
mod recovery;
mod running;
pub mod sample;
pub mod send;
pub mod setup;
pub mod trial;
pub mod updates;
pub mod wire;

pub use boot::Boot;
use reach::Reach;
use running::Running;

use crate::alarm::door_key;
use crate::base::link::{DoorFacts, Mouth, ToDoor, TrialOrder};
use crate::base::names::Names;
use crate::base::provider::Phrase;
use crate::base::seal::Key;
use crate::base::{Build, By, Error, Kind, Lock, Result, Secret, Time, limits};
use crate::contacts::import;
use crate::delivery::Routes;
use crate::delivery::catcher::Catcher;
use crate::store::{Schema, Store};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Every room's tables, in the order in which they are made.
pub const SCHEMAS: &[Schema] = &[
    crate::access::SCHEMA,
    crate::contacts::SCHEMA,
    crate::delivery::SCHEMA,
    crate::campaigns::SCHEMA,
    crate::update::notice::SCHEMA,
    crate::update::SCHEMA,
];

/// These, and what a build has beyond them.
fn schemas(build: Build) -> Vec<Schema> {
    let more = build.more_tables.iter().map(|(room, steps)| Schema { room, steps });
    SCHEMAS.iter().copied().chain(more).collect()
}

pub struct House {
    pub store: Store,
    pub boot: Boot,
    pub build: Build,
    /// What DNS publishes, for mail.
    pub names: Names,
    data: PathBuf,
    serving: AtomicBool,
    ending: AtomicBool,
    running: Running,
    reach: Reach,
    routes: Routes,
    pub messages: messages::Desk,
    watch: domains::Watch,
    pub imports: imports::Desk,
    pub updates: updates::Desk,
    pub notices: notices::Desk,
    inbound: inbound::Desk,
    bell: (Mutex<bool>, Condvar),
    catcher: OnceLock<Catcher>,
    door: Mutex<DoorFacts>,
    link: OnceLock<Arc<Mouth>>,
    /// All that is kept of the root key: what the alarm's settings are sealed with.
    door_key: Mutex<Key>,
    _lock: Option<Lock>,
}

impl House {
    /// Opens the house. Somebody else's lock is `Kind::Later`, a folder without a house `Kind::NotSetUp`.
    pub fn open(data: &Path, phrase: &Phrase, build: Build, now: Time) -> Result<House> {
        House::open_if_free(data, phrase, build, now)?.ok_or_else(in_use)
    }

    /// As `open`, but `None` when somebody else runs the house.
    pub fn open_if_free(data: &Path, phrase: &Phrase, build: Build, now: Time) -> Result<Option<House>> {
        let boot = Boot::read(data)?;
        let Some(lock) = Lock::take(data, Lock::HOUSE)? else { return Ok(None) };
        crate::base::files::refuse_as_root(data)?;
        let root = boot.key.root_key(data, phrase)?;
        House::open_with((boot, build), data, &root, now, Some(lock)).map(Some)
    }

    /// A copy of a house, for trying things on it; its key is handed over, never asked for.
    pub fn open_copy(copy: &Path, root: &Key, build: Build) -> Result<House> {
        let boot = Boot::read(copy)?;
        let lock = Lock::take(copy, Lock::HOUSE)?.ok_or_else(in_use)?;
        let store = Store::open_snapshot(copy, root, &schemas(build))?;
        Ok(House::with(store, boot, build, copy, (Some(lock), door_key(root))))
    }

    /// For a worker, whose door holds `house.lock`.
    pub fn open_behind((boot, build): (Boot, Build), data: &Path, root: &Key, now: Time) -> Result<House> {
        House::open_with((boot, build), data, root, now, None)
    }

    fn open_with(
        (boot, build): (Boot, Build),
        data: &Path,
        root: &Key,
        now: Time,
        lock: Option<Lock>,
    ) -> Result<House> {
        let store = open_store(data, root, build)?;
        // Whoever was at work when the last process ended is at work no more.
        import::mark_stopped(&store, &By::house("open"), now)?;
        let house = House::with(store, boot, build, data, (lock, door_key(root)));
        // A disk that is full must not keep a house shut; the doctor says that the copy is not right.
        house.keep_alarm().ok();
        Ok(house)
    }

    fn with(store: Store, boot: Boot, build: Build, data: &Path, (lock, door_key): (Option<Lock>, Key)) -> House {
        let names = Names::new(&boot.mail.dns);
        House {
            store,
            routes: Routes::new(names.clone()),
            messages: messages::Desk::default(),
            names,
            boot,
            build,
            data: data.to_owned(),
            serving: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            running: Running::default(),
            reach: Reach::default(),
            watch: domains::Watch::default(),
            imports: imports::Desk::default(),
            updates: updates::Desk::default(),
            notices: notices::Desk::default(),
            inbound: inbound::Desk::default(),
            bell: (Mutex::new(false), Condvar::new()),
            catcher: OnceLock::new(),
            door: Mutex::default(),
            link: OnceLock::new(),
            door_key: Mutex::new(door_key),
            _lock: lock,
        }
    }

    fn door_key(&self) -> Key {
        self.door_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The root key has changed, and so has what is derived from it.
    fn take_root(&self, root: &Key) {
        *self.door_key.lock().unwrap_or_else(PoisonError::into_inner) = door_key(root);
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What the door last said of itself; nothing where there is none (a lone command).
    pub fn door(&self) -> DoorFacts {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_door(&self, facts: DoorFacts) {
        *self.door.lock().unwrap_or_else(PoisonError::into_inner) = facts;
    }

    /// Whom a release that is ready is told to.
    pub(crate) fn set_link(&self, to_door: Arc<Mouth>) {
        // A house has one door for its life.
        self.link.set(to_door).ok();
    }

    /// Hands a release that is ready to the door, which tries it.
    pub fn offer(&self, order: TrialOrder) -> Result<()> {
        let door = self.link.get().ok_or_else(nobody_serves)?;
        door.say(&ToDoor::Trial { order }).map_err(|_| nobody_serves())
    }

    /// Where mail goes in a house to look around in; nowhere else is there one.
    pub fn catcher(&self) -> Option<&Catcher> {
        self.catcher.get()
    }

    pub(crate) fn set_catcher(&self, catcher: Catcher) {
        // A house has one for its life; a second one is dropped.
        self.catcher.set(catcher).ok();
    }

    /// Where a one-time link is opened: not on the public surface, if that has a listener of its own.
    pub fn link(&self, secret: &Secret) -> String {
        let door = self.door();
        let base = if door.public_listener { door.admin.trim_end_matches('/') } else { &self.boot.public_url };
        format!("{base}/link/{}", secret.text().unwrap_or_default())
    }

    /// A server runs in this process: clock and campaigns go on after the answer.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    pub fn set_serving(&self) {
        self.serving.store(true, Ordering::Release);
    }

    /// The process ends: what runs in the background stops at its next step and is waited for.
    pub fn wind_down(&self) {
        self.ending.store(true, Ordering::Release);
        self.ring();
    }

    /// Wakes the clock before its next tick, because something is due now.
    pub fn ring(&self) {
        *self.bell.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.1.notify_all();
    }

    /// For the clock: until somebody rings, or `most` has passed.
    pub fn await_bell(&self, most: Duration) {
        let rung = self.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) =
            self.bell.1.wait_timeout_while(rung, most, |rung| !*rung).unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}

/// A worker whose door has died may be closing its stores still.
fn open_store(data: &Path, root: &Key, build: Build) -> Result<Store> {
    let schemas = schemas(build);
    let since = Instant::now();
    loop {
        match Store::open(data, root, &schemas) {
            Err(e) if e.kind() == Kind::Later && since.elapsed() < limits::ORPHAN_WAIT => {
                std::thread::park_timeout(limits::PROGRESS_EVERY);
            }
            outcome => return outcome,
        }
    }
}

pub fn in_use() -> Error {
    Error::later(say!("このデータフォルダーは使用中です。", "This data folder is in use.")).hint(say!(
        "動いている hakobu を止めるか、しばらく待ってから実行してください。",
        "Stop the hakobu that is running, or wait and try again."
    ))
}

/// An update exchanges what runs; where nothing runs there is nothing to exchange.
pub fn nobody_serves() -> Error {
    Error::new(
        Kind::Conflict,
        say!("サーバーが動いていないため、更新を試せません。", "Nothing runs here, so no release can be tried."),
    )
    .hint(say!(
        "hakobu serve を動かしてから実行してください。止まっている間は、新しいプログラムで起動するだけで済みます。",
        "Start hakobu serve first. While nothing runs, starting with the new program is all it takes."
    ))
}
