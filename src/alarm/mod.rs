//! The one mail that must leave when all else is down.
