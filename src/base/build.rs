//! What this program was built as: its version, and the root keys that releases must be signed under. It is made in
//! `main.rs` and handed down as an argument, so that nothing below asks the compiler.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    pub version: &'static str,
    /// The text of `packaging/release.pub`, or what stood in its place when this was built; `update::keys` reads it.
    /// Without a key in it `update` refuses every release.
    pub root_keys: &'static str,
    /// Rooms and steps of tables beyond this program's own, as the next release might have them: none in a release,
    /// some in the rehearsal of one.
    pub more_tables: &'static [(&'static str, &'static [&'static str])],
}

impl Build {
    /// The kind of machine that a program runs on, as releases name it.
    pub fn target() -> String {
        format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
    }

    /// For the tests of rooms that need one and look at nothing in it.
    #[cfg(test)]
    pub(crate) const TEST: Build = Build { version: "1.0.0", root_keys: "", more_tables: &[] };
}
