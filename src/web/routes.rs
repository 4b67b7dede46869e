//! Every route, as data. The order does not matter: a fixed path wins over an open one.

use super::assets;
use super::pages::{account, home, signin};
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
];
