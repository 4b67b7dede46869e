//! How many connections there are, in all and from each address.

use super::plan::counted_as;
use super::settings::Bounds;
use crate::base::limits;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Somebody at the machine itself still gets in when all places are taken; so many, but never more than there are places
/// for others, since descriptors may be few.
const FOR_THE_MACHINE: usize = 256;

pub(crate) struct Places {
    most: usize,
    for_the_machine: usize,
    per_address: usize,
    taken: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    Address,
}

/// One connection's place; given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(bounds: Bounds, descriptors: usize) -> Arc<Places> {
        let most = bounds.connections.min(descriptors).max(1);
        let (taken, by_address) = (AtomicUsize::new(0), Mutex::default());
        let for_the_machine = FOR_THE_MACHINE.min(most);
        Arc::new(Places { most, for_the_machine, per_address: bounds.per_address, taken, by_address })
    }

    /// A place that counts for no address yet.
    pub(crate) fn take(self: &Arc<Places>, at_the_machine: bool) -> Result<Place, Full> {
        let most = self.most + if at_the_machine { self.for_the_machine } else { 0 };
        let place = Place { places: Arc::clone(self), address: None };
        if self.taken.fetch_add(1, Ordering::AcqRel) < most { Ok(place) } else { Err(Full::All) }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// Whoever rests should take little memory.
    pub(crate) fn are_many(&self) -> bool {
        self.taken() > limits::CONNECTIONS_WARM
    }

    /// Whoever rests should make room soon.
    pub(crate) fn is_crowded(&self) -> bool {
        self.taken() * 2 > self.most
    }
}

impl Place {
    pub(crate) fn count_for(mut self, address: IpAddr) -> Result<Place, Full> {
        let address = counted_as(address);
        let mut all = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let here = all.entry(address).or_insert(0);
        if *here >= self.places.per_address.max(1) {
            drop(all);
            return Err(Full::Address);
        }
        *here += 1;
        drop(all);
        self.address = Some(address);
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::AcqRel);
        let Some(address) = self.address else { return };
        let mut all = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = all.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                all.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, per_address: usize) -> Arc<Places> {
        Places::new(Bounds { connections, per_address, ..Bounds::default() }, 10_000)
    }

    #[test]
    fn an_address_gets_its_places_and_gives_them_back() {
        let places = places(10, 2);
        let one = |ip: &str| places.take(false).unwrap().count_for(ip.parse().unwrap());
        let (a, b) = (one("192.0.2.1").unwrap(), one("192.0.2.1").unwrap());
        assert_eq!(one("192.0.2.1").err(), Some(Full::Address));
        let other = one("192.0.2.2").unwrap();
        assert_eq!(places.taken(), 3);
        drop((a, b, other));
        assert_eq!(places.taken(), 0);
        assert!(places.by_address.lock().unwrap().is_empty());
    }

    #[test]
    fn when_all_is_full_only_the_machine_itself_gets_in() {
        let places = places(2, 100);
        let _held = (places.take(false).unwrap(), places.take(false).unwrap());
        assert_eq!(places.take(false).err(), Some(Full::All));
        assert!(places.take(true).is_ok());
        assert!(places.is_crowded());
    }
}
