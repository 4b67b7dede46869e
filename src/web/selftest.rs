//! Whether this release can draw the pages of a house: every page that needs no id, through the gate, as an admin sees
//! it. Asked of a copy of the data before a release runs on the data itself; it signs in, so it writes.

use super::brought::Brought;
use super::gate;
use super::request::{Method, Request};
use super::route::Route;
use super::routes::TABLE;
use super::site::Site;
use crate::access::{Role, session, user};
use crate::base::link::Surface;
use crate::base::{Error, Result, Time};
use crate::house::House;
use std::sync::Arc;

/// How many pages were drawn; the first that could not be is an error that names its path.
pub fn draw_pages(house: &Arc<House>, now: Time) -> Result<usize> {
    let site = Site::new(Arc::clone(house));
    let admin = user::list(&house.store)?.into_iter().find(|u| u.role == Role::Admin && u.suspended.is_none());
    let token = match admin {
        Some(admin) => session::open(&house.store, now, &admin, "preflight")?.1.text().unwrap_or_default().to_owned(),
        None => String::new(),
    };
    let pages: Vec<&Route> = TABLE.iter().filter(|r| r.method == Method::Get && !r.path.contains('{')).collect();
    for page in &pages {
        let answer = gate::pass(&site, &request(page.path, &token, now), &Brought::Memory([].into()));
        let fits = match page.path {
            "/" => answer.status < 400,
            // Not found and the like are answers too; only what we could not do is not.
            _ => answer.status < 500,
        };
        if !fits {
            let (path, status) = (page.path, answer.status);
            return Err(Error::bug(format!("the page {path} answers {status}")));
        }
    }
    Ok(pages.len())
}

fn request(path: &str, token: &str, now: Time) -> Request {
    Request {
        method: Method::Get,
        path: path.to_owned(),
        query: super::form::Values::default(),
        headers: vec![("host".into(), "localhost".into()), ("cookie".into(), format!("hakobu={token}"))],
        surface: Surface::Admin,
        https: false,
        from: "127.0.0.1".into(),
        length: Some(0),
        now,
        id: "PREFLIGHT".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::TestSite;

    #[test]
    fn every_page_of_a_new_house_is_drawn() {
        let site = TestSite::new();
        assert!(draw_pages(&site.site.house, site.now).unwrap() > 20);
    }
}
