//! General settings: what stands in the boot file, with its source, and what this software is.

use crate::base::{Result, provider::Provider};
use crate::house::boot;
use crate::web::answer::Answer;
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "general.html")]
struct General {
    p: Page,
    file: String,
    rows: Vec<(&'static str, String)>,
    version: &'static str,
    licence: &'static str,
    may_recover: bool,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    let (w, house) = (v.w, v.house);
    let key = match &house.boot.key {
        Provider::File { path } => format!("{} {}", w.key_file(), path.display()),
        Provider::Passphrase => w.key_passphrase().to_owned(),
        Provider::Credential { name } => format!("{} {name}", w.key_credential()),
        Provider::Command { .. } => w.key_command().to_owned(),
    };
    let rows = vec![
        (w.general_domain(), house.boot.domain.clone()),
        (w.general_public_url(), house.boot.public_url.clone()),
        (w.general_listen(), house.boot.listen.to_string()),
        (w.general_language(), house.boot.lang.pick(w.japanese(), w.english()).to_owned()),
        (w.general_key(), key),
        (w.general_data(), house.data().display().to_string()),
    ];
    Answer::page(&General {
        p: v.page(w.menu_general()).lead(w.general_lead()),
        file: house.data().join(boot::FILE).display().to_string(),
        rows,
        version: house.build.version,
        licence: env!("CARGO_PKG_LICENSE"),
        may_recover: v.leads("/settings/recovery"),
    })
}
