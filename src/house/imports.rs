//! Files that wait to be imported between the steps of the pages, and imports that run behind the pages.
//!
//! A file lies in the sealed spool and its key in this memory: when the process ends, both are gone. What an import
//! had done by then stands in the books, and can be undone or completed.

use super::House;
use crate::base::spool::Reader;
use crate::base::{By, Error, Progress, Result, Time, limits, seal};
use crate::contacts::import::{self, Hints, Order, Report, Source};
use data_encoding::HEXLOWER;
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Desk(Mutex<HashMap<String, Waiting>>);

/// A file between being handed in and being forgotten.
pub struct Waiting {
    by: By,
    at: Time,
    /// `None` while (and after) the import runs.
    pub source: Option<Source>,
    pub order: Order,
    /// What a dry run of this order came to.
    pub dry: Option<Report>,
    pub state: State,
    pub meter: Arc<Meter>,
    errors: Option<Reader>,
}

pub enum State {
    Waiting,
    Running,
    Done(Box<Report>),
    Failed(Error),
}

/// How far an import is, and whether it shall stop.
#[derive(Default)]
pub struct Meter {
    pub done: AtomicU64,
    pub total: AtomicU64,
    pub stop: AtomicBool,
}

struct Watched<'a> {
    meter: &'a Meter,
    house: &'a House,
}

impl Progress for Watched<'_> {
    fn tell(&self, done: u64, total: u64) {
        self.meter.done.store(done, Ordering::Relaxed);
        self.meter.total.store(total, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.meter.stop.load(Ordering::Relaxed) || self.house.is_ending()
    }
}

impl Desk {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a file under a name that cannot be guessed. Files that were left are forgotten.
    pub fn put(&self, by: &By, now: Time, source: Source) -> Result<String> {
        let id = HEXLOWER.encode(&seal::random::<12>()?);
        let mut all = self.all();
        all.retain(|_, w| matches!(w.state, State::Running) || now.since(w.at) < limits::DESK_LIFE);
        if all.len() >= limits::DESK_MAX {
            return Err(Error::later(say!(
                "取り込みを待つファイルが多すぎます。",
                "Too many files are waiting to be imported."
            ))
            .hint(say!(
                "ほかの取り込みが終わってから、もう一度お試しください。",
                "Try again when other imports have ended."
            )));
        }
        let waiting = Waiting {
            by: by.clone(),
            at: now,
            source: Some(source),
            order: Order::default(),
            dry: None,
            state: State::Waiting,
            meter: Arc::default(),
            errors: None,
        };
        all.insert(id.clone(), waiting);
        Ok(id)
    }

    /// Looks at a file; only whoever handed it in finds it.
    pub fn with<T>(&self, by: &By, id: &str, f: impl FnOnce(&mut Waiting) -> Result<T>) -> Result<T> {
        let mut all = self.all();
        let waiting = all.get_mut(id).filter(|w| w.by == *by).ok_or_else(gone)?;
        f(waiting)
    }

    /// Takes the file for a while, so that long work does not hold the desk.
    fn take(&self, by: &By, id: &str) -> Result<(Source, Order, Arc<Meter>)> {
        self.with(by, id, |w| {
            let source = w.source.take().ok_or_else(at_work)?;
            Ok((source, w.order.clone(), Arc::clone(&w.meter)))
        })
    }

    fn put_back(&self, by: &By, id: &str, change: impl FnOnce(&mut Waiting)) {
        // Whoever was forgotten meanwhile needs nothing back.
        self.with(by, id, |w| {
            change(w);
            Ok(())
        })
        .ok();
    }

    pub fn forget(&self, by: &By, id: &str) {
        let mut all = self.all();
        if all.get(id).is_some_and(|w| w.by == *by && !matches!(w.state, State::Running)) {
            all.remove(id);
        }
    }
}

impl House {
    /// Takes a file in, to wait between the steps of the pages.
    pub fn take_import(&self, by: &By, now: Time, input: impl Read) -> Result<String> {
        let watched = Watched { meter: &Meter::default(), house: self };
        let source = Source::open(&self.store, input, &Hints::default(), &watched)?;
        self.imports.put(by, now, source)
    }

    /// Long work on a waiting file, without holding the desk.
    pub fn with_source<T>(&self, by: &By, id: &str, f: impl FnOnce(&mut Source) -> Result<T>) -> Result<T> {
        let (mut source, _, _) = self.imports.take(by, id)?;
        let outcome = f(&mut source);
        self.imports.put_back(by, id, |w| w.source = Some(source));
        outcome
    }

    /// Counts what the order would do, and keeps the counts.
    pub fn rehearse_import(&self, by: &By, now: Time, id: &str) -> Result<()> {
        let (mut source, order, meter) = self.imports.take(by, id)?;
        let watched = Watched { meter: &meter, house: self };
        let report = import::dry_run(&self.store, now, &mut source, &order, &watched);
        self.imports.put_back(by, id, |w| w.source = Some(source));
        let report = report?;
        self.imports.with(by, id, |w| {
            w.dry = Some(report);
            Ok(())
        })
    }

    /// Imports in a thread of its own; the desk tells how far it is.
    pub fn start_import(self: &Arc<House>, by: &By, now: Time, id: &str) -> Result<()> {
        let (mut source, order, meter) = self.imports.take(by, id)?;
        let errors = self.store.blobs().spool()?;
        self.imports.with(by, id, |w| {
            w.state = State::Running;
            Ok(())
        })?;
        let (house, by, id) = (Arc::clone(self), by.clone(), id.to_owned());
        let work = move || {
            let mut errors = errors;
            let order = Order { confirmed: true, ..order };
            let watched = Watched { meter: &meter, house: &house };
            let outcome = import::run(&house.store, (&by, now), &mut source, &order, &watched, &mut errors);
            let errors = errors.into_reader().ok();
            house.imports.put_back(&by, &id, |w| {
                w.errors = errors;
                w.state = outcome.map_or_else(State::Failed, |report| State::Done(Box::new(report)));
            });
        };
        std::thread::Builder::new()
            .name("import".to_owned())
            .spawn(work)
            .map(|_| ())
            .map_err(|e| Error::io(say!("取り込みを始められません。", "Cannot start the import."), e))
    }

    /// The rejected rows of an import that has ended: a copy, so that it can be taken more than once.
    pub fn import_errors(&self, by: &By, id: &str) -> Result<Reader> {
        let mut copy = self.store.blobs().spool()?;
        self.imports.with(by, id, |w| {
            let errors = w.errors.as_mut().ok_or_else(gone)?;
            errors.seek(SeekFrom::Start(0)).and_then(|_| std::io::copy(errors, &mut copy)).map_err(Error::bug)
        })?;
        copy.into_reader()
    }
}

fn gone() -> Error {
    Error::missing(say!("このファイルはもうありません。", "This file is not here any more."))
        .hint(say!("もう一度選んでください。", "Choose it again."))
}

fn at_work() -> Error {
    Error::conflict(say!("このファイルの処理はすでに始まっています。", "Work on this file has begun already."))
}
