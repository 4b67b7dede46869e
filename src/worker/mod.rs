//! The worker: the process that runs a house: web server, control socket, clock.
//!
//! It decides nothing about mail or people; it starts things, keeps them going, and ends them within seconds.
//!
//! Reading order: this file, `control` (the command line's way in), `notify` (telling systemd).

pub mod control;
