//! One conversation with one SMTP server.

pub(super) mod reply;
