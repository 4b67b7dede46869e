//! Access lines on their way to the worker: kept without waiting, counted when there is no room, handed on in batches
//! by a thread of their own, since whoever takes them may have to wait for a socket. It looks by itself now and then: to
//! be woken for every line would cost more than the line.

use super::Outlet;
use crate::base::link::AccessLine;
use crate::base::{Error, Result, limits};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Whoever may write lines; when the last one has gone, the thread hands on what there is and ends.
#[derive(Clone)]
pub(crate) struct Access(Arc<Pen>);

struct Pen(Arc<Book>);

#[derive(Default)]
struct Book {
    kept: Mutex<Kept>,
    bell: Condvar,
}

#[derive(Default)]
struct Kept {
    lines: Vec<AccessLine>,
    dropped: u64,
    over: bool,
}

impl Access {
    pub(crate) fn start(to: Arc<dyn Outlet>) -> Result<(Access, JoinHandle<()>)> {
        let book = Arc::new(Book::default());
        let reading = Arc::clone(&book);
        let thread = std::thread::Builder::new().name("access".into()).spawn(move || carry(&reading, &*to));
        let thread = thread.map_err(|e| Error::bug(format!("no thread for access lines: {e}")))?;
        Ok((Access(Arc::new(Pen(book))), thread))
    }

    pub(crate) fn note(&self, line: AccessLine) {
        let book = &self.0.0;
        let mut kept = book.kept();
        if kept.lines.len() >= limits::ACCESS_QUEUE {
            kept.dropped += 1;
            return;
        }
        kept.lines.push(line);
        if kept.lines.len() == limits::ACCESS_BATCH {
            book.bell.notify_one();
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.0.0.kept().dropped
    }
}

impl Book {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        self.0.kept().over = true;
        self.0.bell.notify_one();
    }
}

fn carry(book: &Book, to: &dyn Outlet) {
    loop {
        let waits = |kept: &mut Kept| !kept.over && kept.lines.len() < limits::ACCESS_BATCH;
        let waited = book.bell.wait_timeout_while(book.kept(), limits::ACCESS_EVERY, waits);
        let (mut kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let (lines, over) = (std::mem::take(&mut kept.lines), kept.over);
        drop(kept);
        if !lines.is_empty() {
            to.access(lines);
        }
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::link::Surface;
    use std::sync::{Condvar, Mutex};

    #[derive(Default)]
    struct Slow {
        may_go_on: Mutex<bool>,
        bell: Condvar,
        got: Mutex<usize>,
    }

    impl Outlet for Slow {
        fn access(&self, lines: Vec<AccessLine>) {
            let held = self.may_go_on.lock().unwrap();
            drop(self.bell.wait_while(held, |go| !*go).unwrap());
            *self.got.lock().unwrap() += lines.len();
        }

        fn fault(&self, _: &Error) {}
    }

    #[test]
    fn what_finds_no_room_is_counted_and_nobody_waits() {
        let outlet = Arc::new(Slow::default());
        let (access, thread) = Access::start(Arc::clone(&outlet) as Arc<dyn Outlet>).unwrap();
        let line = AccessLine {
            at: 0,
            id: String::new(),
            surface: Surface::Public,
            from: [127, 0, 0, 1].into(),
            method: "GET".into(),
            path: "/".into(),
            status: 200,
            bytes: 0,
            ms: 0,
            held_ms: 0,
        };
        let sent = 2 * limits::ACCESS_QUEUE + 1;
        for _ in 0..sent {
            access.note(line.clone());
        }
        let dropped = access.dropped() as usize;
        assert!(dropped > 0);
        *outlet.may_go_on.lock().unwrap() = true;
        outlet.bell.notify_all();
        drop(access);
        thread.join().unwrap();
        assert_eq!(*outlet.got.lock().unwrap() + dropped, sent);
    }
}
