//! What receivers see of this machine: its name and its addresses.

use crate::base::{Domain, Kind, Result};
use crate::delivery::domains::{self, Sending, Source};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "sending.html")]
struct Shown {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw(v, Faults::new(v.lang))
}

fn draw(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let (w, saved) = (v.w, domains::sending(&v.house.store)?);
    let lines = |list: Vec<String>| list.join("\n");
    let typed = |name: &str, saved: String| if v.form.has(name) { v.form.get(name).to_owned() } else { saved };
    let helo = Field::new(w, Input::Text, "helo", w.sending_helo()).support(w.sending_helo_support());
    let addresses = Field::new(w, Input::Area, "addresses", w.sending_addresses()).rows(3);
    let includes = Field::new(w, Input::Area, "includes", w.sending_includes()).rows(3);
    let text = lines(saved.addresses.iter().map(Source::to_string).collect());
    let names = lines(saved.includes.iter().map(Domain::to_string).collect());
    let fields = vec![
        helo.value(typed("helo", saved.helo.map(|h| h.to_string()).unwrap_or_default())).fault(&faults),
        addresses.support(w.sending_addresses_support()).value(typed("addresses", text)).fault(&faults),
        includes.support(w.sending_includes_support()).value(typed("includes", names)).fault(&faults),
    ];
    let p = v.page(w.sending_title()).under(w.menu_senders(), "/senders").lead(w.sending_lead());
    Answer::page(&Shown { p: p.faulty(!faults.is_empty()), faults, fields })
}

pub(crate) fn save(v: &mut Visit<'_>) -> Result<Answer> {
    let mut faults = Faults::new(v.lang);
    let lines = |name: &str| -> Vec<String> {
        v.form.get(name).lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect()
    };
    let helo = Some(v.form.get("helo").trim()).filter(|h| !h.is_empty()).map(Domain::parse).transpose();
    let helo = faults.check("helo", helo);
    let addresses = lines("addresses").iter().map(|l| Source::parse(l)).collect::<Result<Vec<_>>>();
    let addresses = faults.check("addresses", addresses);
    let includes = lines("includes").iter().map(|l| Domain::parse(l)).collect::<Result<Vec<_>>>();
    let includes = faults.check("includes", includes);
    let (Some(helo), Some(addresses), Some(includes)) = (helo, addresses, includes) else {
        return Ok(draw(v, faults)?.status(422));
    };
    let sending = Sending { helo, addresses, includes };
    match domains::set_sending(&v.house.store, &v.by(), v.now, &sending) {
        Ok(()) => {
            v.house.forget_reports();
            v.back_to("/senders", say!("送信サーバーの設定を保存しました。", "The sending server is saved."))
        }
        Err(e) if e.kind() == Kind::Refused => Ok(draw(v, Faults::one(v.lang, "addresses", &e))?.status(422)),
        Err(e) => Err(e),
    }
}
