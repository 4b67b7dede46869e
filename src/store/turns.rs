//! A lock whose waiters are served in the order they came. The standard mutex lets a busy thread come back before
//! those who wait, so one importer could keep everybody else out.

use crate::base::{Error, Result};
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread, ThreadId};

pub(super) struct Turns<T> {
    line: Mutex<Line>,
    inner: Mutex<T>,
}

#[derive(Default)]
struct Line {
    holder: Option<ThreadId>,
    waiting: VecDeque<(Thread, Arc<AtomicBool>)>,
}

pub(super) struct Turn<'a, T> {
    turns: &'a Turns<T>,
    inner: Option<MutexGuard<'a, T>>,
}

impl<T> Turns<T> {
    pub(super) fn new(inner: T) -> Turns<T> {
        Turns { line: Mutex::default(), inner: Mutex::new(inner) }
    }

    /// Waits in line. A thread that has its turn already is refused, where a mutex would hang.
    pub(super) fn take(&self) -> Result<Turn<'_, T>> {
        let me = thread::current();
        let mut line = lock(&self.line);
        match line.holder {
            None => line.holder = Some(me.id()),
            Some(holder) if holder == me.id() => return Err(Error::bug("a write inside a write")),
            Some(_) => {
                let mine = Arc::new(AtomicBool::new(false));
                line.waiting.push_back((me, Arc::clone(&mine)));
                drop(line);
                while !mine.load(Ordering::Acquire) {
                    thread::park();
                }
                return Ok(Turn { turns: self, inner: Some(lock(&self.inner)) });
            }
        }
        drop(line);
        Ok(Turn { turns: self, inner: Some(lock(&self.inner)) })
    }
}

#[cfg(test)]
impl<T> Turns<T> {
    pub(super) fn in_line(&self) -> usize {
        lock(&self.line).waiting.len()
    }
}

impl<T> Turn<'_, T> {
    pub(super) fn others_wait(&self) -> bool {
        !lock(&self.turns.line).waiting.is_empty()
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.inner = None;
        let mut line = lock(&self.turns.line);
        let next = line.waiting.pop_front();
        line.holder = next.as_ref().map(|(thread, _)| thread.id());
        drop(line);
        if let Some((thread, its)) = next {
            its.store(true, Ordering::Release);
            thread.unpark();
        }
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
            None => unreachable!("held until dropped"),
        }
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.inner {
            Some(inner) => inner,
            None => unreachable!("held until dropped"),
        }
    }
}

pub(super) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_served_in_the_order_they_came() {
        let turns = Turns::new(Vec::new());
        let first = turns.take().unwrap();
        std::thread::scope(|s| {
            for n in 0..8 {
                let turns = &turns;
                s.spawn(move || turns.take().unwrap().push(n));
                while turns.in_line() <= n {
                    std::thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(*turns.take().unwrap(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_second_turn_in_the_same_thread_is_refused_instead_of_hanging() {
        let turns = Turns::new(());
        let held = turns.take().unwrap();
        assert!(turns.take().is_err());
        drop(held);
        assert!(turns.take().is_ok());
    }
}
