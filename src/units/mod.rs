//! The units: how Hakobu lives under systemd. The texts (`packaging/*.service`, `*.socket`) are the ones that the package
//! ships; for another folder, account or program their lines are exchanged, never their sense.
//!
//! It is not what the units start (the door), and it knows no house: whoever calls says where data and key are.
//!
//! Flow: `machine` looks (what is installed, who owns what) → `plan` decides the steps, with a `diff` for each text →
//! a person agrees → `machine` does them. `state` reads what systemd says of the units.
//!
//! **Invariant:** nothing is written that was not shown. **Invariant:** data, key and account outlive the units.

mod diff;
mod machine;
mod owner;
mod plan;
mod state;
mod text;

pub use machine::Machine;
pub use plan::{Found, Step};
pub use state::State;
pub use text::{Key, Place, Unit, hidden};
