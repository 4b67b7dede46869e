//! Users and roles.

use crate::access::link::{self, Life};
use crate::access::{LinkKind, NewUser, Role, User, user};
use crate::base::{Email, Error, Kind, Lang, Result, ids::UserId};
use crate::web::answer::Answer;
use crate::web::field::{Faults, Field, Kind as Input};
use crate::web::page::Page;
use crate::web::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    p: Page,
    users: Vec<Row>,
}

struct Row {
    user: User,
    email: String,
    role: String,
    myself: bool,
}

fn row(v: &Visit<'_>, user: User) -> Result<Row> {
    let myself = v.session()?.user.id == user.id;
    Ok(Row { email: user.email.to_string(), role: user.role.title().to(v.lang).to_owned(), myself, user })
}

pub(crate) fn list(v: &mut Visit<'_>) -> Result<Answer> {
    let users = user::list(&v.house.store)?.into_iter().map(|u| row(v, u)).collect::<Result<_>>()?;
    Answer::page(&Users { p: v.page(v.w.menu_users()).lead(v.w.users_lead()), users })
}

#[derive(Template)]
#[template(path = "user-new.html")]
struct Invite {
    p: Page,
    faults: Faults,
    fields: Vec<Field>,
}

pub(crate) fn new(v: &mut Visit<'_>) -> Result<Answer> {
    draw_new(v, Faults::new(v.lang))
}

fn draw_new(v: &Visit<'_>, faults: Faults) -> Result<Answer> {
    let w = v.w;
    let lang = if v.form.has("lang") { v.form.get("lang") } else { v.lang.tag() };
    let fields = vec![
        Field::new(w, Input::Email, "email", w.mail_address())
            .required()
            .support(w.user_email_support())
            .value(v.form.get("email"))
            .fault(&faults),
        name(v, v.form.get("name")).fault(&faults),
        roles(v, Role::parse(v.form.get("role")).unwrap_or(Role::Staff)).fault(&faults),
        Field::new(w, Input::Select, "lang", w.account_language())
            .required()
            .choice("ja", w.japanese(), "")
            .choice("en", w.english(), "")
            .value(lang),
    ];
    let p = v.page(w.user_invite()).under(w.menu_users(), "/settings/users").lead(w.user_invite_lead());
    Answer::page(&Invite { p: p.faulty(!faults.is_empty()), faults, fields })
}

fn name(v: &Visit<'_>, value: &str) -> Field {
    let w = v.w;
    Field::new(w, Input::Text, "name", w.user_name()).required().support(w.user_name_support()).value(value)
}

fn roles(v: &Visit<'_>, chosen: Role) -> Field {
    let field = Field::new(v.w, Input::Radios, "role", v.w.role()).required();
    let add = |f: Field, r: Role| f.choice(r.name(), r.title().to(v.lang), r.means().to(v.lang));
    Role::ALL.into_iter().fold(field, add).value(chosen.name())
}

pub(crate) fn invite(v: &mut Visit<'_>) -> Result<Answer> {
    let mut faults = Faults::new(v.lang);
    let email = faults.check("email", Email::parse(v.form.get("email")));
    let role = faults.check("role", Role::parse(v.form.get("role")));
    let (Some(email), Some(role)) = (email, role) else { return Ok(draw_new(v, faults)?.status(422)) };
    let lang = Lang::parse(v.form.get("lang")).unwrap_or(v.lang);
    let new = NewUser { email, name: v.form.get("name").to_owned(), role, lang };
    match user::add(&v.house.store, &v.by(), v.now, &new, None) {
        Ok(id) => show_link(v, LinkKind::Invite, id),
        Err(e) if e.kind() == Kind::Conflict => Ok(draw_new(v, Faults::one(v.lang, "email", &e))?.status(422)),
        Err(e) if e.kind() == Kind::Refused => Ok(draw_new(v, Faults::one(v.lang, "name", &e))?.status(422)),
        Err(e) => Err(e),
    }
}

#[derive(Template)]
#[template(path = "user-link.html")]
struct Link {
    p: Page,
    link: String,
}

/// The link is a secret: drawn as the answer itself, once, and never again.
fn show_link(v: &Visit<'_>, kind: LinkKind, id: UserId) -> Result<Answer> {
    let token = link::make(&v.house.store, &v.by(), v.now, (kind, id), Life::ONCE)?;
    let name = user::get(&v.house.store, id)?.name;
    let link = format!("{}/link/{}", v.own_address(), token.text().unwrap_or_default());
    let p = v.page(v.w.link_title()).under(v.w.menu_users(), "/settings/users").lead(v.w.link_lead(&name));
    Answer::page(&Link { p, link })
}

#[derive(Template)]
#[template(path = "user.html")]
struct One {
    p: Page,
    faults: Faults,
    row: Row,
    fields: Vec<Field>,
}

fn found(v: &Visit<'_>) -> Result<User> {
    user::get(&v.house.store, UserId::parse(v.part("id"))?)
}

pub(crate) fn show(v: &mut Visit<'_>) -> Result<Answer> {
    draw_one(v, found(v)?, Faults::new(v.lang))
}

fn draw_one(v: &Visit<'_>, user: User, faults: Faults) -> Result<Answer> {
    let fields = vec![name(v, &user.name).fault(&faults), roles(v, user.role).fault(&faults)];
    let p = v.page(user.name.clone()).under(v.w.menu_users(), "/settings/users").faulty(!faults.is_empty());
    Answer::page(&One { p, faults, fields, row: row(v, user)? })
}

fn place(v: &Visit<'_>) -> String {
    format!("/settings/users/{}", v.part("id"))
}

pub(crate) fn change(v: &mut Visit<'_>) -> Result<Answer> {
    let user = found(v)?;
    let role = Role::parse(v.form.get("role"))?;
    match user::change(&v.house.store, &v.by(), v.now, user.id, (v.form.get("name"), role)) {
        Ok(()) => v.back_to("/settings/users", say!("利用者を変更しました。", "The user is changed.")),
        Err(e) => draw_fault(v, user, &e),
    }
}

fn draw_fault(v: &Visit<'_>, user: User, e: &Error) -> Result<Answer> {
    let field = if e.kind() == Kind::Conflict { "role" } else { "name" };
    Ok(draw_one(v, user, Faults::one(v.lang, field, e))?.status(422))
}

pub(crate) fn suspend(v: &mut Visit<'_>) -> Result<Answer> {
    let id = found(v)?.id;
    match user::suspend(&v.house.store, &v.by(), v.now, id) {
        Ok(()) => v.back_to("/settings/users", say!("利用者を停止しました。", "The user is suspended.")),
        Err(e) => v.back_with(&place(v), &e),
    }
}

pub(crate) fn resume(v: &mut Visit<'_>) -> Result<Answer> {
    let id = found(v)?.id;
    user::resume(&v.house.store, &v.by(), v.now, id)?;
    v.back_to("/settings/users", say!("停止を解きました。", "The suspension is lifted."))
}

pub(crate) fn reset(v: &mut Visit<'_>) -> Result<Answer> {
    let user = found(v)?;
    let kind = if user.has_password { LinkKind::Reset } else { LinkKind::Invite };
    show_link(v, kind, user.id)
}
