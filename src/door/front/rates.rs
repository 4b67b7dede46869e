//! Requests per second by address or by token, in memory that never grows: a table of sets of four buckets. Pure but
//! for its locks; the time is an argument.

use crate::base::limits;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    key: u64,
    left: f32,
    /// Milliseconds since the table was made.
    at: u64,
}

impl Bucket {
    fn filled(&self, rate: Rate, now: u64) -> f32 {
        let since = now.saturating_sub(self.at) as f32 / 1000.0;
        (self.left + since * rate.per_second as f32).min(rate.burst as f32)
    }
}

pub(crate) struct Rates {
    rate: Rate,
    keyed: RandomState,
    sets: Vec<Mutex<[Bucket; 4]>>,
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Rates {
        Rates { rate, keyed: RandomState::new(), sets: (0..limits::RATE_SETS).map(|_| Mutex::default()).collect() }
    }

    /// `Err` with the seconds to wait when there were too many.
    pub(crate) fn take(&self, whose: &impl Hash, now: u64) -> Result<(), u32> {
        // Zero marks a bucket that was never used.
        let key = self.keyed.hash_one(whose) | 1;
        let set = &self.sets[(key >> 32) as usize % self.sets.len()];
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = find(&mut set, key, self.rate, now) else { return Ok(()) };
        bucket.left = bucket.filled(self.rate, now);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err((((1.0 - bucket.left) / self.rate.per_second.max(1) as f32).ceil() as u32).max(1))
    }
}

/// The key's own bucket, or the one whose owner asked least, emptied for the key.
fn find(set: &mut [Bucket; 4], key: u64, rate: Rate, now: u64) -> Option<&mut Bucket> {
    if let Some(at) = set.iter().position(|b| b.key == key) {
        return Some(&mut set[at]);
    }
    let worth = |b: &Bucket| if b.key == 0 { f32::MAX } else { b.filled(rate, now) };
    let calmest = set.iter_mut().max_by(|a, b| worth(a).total_cmp(&worth(b)))?;
    *calmest = Bucket { key, left: rate.burst as f32, at: now };
    Some(calmest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let rates = Rates::new(RATE);
        assert_eq!((0..30).filter(|_| rates.take(&"a", 0).is_ok()).count(), 20);
        assert_eq!(rates.take(&"a", 0), Err(1));
        assert_eq!((0..30).filter(|_| rates.take(&"a", 1000).is_ok()).count(), 10);
        assert_eq!((0..30).filter(|_| rates.take(&"a", 3_600_000).is_ok()).count(), 20);
    }

    #[test]
    fn one_who_asks_too_much_takes_nothing_from_another() {
        let rates = Rates::new(RATE);
        for _ in 0..100 {
            rates.take(&"loud", 0).ok();
        }
        assert!(rates.take(&"calm", 0).is_ok());
    }

    #[test]
    fn a_flood_of_addresses_does_not_set_free_the_one_who_is_held_back() {
        let rates = Rates::new(RATE);
        for _ in 0..20 {
            rates.take(&"loud", 0).ok();
        }
        for other in 0..500_000u32 {
            rates.take(&other, 0).ok();
        }
        assert!(rates.take(&"loud", 0).is_err());
    }
}
