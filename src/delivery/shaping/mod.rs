//! Shaping: how many connections, how many messages on each and how fast, per receiving group. A group is found by the
//! domain of the address or by the names of its mail hosts; what a group allows is data that an admin can change
//! (`group`, `presets`), how fast it goes now is decided by what it answers (`pace`).

mod group;
mod limits;
mod pace;
mod presets;

pub use group::{Group, groups, set_group};
pub use limits::{Limits, Reaction, Sign};
pub(super) use pace::{Event, Pace, Turn};
