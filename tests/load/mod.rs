//! Load on a running house, for stories and benches: an **open-loop** generator, look-ups of what was written, and
//! connections that are only held.
//!
//! Open loop: the n-th request is due at `start + n / rate`, whatever became of those before it, and its latency
//! counts from that moment. A server that stands still for a second is therefore charged with a second's worth of slow
//! requests, not with one.
//!
//! plan (which request the n-th one is, pure) → open (sends them when they are due) → client (one request, one
//! connection) → target (what is asked of the product, and whether the answer is right) → figures (counts and times,
//! pure) → writes (every acknowledged write looked up afterwards).
#![allow(dead_code, unused_imports)] // shared by the stories and by benches: each uses a part, and benches run no tests

pub mod client;
pub mod figures;
pub mod hold;
pub mod house;
pub mod open;
pub mod plan;
pub mod target;
pub mod writes;
