//! Releases: how they are signed, checked, put into a slot and tried.
