//! Which request the n-th one is. Pure: the same numbers give the same load.

/// Requests of each sort in a thousand; the rest open a page.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub writes: u64,
    pub uploads: u64,
}

impl Mix {
    pub const READING: Mix = Mix { writes: 0, uploads: 0 };
    pub const USUAL: Mix = Mix { writes: 200, uploads: 5 };
}

/// What a request does. The number says which link, or which of its sort it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// GET of the page behind an unsubscribe link.
    Page(u32),
    /// One-click unsubscribe, each link once.
    Refuse(u32),
    /// A contact made over the HTTP interface, each address once.
    Contact(u32),
    /// A list of more than 1 MiB, sent as multipart, each with an address of its own.
    Upload(u32),
}

impl Deed {
    pub fn writes(self) -> bool {
        !matches!(self, Deed::Page(_))
    }

    pub fn name(self) -> &'static str {
        match self {
            Deed::Page(_) => "page",
            Deed::Refuse(_) => "refuse",
            Deed::Contact(_) => "contact",
            Deed::Upload(_) => "upload",
        }
    }
}

/// On a connection of its own, or on one that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    New,
    Kept,
}

#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub n: u32,
    pub deed: Deed,
    pub way: Way,
}

/// The orders, one after another. Every second write uses up a link until there are none; `links` is how many there
/// are: the first half is looked at, the second half is used.
pub struct Plan {
    mix: Mix,
    links: u32,
    next: u32,
    refused: u32,
    contacts: u32,
    uploads: u32,
}

impl Plan {
    pub fn new(mix: Mix, links: u32) -> Plan {
        Plan { mix, links, next: 0, refused: 0, contacts: 0, uploads: 0 }
    }

    fn write(&mut self) -> Deed {
        let link = self.links / 2 + self.refused;
        if self.refused <= self.contacts && link < self.links {
            self.refused += 1;
            return Deed::Refuse(link);
        }
        self.contacts += 1;
        Deed::Contact(self.contacts)
    }
}

impl Iterator for Plan {
    type Item = Order;

    fn next(&mut self) -> Option<Order> {
        let (n, mixed) = (self.next, mixed(u64::from(self.next)));
        self.next += 1;
        let draw = mixed % 1000;
        let deed = if draw < self.mix.uploads {
            self.uploads += 1;
            Deed::Upload(self.uploads)
        } else if draw < self.mix.uploads + self.mix.writes {
            self.write()
        } else {
            Deed::Page((mixed >> 20) as u32 % (self.links / 2).max(1))
        };
        let way = if mixed >> 63 == 0 { Way::New } else { Way::Kept };
        Some(Order { n, deed, way })
    }
}

/// Numbers in no order (splitmix64).
pub fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn half_of_a_load_is_on_kept_connections_and_no_write_comes_twice() {
        let orders: Vec<Order> = Plan::new(Mix::USUAL, 100).take(10_000).collect();
        let kept = orders.iter().filter(|o| o.way == Way::Kept).count();
        assert!((4_800..5_200).contains(&kept), "{kept}");
        let writes: Vec<Deed> = orders.iter().map(|o| o.deed).filter(|d| d.writes()).collect();
        assert!((1_800..2_300).contains(&writes.len()), "{}", writes.len());
        assert_eq!(writes.iter().collect::<HashSet<_>>().len(), writes.len());
        assert_eq!(writes.iter().filter(|d| matches!(d, Deed::Refuse(_))).count(), 50, "each link of the second half");
    }

    #[test]
    fn a_link_that_is_used_is_never_looked_at() {
        let looked = |o: &Order| matches!(o.deed, Deed::Page(link) if link >= 50);
        assert!(!Plan::new(Mix::USUAL, 100).take(10_000).any(|o| looked(&o)));
    }
}
