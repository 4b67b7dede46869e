//! API tokens: made here, shown once, revoked here.

use crate::access::{ApiToken, Right, token, user};
use crate::base::{Kind, Result};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;
use std::collections::HashMap;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    p: Page,
    rows: Vec<Row>,
}

struct Row {
    token: ApiToken,
    scopes: String,
    owner: String,
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let names: HashMap<_, _> = user::list(&v.house.store)?.into_iter().map(|u| (u.id, u.name)).collect();
    let row = |token: ApiToken| {
        let titles: Vec<String> = token.scopes.iter().map(|s| s.title().to(v.lang).to_owned()).collect();
        Row { scopes: titles.join(v.w.list_comma()), owner: names.get(&token.user).cloned().unwrap_or_default(), token }
    };
    let rows = token::list(&v.house.store)?.into_iter().map(row).collect();
    Answer::page(&Tokens { p: v.page(v.w.menu_tokens()).lead(v.w.tokens_lead()), rows })
}

#[derive(Template)]
#[template(path = "token-new.html")]
struct New {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    draw_new(v, Faults::new(v.lang))
}

fn draw_new(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let scopes = Field::new(w, Input::Checks, "scope", w.token_scopes()).required().support(w.token_scopes_support());
    let given: Vec<&str> = v.form.all("scope").collect();
    let scopes = Right::ALL
        .into_iter()
        .filter(|r| *r != Right::Users)
        .fold(scopes, |f, r| f.choice(r.name(), r.title().to(v.lang), ""))
        .ticked(|value| given.contains(&value))
        .fault(&faults);
    let name = Field::new(w, Input::Text, "name", w.name())
        .required()
        .support(w.token_name_support())
        .value(v.form.get("name"))
        .fault(&faults);
    let p = v.page(w.token_make()).under(w.menu_tokens(), "/settings/tokens").faulty(!faults.is_empty());
    Answer::page(&New { p, faults, fields: vec![name, scopes] })
}

#[derive(Template)]
#[template(path = "token-shown.html")]
struct Shown {
    p: Page,
    secret: String,
    example: String,
}

pub(crate) fn make(v: &mut Visit<'_>) -> Result<Answer> {
    let scopes: Vec<Right> = v.form.all("scope").filter_map(Right::parse).collect();
    let owner = v.session()?.user.id;
    match token::make(&v.house.store, &v.by(), v.now, owner, (v.form.get("name"), &scopes)) {
        Ok((_, secret)) => {
            let secret = secret.text().unwrap_or_default().to_owned();
            let example = format!("curl -H 'Authorization: Bearer {secret}' {}/api/v1/status", v.own_address());
            let p = v.page(v.w.token_shown_title()).under(v.w.menu_tokens(), "/settings/tokens");
            Answer::page(&Shown { p: p.lead(v.w.token_shown_lead()), secret, example })
        }
        Err(e) if matches!(e.kind(), Kind::Refused | Kind::Denied) => {
            let field = if v.form.get("name").trim().is_empty() { "name" } else { "scope" };
            Ok(draw_new(v, Faults::one(v.lang, field, &e))?.status(422))
        }
        Err(e) => Err(e),
    }
}

pub(crate) fn revoke(v: &mut Visit<'_>) -> Result<Answer> {
    let id = v.part("id").parse().unwrap_or(0);
    token::revoke(&v.house.store, &v.by(), v.now, id)?;
    v.back_to("/settings/tokens", say!("トークンを無効にしました。", "The token is revoked."))
}
