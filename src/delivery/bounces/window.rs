//! The last results of one receiver: how many of them said that there is no such mailbox.

/// How far back it looks.
pub(super) const RESULTS: u32 = 500;

/// One bit for each of the last results, the newest lowest, and how many there ever were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    total: u64,
    bits: [u64; WORDS],
}

const WORDS: usize = RESULTS.div_ceil(64) as usize;

impl Window {
    pub fn note(&mut self, hard: bool) {
        let mut carried = u64::from(hard);
        for word in &mut self.bits {
            let out = *word >> 63;
            *word = (*word << 1) | carried;
            carried = out;
        }
        self.bits[WORDS - 1] &= u64::MAX >> (WORDS as u32 * 64 - RESULTS);
        self.total += 1;
    }

    /// Results that were ever noted: the place of the newest one.
    pub fn total(self) -> u64 {
        self.total
    }

    /// The place before the oldest one that still counts.
    pub fn before(self) -> u64 {
        self.total.saturating_sub(u64::from(RESULTS))
    }

    pub fn results(self) -> u32 {
        u32::try_from(self.total).unwrap_or(RESULTS).min(RESULTS)
    }

    pub fn hard(self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    /// Nothing that was counts any more.
    pub fn cleared(self) -> Window {
        Window { total: 0, bits: [0; WORDS] }
    }

    pub fn encode(&self) -> Vec<u8> {
        let words = [self.total].into_iter().chain(self.bits);
        words.flat_map(u64::to_le_bytes).collect()
    }

    /// What cannot be read begins anew: it is a measure, not a record.
    pub fn decode(bytes: &[u8]) -> Window {
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|w| u64::from_le_bytes(*w)).collect();
        let Some((total, bits)) = words.split_first() else { return Window::default() };
        bits.try_into().map(|bits| Window { total: *total, bits }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_the_last_five_hundred_as_a_list_would(results in proptest::collection::vec(any::<bool>(), 0..1_300)) {
            let mut window = Window::default();
            for hard in &results {
                window.note(*hard);
            }
            let last = &results[results.len().saturating_sub(RESULTS as usize)..];
            prop_assert_eq!(window.hard() as usize, last.iter().filter(|h| **h).count());
            prop_assert_eq!(window.results() as usize, last.len());
            prop_assert_eq!(window.total() as usize, results.len());
            prop_assert_eq!(Window::decode(&window.encode()), window);
        }
    }

    #[test]
    fn what_cannot_be_read_begins_anew() {
        assert_eq!(Window::decode(b"abc"), Window::default());
        assert_eq!(Window::decode(&[7; 40]), Window::default());
    }
}
