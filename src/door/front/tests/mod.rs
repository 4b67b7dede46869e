//! The front with real sockets against a scripted worker.

mod relaying;
mod world;
