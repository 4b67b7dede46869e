//! Every route, as data. The order does not matter: a fixed path wins over an open one.

use super::assets;
use super::pages::{
    account, audit, campaigns, caught, contacts, export, general, home, import, import_run, public, relay, segments,
    senders, signin, suppression, templates, tokens, topics, users,
};
use super::request::Method;
use super::route::{self, Body, Found, Route, Who, get, post};
use super::visit::{Caller, Visit};
use crate::access::Right;
use crate::base::limits;

pub(crate) const TABLE: &[Route] = &[
    // Frame
    get("/assets/{hash}/{name}", Who::Anywhere, assets::serve),
    get("/favicon.ico", Who::Anywhere, assets::favicon),
    post("/language", Who::Public, Body::Form, signin::language),
    // Coming in
    get("/sign-in", Who::Public, signin::form),
    post("/sign-in", Who::Public, Body::Form, signin::enter),
    post("/sign-out", Who::SignedIn, Body::Form, signin::leave),
    get("/link/{token}", Who::Public, signin::link),
    post("/link/{token}", Who::Public, Body::Form, signin::set_password),
    // Home
    get("/", Who::Right(Right::View), home::show),
    get("/live/home", Who::Right(Right::View), home::live),
    // My account
    get("/me", Who::SignedIn, account::show),
    post("/me/password", Who::SignedIn, Body::Form, account::password),
    post("/me/sessions/end", Who::SignedIn, Body::Form, account::end_session),
    post("/me/sessions/end-others", Who::SignedIn, Body::Form, account::end_others),
    // Send
    get("/campaigns", Who::Right(Right::View), campaigns::list),
    get("/campaigns/new", Who::Right(Right::Edit), campaigns::edit::new),
    post("/campaigns/new", Who::Right(Right::Edit), Body::LongForm, campaigns::edit::create),
    post("/campaigns/preview", Who::Right(Right::Edit), Body::LongForm, campaigns::edit::preview_form),
    get("/campaigns/{id}", Who::Right(Right::View), campaigns::show),
    get("/campaigns/{id}/edit", Who::Right(Right::Edit), campaigns::edit::show),
    post("/campaigns/{id}/edit", Who::Right(Right::Edit), Body::LongForm, campaigns::edit::save),
    get("/campaigns/{id}/preview", Who::Right(Right::View), campaigns::edit::preview_saved),
    get("/campaigns/{id}/files", Who::Right(Right::Edit), campaigns::files::list),
    post(
        "/campaigns/{id}/files",
        Who::Right(Right::Edit),
        Body::Upload(limits::FILES_MAX + limits::MB),
        campaigns::files::add,
    ),
    post("/campaigns/{id}/files/remove", Who::Right(Right::Edit), Body::Form, campaigns::files::remove),
    get("/campaigns/{id}/check", Who::Right(Right::View), campaigns::check::show),
    post("/campaigns/{id}/test", Who::Right(Right::Send), Body::Form, campaigns::check::test),
    post("/campaigns/{id}/send", Who::Right(Right::Send), Body::Form, campaigns::check::send),
    post("/campaigns/{id}/schedule", Who::Right(Right::Send), Body::Form, campaigns::check::schedule),
    post("/campaigns/{id}/unschedule", Who::Right(Right::Send), Body::Form, campaigns::check::unschedule),
    post("/campaigns/{id}/pause", Who::Right(Right::Send), Body::Form, campaigns::sent::pause),
    post("/campaigns/{id}/resume", Who::Right(Right::Send), Body::Form, campaigns::sent::resume),
    post("/campaigns/{id}/cancel", Who::Right(Right::Send), Body::Form, campaigns::sent::cancel),
    post("/campaigns/{id}/decide", Who::Right(Right::Send), Body::Form, campaigns::sent::decide),
    post("/campaigns/{id}/copy", Who::Right(Right::Edit), Body::Form, campaigns::copy),
    post("/campaigns/{id}/delete", Who::Right(Right::Edit), Body::Form, campaigns::delete),
    get("/campaigns/{id}/live", Who::Right(Right::View), campaigns::sent::live),
    get("/campaigns/{id}/recipients", Who::Right(Right::View), campaigns::sent::recipients),
    get("/campaigns/{id}/result.csv", Who::Right(Right::Export), campaigns::sent::csv),
    get("/templates", Who::Right(Right::View), templates::list),
    get("/templates/new", Who::Right(Right::Edit), templates::new),
    post("/templates/new", Who::Right(Right::Edit), Body::LongForm, templates::create),
    get("/templates/{id}", Who::Right(Right::Edit), templates::show),
    post("/templates/{id}", Who::Right(Right::Edit), Body::LongForm, templates::edit),
    post("/templates/{id}/delete", Who::Right(Right::Edit), Body::Form, templates::delete),
    get("/senders", Who::Right(Right::View), senders::list),
    get("/senders/new", Who::Right(Right::Settings), senders::new),
    post("/senders/new", Who::Right(Right::Settings), Body::Form, senders::create),
    get("/senders/{id}", Who::Right(Right::Settings), senders::show),
    post("/senders/{id}", Who::Right(Right::Settings), Body::Form, senders::edit),
    post("/senders/{id}/delete", Who::Right(Right::Settings), Body::Form, senders::delete),
    // What recipients open
    get("/u/{token}", Who::Anywhere, public::ask),
    post("/u/{token}", Who::Anywhere, Body::Form, public::refuse),
    post("/u/{token}/again", Who::Anywhere, Body::Form, public::again),
    get("/m/{token}", Who::Anywhere, public::web_copy),
    get("/i/{name}", Who::Anywhere, public::image),
    // Contacts
    get("/contacts", Who::Right(Right::View), contacts::list),
    get("/contacts/{id}", Who::Right(Right::View), contacts::show),
    post("/contacts/{id}/agree", Who::Right(Right::Edit), Body::LongForm, contacts::agree),
    post("/contacts/{id}/refuse", Who::Right(Right::Edit), Body::Form, contacts::refuse),
    post("/contacts/{id}/unlist", Who::Right(Right::Edit), Body::Form, contacts::unlist),
    get("/contacts/import", Who::Right(Right::Import), import::start),
    post("/contacts/import", Who::Right(Right::Import), Body::Upload(limits::IMPORT_MAX), import::take),
    get("/contacts/import/{id}", Who::Right(Right::Import), import_run::show),
    get("/contacts/import/{id}/read", Who::Right(Right::Import), import::read),
    post("/contacts/import/{id}/read", Who::Right(Right::Import), Body::Form, import::reread),
    get("/contacts/import/{id}/columns", Who::Right(Right::Import), import::columns),
    post("/contacts/import/{id}/columns", Who::Right(Right::Import), Body::LongForm, import::decide),
    post("/contacts/import/{id}/run", Who::Right(Right::Import), Body::Form, import_run::run),
    get("/contacts/import/{id}/live", Who::Right(Right::Import), import_run::live),
    post("/contacts/import/{id}/stop", Who::Right(Right::Import), Body::Form, import_run::stop),
    get("/contacts/import/{id}/errors", Who::Right(Right::Import), import_run::errors),
    post("/contacts/imports/{import}/undo", Who::Right(Right::Import), Body::Form, import_run::undo),
    get("/contacts/export", Who::Right(Right::Export), export::form),
    post("/contacts/export", Who::Right(Right::Export), Body::Form, export::write),
    get("/segments", Who::Right(Right::View), segments::list),
    get("/segments/new", Who::Right(Right::Edit), segments::new),
    get("/segments/{id}", Who::Right(Right::View), segments::show),
    post("/segments", Who::Right(Right::Edit), Body::Form, segments::edit),
    post("/segments/count", Who::Right(Right::Edit), Body::Form, segments::count),
    post("/segments/{id}/delete", Who::Right(Right::Edit), Body::Form, segments::delete),
    get("/topics", Who::Right(Right::View), topics::list),
    post("/topics", Who::Right(Right::Edit), Body::Form, topics::create),
    post("/topics/{id}/default", Who::Right(Right::Edit), Body::Form, topics::make_default),
    get("/suppression", Who::Right(Right::View), suppression::list),
    post("/suppression/add", Who::Right(Right::Edit), Body::Form, suppression::add),
    post("/suppression/remove", Who::Right(Right::Edit), Body::Form, suppression::remove),
    post("/suppression/import", Who::Right(Right::Import), Body::Upload(limits::SUPPRESSION_FILE), suppression::import),
    post("/suppression/{id}/undo", Who::Right(Right::Import), Body::Form, suppression::undo),
    post("/suppression/export", Who::Right(Right::Export), Body::Form, suppression::export),
    // Settings
    get("/settings", Who::Right(Right::Settings), general::show),
    get("/settings/relay", Who::Right(Right::Settings), relay::show),
    post("/settings/relay", Who::Right(Right::Settings), Body::Form, relay::save),
    post("/settings/relay/check", Who::Right(Right::Settings), Body::Form, relay::check),
    post("/settings/relay/test", Who::Right(Right::Settings), Body::Form, relay::test),
    get("/mails", Who::Public, caught::list),
    get("/mails/{n}", Who::Public, caught::show),
    get("/mails/{n}/html", Who::Public, caught::html),
    get("/settings/users", Who::Right(Right::Users), users::list),
    get("/settings/users/new", Who::Right(Right::Users), users::new),
    post("/settings/users/new", Who::Right(Right::Users), Body::Form, users::invite),
    get("/settings/users/{id}", Who::Right(Right::Users), users::show),
    post("/settings/users/{id}", Who::Right(Right::Users), Body::Form, users::change),
    post("/settings/users/{id}/suspend", Who::Right(Right::Users), Body::Form, users::suspend),
    post("/settings/users/{id}/resume", Who::Right(Right::Users), Body::Form, users::resume),
    post("/settings/users/{id}/link", Who::Right(Right::Users), Body::Form, users::reset),
    get("/settings/tokens", Who::Right(Right::Settings), tokens::list),
    get("/settings/tokens/new", Who::Right(Right::Settings), tokens::new),
    post("/settings/tokens/new", Who::Right(Right::Settings), Body::Form, tokens::make),
    post("/settings/tokens/{id}/revoke", Who::Right(Right::Settings), Body::Form, tokens::revoke),
    get("/settings/audit", Who::Right(Right::Audit), audit::list),
    post("/settings/audit/verify", Who::Right(Right::Audit), Body::Form, audit::verify),
    // For scripts
    get("/api/v1/status", Who::Right(Right::View), tokens::status),
];

/// Whether a GET of `path` has a row that this caller may use.
pub(crate) fn leads(v: &Visit<'_>, path: &str) -> bool {
    match route::find(TABLE, Method::Get, path) {
        Found::Row(row, _) => match row.who {
            Who::Right(right) => v.may(right),
            Who::SignedIn => matches!(v.caller, Caller::Session(_)),
            Who::Public | Who::Anywhere => true,
        },
        Found::Method | Found::Nothing => false,
    }
}
