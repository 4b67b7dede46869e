//! Web: the pages that people open, drawn on the server, in two languages, useful without JavaScript.
//!
//! What it is: one table of routes, a gate before it, templates, words, assets, and the server behind one file.
//! What it is not: rules of the business. A handler is parse → one call of a room → draw.
//!
//! Before there is a house, `setup` (the first run in a browser) answers instead, on the same socket.
//!
//! Flow of a request: `server` (the only file that knows tiny_http) makes a `Request` → `gate::pass` checks the host,
//! finds the row in `routes::TABLE`, the session, the right, the origin and the CSRF token, reads the body within the
//! row's limit → the row's handler gets a `Visit` and returns an `Answer` or an `Error` → `gate` adds the security
//! headers, or draws the error page → `server` writes it.
//!
//! How to add a page:
//! 1. `src/web/pages/thing.rs`: `pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer>`; at most 25 lines. The house
//!    is `v.house` (`&v.house.store` for a room's call), the time `v.now`, who acts `v.by()`, a part of the path
//!    `v.part("id")`, the query `v.query.get("q")`, the posted form `v.form.get("name")`, files `v.files`.
//! 2. `src/web/routes.rs`: a row. `get("/things", ADMIN, Who::Right(Right::View), thing::list)`,
//!    `post("/things", ADMIN, Who::Right(Right::Edit), Body::Form, thing::create)`; files: `Body::Upload(limits::…)`.
//! 3. `assets/pages/thing.html`: `{% extends "layout.html" %}{% block main %}…{% endblock %}`, and in the page's file
//!    `#[derive(Template)] #[template(path = "thing.html")] struct Things<'a> { p: Page<'a>, … }`, made with
//!    `v.page(w.things())` (`.under(title, href)` for breadcrumbs) and answered with `Answer::page(&things)`.
//!    The layout draws the one `<h1>`; the block starts with `<h2>` or text. Forms post to a URL, carry
//!    `{{ p.csrf()|safe }}`, and the handler answers `v.back_to("/things", say!("…", "…"))` (redirect and a flash).
//! 4. Words: `src/web/words/thing.rs` with `words! { things: "…", "Things"; … }`, named in `words/mod.rs` twice (the
//!    module, the catalogue); in a template `{{ p.w.things() }}`. A link to another room's page: `v.leads("/things")`.
//!    A template holds no sentence of its own; what has numbers in it takes arguments, or is a `Say` and `p.say(&it)`.
//! 5. Fields: `Field::text("name", w.name()).required().support(…).value(…).fault(…)` → `{{ field|safe }}` in a template.
//!    Wrong input: collect `Faults`, draw the form again with status 422 (`Answer::page(…).status(422)`), summary by
//!    `{{ faults|safe }}`.
//! 6. Live parts: `<div data-live="/things/1/live">`, whose handler answers `v.live(|now| …)` with a fragment.
//!
//! Blocks of the style sheet: `.card`, `.cards`, `.table` in `.table-scroll`, `.badge` `-good -warn -bad -calm`,
//! `.empty`, `.tabs`, `.steps`, `.notice`, `.button` `-quiet -danger`, `.actions`, `.facts` (dl), `.filters`.
//!
//! **Invariant:** no route without a row, no row without saying who may use it.
//! **Invariant:** every POST of a signed-in person carries the session's CSRF token; every answer the same headers.
//! **Invariant:** tiny_http listens on nothing but a Unix socket that only the door reaches.
//! **Invariant:** no row without saying whether the public listener has it; what it has not is not there.

mod answer;
mod assets;
mod brought;
pub mod chart;
mod dates;
mod field;
mod form;
mod gate;
mod mail;
mod multipart;
mod page;
mod pages;
mod request;
mod route;
mod routes;
pub mod selftest;
mod server;
mod setup;
mod site;
#[cfg(test)]
mod tests;
mod visit;
mod words;

pub use server::Server;
pub use setup::Wizard;
