//! Stories: the real binary, as a person or a script would use it.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a story that cannot go on has failed

mod acme;
mod alarm;
mod binary;
mod browser;
mod canary;
mod command_line;
mod consent;
mod crossing;
mod delivery;
mod direct;
mod disk;
mod domains;
mod door;
mod first_run;
mod inbound;
mod keys;
mod launch;
mod letters;
mod listen;
mod lists;
#[path = "../load/mod.rs"]
mod load;
mod loaded;
mod packaging;
mod people;
mod rehearsal;
mod release;
mod script;
mod sending;
mod service;
mod serving;
mod setup;
mod signing;
mod succession;
#[path = "../load/switches.rs"]
#[allow(dead_code)] // the bench uses all of it
mod switches;
mod trial;
mod updates;
mod urgent;
mod world;
