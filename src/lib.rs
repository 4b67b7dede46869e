//! Hakobu: one box on your own server that carries mail campaigns, and proves what it promises.
//!
//! The rooms and who may import whom stand in ARCHITECTURE.md and are checked by `tests/house.rs`.
#![warn(unreachable_pub)]

#[macro_use]
pub mod base;
pub mod access;
pub mod alarm;
pub mod campaigns;
pub mod cli;
pub mod contacts;
pub mod delivery;
pub mod door;
pub mod house;
pub mod store;
pub mod units;
pub mod update;
pub mod web;
pub mod worker;

/// Of every program that holds the house: a relayed request and a mail are made of many small pieces.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;
