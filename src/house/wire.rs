//! What the control socket says about a house: the call. Its frames are `base::frames`; where it stands, `base::run`.

use super::ask::Ask;
use serde::{Deserialize, Serialize};

/// The first frame of a call.
#[derive(Serialize, Deserialize)]
pub struct Call {
    pub version: u32,
    pub ask: Ask,
}

pub const VERSION: u32 = 1;
