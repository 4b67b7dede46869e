//! The way in (`settings`): SMTP for what comes back, as a machine that knows no socket (`machine`, with `line` and `data`), and the
//! addresses that take mail (`addresses`). `talk` lends it a connection. What was taken waits in the `tray` until it is read.
//!
//! It is no mail server for people: it passes nothing on for anybody, keeps nobody's mail for reading, and speaks only with
//! whoever has something for one of our own addresses. Sockets, TLS and limits on connections are the door's; it relays
//! the bytes.
//!
//! **Invariant:** 250 to a message is said when it is on disk, and never before.
//! **Invariant:** what is not taken is refused in the conversation: nothing is ever reported to a sender afterwards.

mod addresses;
mod data;
mod line;
mod machine;
mod settings;
mod talk;
pub mod tray;

pub use addresses::{Addresses, Domain, To};
pub use machine::{Envelope, Event, Machine, Recipients, Taking, Tls};
pub use settings::{WayIn, set_way_in, way_in};
pub use talk::{Host, talk};
