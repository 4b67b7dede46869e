//! The door: the process that owns the public sockets for as long as the machine runs. It ends TLS, sets the limits,
//! relays whole requests to the worker over a Unix socket, and starts, watches, restarts and exchanges the worker.
//!
//! It knows no schema and opens no database: it must outlive every release. What it knows of the worker's pages is what
//! the worker tells it (`base::link`).
//!
//! **Invariant:** imports nothing but `base` and `alarm`.

pub mod acme;
pub mod front;
pub(crate) mod gate;
