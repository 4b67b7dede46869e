//! Every route, as data. The order does not matter: a fixed path wins over an open one.

use super::assets;
use super::pages::{account, audit, general, home, signin, tokens, users};
use super::route::{Body, Route, Who, get, post};
use crate::access::Right;

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
    // My account
    get("/me", Who::SignedIn, account::show),
    post("/me/password", Who::SignedIn, Body::Form, account::password),
    post("/me/sessions/end", Who::SignedIn, Body::Form, account::end_session),
    post("/me/sessions/end-others", Who::SignedIn, Body::Form, account::end_others),
    // Send
    // Contacts
    // Settings
    get("/settings", Who::Right(Right::Settings), general::show),
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
