//! The front with real sockets against a scripted worker.

mod bad_input;
mod endings;
mod lingering;
mod mail;
mod pacing;
mod relaying;
mod secured;
mod turned_away;
mod world;
