//! `hakobu contacts …`.

use super::lists::Suppression;
use crate::base::Result;
use crate::cli::files::Files;
use crate::house::ask::Ask;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Contacts {
    /// The do-not-send list || 停止リスト
    #[command(subcommand)]
    Suppression(Suppression),
}

impl Contacts {
    pub(super) fn ask(self, files: &mut Files<'_>) -> Result<Ask> {
        match self {
            Contacts::Suppression(verb) => verb.ask(files),
        }
    }
}
