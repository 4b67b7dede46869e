//! Every route, as data. The order does not matter: a fixed path wins over an open one.

use super::assets;
use super::pages::{
    account, api, audit, campaigns, caught, contact_edit, contacts, export, general, home, import, import_run, look,
    public, ready, recovery, relay, segments, senders, signin, suppression, templates, tokens, topics, users,
};
use super::request::Method;
use super::route::{self, Body, Found, On, Route, Who, get, post};
use super::visit::{Caller, Visit};
use crate::access::Right;
use crate::base::limits;
use crate::base::link::Per;

const ADMIN: On = On::Admin;
const OPEN: On = On::Public(Per::Address);
const TOKEN: On = On::Public(Per::Token);
const PICTURE: On = On::Public(Per::Nothing);

pub(crate) const TABLE: &[Route] = &[
    // Frame
    get("/assets/{hash}/{name}", OPEN, Who::Anywhere, assets::serve),
    get("/favicon.ico", OPEN, Who::Anywhere, assets::favicon),
    post("/language", OPEN, Who::Public, Body::Form, signin::language),
    get("/readyz", OPEN, Who::Public, ready::show),
    // Coming in
    get("/sign-in", ADMIN, Who::Public, signin::form),
    post("/sign-in", ADMIN, Who::Public, Body::Form, signin::enter),
    post("/sign-out", ADMIN, Who::SignedIn, Body::Form, signin::leave),
    get("/link/{token}", ADMIN, Who::Public, signin::link),
    post("/link/{token}", ADMIN, Who::Public, Body::Form, signin::set_password),
    // Home
    get("/", ADMIN, Who::Right(Right::View), home::show),
    get("/live/home", ADMIN, Who::Right(Right::View), home::live),
    // My account
    get("/me", ADMIN, Who::SignedIn, account::show),
    post("/me/password", ADMIN, Who::SignedIn, Body::Form, account::password),
    post("/me/sessions/end", ADMIN, Who::SignedIn, Body::Form, account::end_session),
    post("/me/sessions/end-others", ADMIN, Who::SignedIn, Body::Form, account::end_others),
    // Send
    get("/campaigns", ADMIN, Who::Right(Right::View), campaigns::list),
    get("/campaigns/new", ADMIN, Who::Right(Right::Edit), campaigns::edit::new),
    post("/campaigns/new", ADMIN, Who::Right(Right::Edit), Body::LongForm, campaigns::edit::create),
    post("/campaigns/preview", ADMIN, Who::Right(Right::Edit), Body::LongForm, campaigns::edit::preview_form),
    post("/campaigns/count", ADMIN, Who::Right(Right::Edit), Body::LongForm, campaigns::whom::count),
    get("/campaigns/{id}", ADMIN, Who::Right(Right::View), campaigns::show),
    get("/campaigns/{id}/edit", ADMIN, Who::Right(Right::Edit), campaigns::edit::show),
    post("/campaigns/{id}/edit", ADMIN, Who::Right(Right::Edit), Body::LongForm, campaigns::edit::save),
    get("/campaigns/{id}/preview", ADMIN, Who::Right(Right::View), campaigns::edit::preview_saved),
    get("/campaigns/{id}/files", ADMIN, Who::Right(Right::Edit), campaigns::files::list),
    post(
        "/campaigns/{id}/files",
        ADMIN,
        Who::Right(Right::Edit),
        Body::Upload(limits::FILES_MAX + limits::MB),
        campaigns::files::add,
    ),
    post("/campaigns/{id}/files/remove", ADMIN, Who::Right(Right::Edit), Body::Form, campaigns::files::remove),
    get("/campaigns/{id}/check", ADMIN, Who::Right(Right::View), campaigns::check::show),
    post("/campaigns/{id}/test", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::check::test),
    post("/campaigns/{id}/send", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::check::send),
    post("/campaigns/{id}/schedule", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::check::schedule),
    post("/campaigns/{id}/unschedule", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::check::unschedule),
    post("/campaigns/{id}/pause", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::sent::pause),
    post("/campaigns/{id}/resume", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::sent::resume),
    post("/campaigns/{id}/cancel", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::sent::cancel),
    post("/campaigns/{id}/decide", ADMIN, Who::Right(Right::Send), Body::Form, campaigns::sent::decide),
    post("/campaigns/{id}/copy", ADMIN, Who::Right(Right::Edit), Body::Form, campaigns::copy),
    post("/campaigns/{id}/delete", ADMIN, Who::Right(Right::Edit), Body::Form, campaigns::delete),
    get("/campaigns/{id}/live", ADMIN, Who::Right(Right::View), campaigns::sent::live),
    get("/campaigns/{id}/recipients", ADMIN, Who::Right(Right::View), campaigns::sent::recipients),
    get("/campaigns/{id}/result.csv", ADMIN, Who::Right(Right::Export), campaigns::sent::csv),
    get("/templates", ADMIN, Who::Right(Right::View), templates::list),
    get("/templates/new", ADMIN, Who::Right(Right::Edit), templates::new),
    post("/templates/new", ADMIN, Who::Right(Right::Edit), Body::LongForm, templates::create),
    get("/templates/{id}", ADMIN, Who::Right(Right::Edit), templates::show),
    post("/templates/{id}", ADMIN, Who::Right(Right::Edit), Body::LongForm, templates::edit),
    post("/templates/{id}/delete", ADMIN, Who::Right(Right::Edit), Body::Form, templates::delete),
    get("/senders", ADMIN, Who::Right(Right::View), senders::list),
    get("/senders/new", ADMIN, Who::Right(Right::Settings), senders::new),
    post("/senders/new", ADMIN, Who::Right(Right::Settings), Body::Form, senders::create),
    get("/senders/{id}", ADMIN, Who::Right(Right::Settings), senders::show),
    post("/senders/{id}", ADMIN, Who::Right(Right::Settings), Body::Form, senders::edit),
    post("/senders/{id}/delete", ADMIN, Who::Right(Right::Settings), Body::Form, senders::delete),
    // What recipients open
    get("/u/{token}", TOKEN, Who::Anywhere, public::ask),
    post("/u/{token}", TOKEN, Who::Anywhere, Body::Form, public::refuse),
    post("/u/{token}/again", TOKEN, Who::Anywhere, Body::Form, public::again),
    get("/m/{token}", TOKEN, Who::Anywhere, public::web_copy),
    get("/i/{name}", PICTURE, Who::Anywhere, public::image),
    // Contacts
    get("/contacts", ADMIN, Who::Right(Right::View), contacts::list),
    get("/contacts/new", ADMIN, Who::Right(Right::Edit), contact_edit::new),
    post("/contacts/new", ADMIN, Who::Right(Right::Edit), Body::LongForm, contact_edit::add),
    get("/contacts/{id}", ADMIN, Who::Right(Right::View), contacts::show),
    get("/contacts/{id}/edit", ADMIN, Who::Right(Right::Edit), contact_edit::show),
    post("/contacts/{id}/edit", ADMIN, Who::Right(Right::Edit), Body::LongForm, contact_edit::change),
    post("/contacts/{id}/delete", ADMIN, Who::Right(Right::Edit), Body::Form, contact_edit::delete),
    post("/contacts/{id}/agree", ADMIN, Who::Right(Right::Edit), Body::LongForm, contacts::agree),
    post("/contacts/{id}/refuse", ADMIN, Who::Right(Right::Edit), Body::Form, contacts::refuse),
    post("/contacts/{id}/unlist", ADMIN, Who::Right(Right::Edit), Body::Form, contacts::unlist),
    get("/contacts/import", ADMIN, Who::Right(Right::Import), import::start),
    post("/contacts/import", ADMIN, Who::Right(Right::Import), Body::Upload(limits::IMPORT_MAX), import::take),
    get("/contacts/import/{id}", ADMIN, Who::Right(Right::Import), import_run::show),
    get("/contacts/import/{id}/read", ADMIN, Who::Right(Right::Import), import::read),
    post("/contacts/import/{id}/read", ADMIN, Who::Right(Right::Import), Body::Form, import::reread),
    get("/contacts/import/{id}/columns", ADMIN, Who::Right(Right::Import), import::columns),
    post("/contacts/import/{id}/columns", ADMIN, Who::Right(Right::Import), Body::LongForm, import::decide),
    post("/contacts/import/{id}/run", ADMIN, Who::Right(Right::Import), Body::Form, import_run::run),
    get("/contacts/import/{id}/live", ADMIN, Who::Right(Right::Import), import_run::live),
    post("/contacts/import/{id}/stop", ADMIN, Who::Right(Right::Import), Body::Form, import_run::stop),
    get("/contacts/import/{id}/errors", ADMIN, Who::Right(Right::Import), import_run::errors),
    post("/contacts/imports/{import}/undo", ADMIN, Who::Right(Right::Import), Body::Form, import_run::undo),
    get("/contacts/export", ADMIN, Who::Right(Right::Export), export::form),
    post("/contacts/export", ADMIN, Who::Right(Right::Export), Body::Form, export::write),
    get("/segments", ADMIN, Who::Right(Right::View), segments::list),
    get("/segments/new", ADMIN, Who::Right(Right::Edit), segments::new),
    get("/segments/{id}", ADMIN, Who::Right(Right::View), segments::show),
    post("/segments", ADMIN, Who::Right(Right::Edit), Body::Form, segments::edit),
    post("/segments/count", ADMIN, Who::Right(Right::Edit), Body::Form, segments::count),
    post("/segments/{id}/delete", ADMIN, Who::Right(Right::Edit), Body::Form, segments::delete),
    get("/topics", ADMIN, Who::Right(Right::View), topics::list),
    post("/topics", ADMIN, Who::Right(Right::Edit), Body::Form, topics::create),
    post("/topics/{id}/default", ADMIN, Who::Right(Right::Edit), Body::Form, topics::make_default),
    get("/suppression", ADMIN, Who::Right(Right::View), suppression::list),
    post("/suppression/add", ADMIN, Who::Right(Right::Edit), Body::Form, suppression::add),
    post("/suppression/remove", ADMIN, Who::Right(Right::Edit), Body::Form, suppression::remove),
    post(
        "/suppression/import",
        ADMIN,
        Who::Right(Right::Import),
        Body::Upload(limits::SUPPRESSION_FILE),
        suppression::import,
    ),
    post("/suppression/{id}/undo", ADMIN, Who::Right(Right::Import), Body::Form, suppression::undo),
    post("/suppression/export", ADMIN, Who::Right(Right::Export), Body::Form, suppression::export),
    // Settings
    get("/settings", ADMIN, Who::Right(Right::Settings), general::show),
    get("/settings/recovery", ADMIN, Who::Right(Right::Users), recovery::show),
    post("/settings/recovery", ADMIN, Who::Right(Right::Users), Body::Form, recovery::make),
    post("/settings/recovery/confirm", ADMIN, Who::Right(Right::Users), Body::Form, recovery::confirm),
    get("/settings/look", ADMIN, Who::Right(Right::Settings), look::show),
    post("/settings/look", ADMIN, Who::Right(Right::Settings), Body::Form, look::save),
    get("/settings/relay", ADMIN, Who::Right(Right::Settings), relay::show),
    post("/settings/relay", ADMIN, Who::Right(Right::Settings), Body::Form, relay::save),
    post("/settings/relay/check", ADMIN, Who::Right(Right::Settings), Body::Form, relay::check),
    post("/settings/relay/test", ADMIN, Who::Right(Right::Settings), Body::Form, relay::test),
    get("/mails", ADMIN, Who::Public, caught::list),
    get("/mails/{n}", ADMIN, Who::Public, caught::show),
    get("/mails/{n}/html", ADMIN, Who::Public, caught::html),
    get("/settings/users", ADMIN, Who::Right(Right::Users), users::list),
    get("/settings/users/new", ADMIN, Who::Right(Right::Users), users::new),
    post("/settings/users/new", ADMIN, Who::Right(Right::Users), Body::Form, users::invite),
    get("/settings/users/{id}", ADMIN, Who::Right(Right::Users), users::show),
    post("/settings/users/{id}", ADMIN, Who::Right(Right::Users), Body::Form, users::change),
    post("/settings/users/{id}/suspend", ADMIN, Who::Right(Right::Users), Body::Form, users::suspend),
    post("/settings/users/{id}/resume", ADMIN, Who::Right(Right::Users), Body::Form, users::resume),
    post("/settings/users/{id}/link", ADMIN, Who::Right(Right::Users), Body::Form, users::reset),
    get("/settings/tokens", ADMIN, Who::Right(Right::Settings), tokens::list),
    get("/settings/tokens/new", ADMIN, Who::Right(Right::Settings), tokens::new),
    post("/settings/tokens/new", ADMIN, Who::Right(Right::Settings), Body::Form, tokens::make),
    post("/settings/tokens/{id}/revoke", ADMIN, Who::Right(Right::Settings), Body::Form, tokens::revoke),
    get("/settings/audit", ADMIN, Who::Right(Right::Audit), audit::list),
    post("/settings/audit/verify", ADMIN, Who::Right(Right::Audit), Body::Form, audit::verify),
    // For scripts
    get("/api/v1/status", ADMIN, Who::Right(Right::View), api::status),
    get("/api/v1/campaigns", ADMIN, Who::Right(Right::View), api::campaigns),
    get("/api/v1/campaigns/{id}", ADMIN, Who::Right(Right::View), api::result),
    post("/api/v1/campaigns/{id}/send", ADMIN, Who::Right(Right::Send), Body::Form, api::send),
    post("/api/v1/campaigns/{id}/pause", ADMIN, Who::Right(Right::Send), Body::Form, api::pause),
    post("/api/v1/campaigns/{id}/resume", ADMIN, Who::Right(Right::Send), Body::Form, api::resume),
    post("/api/v1/campaigns/{id}/cancel", ADMIN, Who::Right(Right::Send), Body::Form, api::cancel),
    get("/api/v1/contacts/count", ADMIN, Who::Right(Right::View), api::count),
    post("/api/v1/contacts", ADMIN, Who::Right(Right::Edit), Body::Form, api::add_contact),
];

/// Whether a GET of `path` has a row that this caller may use.
pub(crate) fn leads(v: &Visit<'_>, path: &str) -> bool {
    match route::find(TABLE, v.request.surface, Method::Get, path) {
        Found::Row(row, _) => match row.who {
            Who::Right(right) => v.may(right),
            Who::SignedIn => matches!(v.caller, Caller::Session(_)),
            Who::Public | Who::Anywhere => true,
        },
        Found::Method | Found::Nothing => false,
    }
}
