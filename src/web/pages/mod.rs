//! A file per thing that has pages. A handler is parse → one call of a room → draw.

pub(crate) mod account;
pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod campaigns;
pub(crate) mod caught;
pub(crate) mod contact_edit;
pub(crate) mod contacts;
pub(crate) mod export;
pub(crate) mod general;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod import_run;
pub(crate) mod look;
pub(crate) mod oops;
pub(crate) mod public;
pub(crate) mod ready;
pub(crate) mod recovery;
pub(crate) mod relay;
pub(crate) mod segments;
pub(crate) mod senders;
pub(crate) mod signin;
pub(crate) mod suppression;
pub(crate) mod templates;
pub(crate) mod tokens;
pub(crate) mod topics;
pub(crate) mod users;
