//! Replies: code, enhanced code, text; read piece by piece and bounded.

/// A server's answer. The text may hold addresses: it is cleaned before it is kept anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    /// `5.1.1`, when the server gives one.
    pub enhanced: Option<(u16, u16, u16)>,
    /// Without code and enhanced code, lines joined by newlines.
    pub text: String,
}
