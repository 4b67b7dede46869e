//! What the layout around every page needs: title, menu, breadcrumbs, who is signed in, the sentence after a redirect.

use super::assets;
use super::dates;
use super::site::Flash;
use super::visit::{Caller, Visit};
use super::words::Words;
use crate::access::look::Look;
use crate::base::link::Surface;
use crate::base::{Lang, Say, Time};
use std::borrow::Borrow;

pub(crate) struct Page {
    pub(crate) w: Words,
    pub(crate) lang: Lang,
    pub(crate) title: String,
    /// Title and address of the pages above this one.
    pub(crate) crumbs: Vec<(String, String)>,
    pub(crate) menu: Vec<Group>,
    /// Display name and role of who is signed in.
    pub(crate) user: Option<(String, String)>,
    pub(crate) flash: Option<Flash>,
    /// One sentence below the title.
    pub(crate) lead: String,
    /// The page has a form with faults: said first in the title.
    pub(crate) faulty: bool,
    /// Wide pages (tables, editors) use the whole width.
    pub(crate) wide: bool,
    /// Drawn for recipients of mails: leads nowhere that only those who run the house may go.
    pub(crate) public: bool,
    look: Look,
    here: String,
    csrf: String,
}

/// A group of the menu, with its title in bold (home stands alone) and what stands under it.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) items: Vec<Item>,
}

pub(crate) struct Item {
    pub(crate) title: &'static str,
    pub(crate) href: &'static str,
    pub(crate) here: bool,
}

type Title = fn(Words) -> &'static str;
type Entry = (&'static str, Title);

/// The whole menu. What has no row in the route table, or no right, is not drawn.
const MENU: &[(Title, &[Entry])] = &[
    (|_| "", &[("/", Words::menu_home)]),
    (
        Words::group_send,
        &[
            ("/campaigns", Words::menu_campaigns),
            ("/templates", Words::menu_templates),
            ("/senders", Words::menu_senders),
        ],
    ),
    (
        Words::group_contacts,
        &[
            ("/contacts", Words::menu_contacts),
            ("/contacts/import", Words::menu_import),
            ("/segments", Words::menu_segments),
            ("/attributes", Words::menu_attributes),
            ("/topics", Words::menu_topics),
            ("/suppression", Words::menu_suppression),
        ],
    ),
    (
        Words::group_settings,
        &[
            ("/settings", Words::menu_general),
            ("/settings/look", Words::menu_look),
            ("/settings/relay", Words::menu_relay),
            ("/settings/users", Words::menu_users),
            ("/settings/tokens", Words::menu_tokens),
            ("/settings/updates", Words::menu_updates),
            ("/settings/audit", Words::menu_audit),
            ("/mails", Words::menu_mails),
        ],
    ),
];

fn menu(v: &Visit<'_>) -> Vec<Group> {
    let here = here(v.path());
    let groups = MENU.iter().map(|(title, entries)| Group {
        title: title(v.w),
        items: entries
            .iter()
            .filter(|(href, _)| v.leads(href) && (*href != "/mails" || v.house.catcher().is_some()))
            .map(|(href, title)| Item { title: title(v.w), href, here: *href == here })
            .collect(),
    });
    groups.filter(|g| !g.items.is_empty()).collect()
}

/// The menu entry that a path belongs to: the longest one it starts with.
fn here(path: &str) -> &'static str {
    let all = MENU.iter().flat_map(|(_, entries)| entries.iter().map(|(href, _)| *href));
    all.filter(|h| path == *h || (*h != "/" && path.starts_with(&format!("{h}/"))))
        .max_by_key(|h| h.len())
        .unwrap_or_default()
}

impl Page {
    pub(super) fn new(v: &Visit<'_>, title: String) -> Page {
        let (user, csrf, flash) = match &v.caller {
            Caller::Session(s) => (
                Some((s.user.name.clone(), s.user.role.title().to(v.lang).to_owned())),
                s.csrf.clone(),
                v.site.take_flash(s.n),
            ),
            Caller::Nobody | Caller::Token(_) => (None, String::new(), None),
        };
        Page {
            w: v.w,
            lang: v.lang,
            title,
            crumbs: Vec::new(),
            menu: if user.is_some() { menu(v) } else { Vec::new() },
            user,
            flash,
            lead: String::new(),
            faulty: false,
            wide: false,
            public: v.request.surface == Surface::Public,
            look: v.look().clone(),
            here: format!("{}{}", v.path(), v.query.with("", "")),
            csrf,
        }
    }

    /// A page before there is anybody: no menu, no session.
    pub(super) fn bare(lang: Lang, title: impl Into<String>) -> Page {
        Page {
            w: Words(lang),
            lang,
            title: title.into(),
            crumbs: Vec::new(),
            menu: Vec::new(),
            user: None,
            flash: None,
            lead: String::new(),
            faulty: false,
            wide: false,
            public: false,
            look: Look::default(),
            here: "/".to_owned(),
            csrf: String::new(),
        }
    }

    /// A breadcrumb above this page.
    pub(crate) fn under(mut self, title: impl Into<String>, href: impl Into<String>) -> Page {
        self.crumbs.push((title.into(), href.into()));
        self
    }

    pub(crate) fn lead(mut self, lead: impl Into<String>) -> Page {
        self.lead = lead.into();
        self
    }

    pub(crate) fn faulty(mut self, is: bool) -> Page {
        self.faulty = is;
        self
    }

    pub(crate) fn wide(mut self) -> Page {
        self.wide = true;
        self
    }

    /// In the browser's tab: what is wrong comes first.
    pub(crate) fn tab(&self) -> String {
        if self.faulty { self.w.error_title(&self.title) } else { self.title.clone() }
    }

    /// The name that the house goes by.
    pub(crate) fn house(&self) -> &str {
        if self.look.name.is_empty() { self.w.product() } else { &self.look.name }
    }

    pub(crate) fn accent(&self) -> &'static str {
        self.look.accent.name()
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        assets::url(name)
    }

    /// The hidden field that every form carries; `|safe` in the template.
    pub(crate) fn csrf(&self) -> String {
        format!("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", self.csrf)
    }

    pub(crate) fn csrf_token(&self) -> &str {
        &self.csrf
    }

    /// This page's own address, for forms that come back to it.
    pub(crate) fn here(&self) -> &str {
        &self.here
    }

    /// A `<time>` element; `|safe` in the template.
    pub(crate) fn time(&self, t: &Time) -> String {
        dates::html(*t, self.lang)
    }

    /// `1,234`; templates hand out references.
    pub(crate) fn n(&self, n: impl Borrow<u64>) -> String {
        dates::grouped(*n.borrow())
    }

    pub(crate) fn say<'a>(&self, says: &'a Say) -> &'a str {
        says.to(self.lang)
    }

    pub(crate) fn other_lang(&self) -> &'static str {
        self.lang.pick("en", "ja")
    }
}
