//! Stories: the real binary, as a person or a script would use it.

mod binary;
mod command_line;
mod serving;
mod setup;
mod world;
