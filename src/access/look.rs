//! How the house looks to everybody who opens its pages: the name it goes by, and the colour of what is pressed.

use super::rows;
use crate::base::{By, Error, Result, Say, Time, limits};
use crate::store::{Deed, Store};

/// A closed list: the style sheet holds a palette for each, light and dark, whose contrast a test computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accent {
    #[default]
    Persimmon,
    Rose,
    Plum,
    Indigo,
    Pine,
    Ink,
}

impl Accent {
    pub const ALL: [Accent; 6] =
        [Accent::Persimmon, Accent::Rose, Accent::Plum, Accent::Indigo, Accent::Pine, Accent::Ink];

    pub fn name(self) -> &'static str {
        match self {
            Accent::Persimmon => "persimmon",
            Accent::Rose => "rose",
            Accent::Plum => "plum",
            Accent::Indigo => "indigo",
            Accent::Pine => "pine",
            Accent::Ink => "ink",
        }
    }

    pub fn parse(text: &str) -> Result<Accent> {
        let found = Accent::ALL.into_iter().find(|a| a.name() == text);
        found.ok_or_else(|| Error::refused(say!("色を一覧から選んでください。", "Choose one of the colours.")))
    }

    pub fn title(self) -> Say {
        match self {
            Accent::Persimmon => say!("柿", "Persimmon"),
            Accent::Rose => say!("つつじ", "Rose"),
            Accent::Plum => say!("ぶどう", "Plum"),
            Accent::Indigo => say!("藍", "Indigo"),
            Accent::Pine => say!("松葉", "Pine"),
            Accent::Ink => say!("墨", "Ink"),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Empty: the product's own name.
    pub name: String,
    pub accent: Accent,
}

/// What is set, else the product's own look.
pub fn get(store: &Store) -> Result<Look> {
    Ok(store.read(rows::look)?.unwrap_or_default())
}

pub fn set(store: &Store, by: &By, now: Time, look: &Look) -> Result<()> {
    let look = Look { name: name_of(&look.name)?, accent: look.accent };
    store.write(by, now, Deed::new("look.set", look.accent.name()), |tx| rows::set_look(tx, &look))
}

/// One line that fits into a header; nothing that hides or turns the letters around it.
pub fn name_of(text: &str) -> Result<String> {
    let (name, most) = (text.trim(), limits::HOUSE_NAME_MAX);
    if name.chars().any(is_unseen) {
        return Err(Error::refused(say!(
            "名前に、改行や見えない文字は使えません。",
            "The name holds a line break or a character that cannot be seen."
        )));
    }
    if name.chars().count() > most {
        return Err(Error::refused(say!("名前は {most} 文字までです。", "The name has at most {most} characters.")));
    }
    Ok(name.to_owned())
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
