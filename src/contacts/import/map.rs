//! Which column goes where: pure. A column is the address, an attribute (one of the house, or a new one whose type
//! is guessed from its first values), the tags, or nothing.

use super::headers::{self, Meaning};
use super::plan::{Mode, Reason};
use crate::base::lang::Say;
use crate::base::{Error, Result, limits};
use crate::contacts::attribute::{Attribute, Catalog, Role};
use crate::contacts::key;
use crate::contacts::value::{self, Look, Type};
use std::collections::HashMap;

/// What the caller decides about columns.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// COLUMN=KEY: `email`, `tags`, `-` for nothing, an attribute's key or label, or a new label.
    pub map: Vec<(String, String)>,
    pub types: Vec<(String, Type)>,
    pub only_mapped: bool,
    /// The attribute that identifies a contact; the address if none.
    pub key: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Email,
    /// By position in `Mapping::attributes`.
    Attribute(usize),
    Tags,
    Nothing,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub header: String,
    pub target: Target,
    /// The first values, for people who check.
    pub samples: Vec<String>,
}

/// An attribute that the file fills.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// 0 for one that the import will make.
    pub id: i64,
    pub key: String,
    pub label: String,
    pub kind: Type,
    /// A guessed type gives way to text when a value further down does not fit it.
    pub guessed: bool,
    pub choices: Vec<String>,
    pub role: Role,
}

#[derive(Clone, Debug)]
pub struct Mapping {
    pub columns: Vec<Column>,
    pub attributes: Vec<Wanted>,
    /// The columns' positions.
    pub email: Option<usize>,
    pub key: Option<usize>,
    pub tags: Option<usize>,
    /// Our own column, in a file of rejected rows that comes back.
    pub(super) reason: Option<usize>,
}

/// The file as far as a mapping needs it.
pub(super) struct Sheet<'a> {
    pub(super) headers: &'a [String],
    /// The first rows, as text.
    pub(super) rows: &'a [Vec<String>],
    /// Numbers may be Excel's days.
    pub(super) serials: bool,
}

pub(super) fn map(sheet: &Sheet<'_>, catalog: &Catalog, wishes: &Wishes, mode: Mode) -> Result<Mapping> {
    let mut mapper = Mapper {
        sheet,
        catalog,
        wishes,
        mapping: Mapping {
            columns: Vec::new(),
            attributes: Vec::new(),
            email: None,
            key: None,
            tags: None,
            reason: None,
        },
    };
    let wished = mapper.wished()?;
    mapper.check_types()?;
    for at in 0..sheet.headers.len() {
        let target = match wished.get(&at) {
            Some(name) => mapper.named(at, name)?,
            None => mapper.matched(at, wished.values().any(|n| n == "email")),
        };
        let header = mapper.label(at);
        mapper.mapping.columns.push(Column { header, target, samples: mapper.samples(at) });
    }
    mapper.identify(mode)?;
    Ok(mapper.mapping)
}

struct Mapper<'a> {
    sheet: &'a Sheet<'a>,
    catalog: &'a Catalog,
    wishes: &'a Wishes,
    mapping: Mapping,
}

impl Mapper<'_> {
    /// The wishes by column position.
    fn wished(&self) -> Result<HashMap<usize, String>> {
        let mut found = HashMap::new();
        for (column, to) in &self.wishes.map {
            let at = self.position(column).ok_or_else(|| no_column(column))?;
            found.insert(at, to.trim().to_owned());
        }
        Ok(found)
    }

    fn position(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        let numbered = || name.strip_prefix('#')?.parse::<usize>().ok()?.checked_sub(1);
        let headers = self.sheet.headers;
        headers.iter().position(|h| h == name).or_else(|| numbered().filter(|n| *n < headers.len()))
    }

    fn check_types(&self) -> Result<()> {
        for (name, kind) in &self.wishes.types {
            let known = self.catalog.find(name);
            if known.is_none() && self.position(name).is_none() {
                return Err(no_column(name));
            }
            if let Some(a) = known.filter(|a| a.kind != *kind) {
                let (label, has) = (&a.label, a.kind.name());
                return Err(Error::conflict(say!(
                    "属性「{label}」の型はすでに {has} です。",
                    "The attribute {label} is of type {has} already."
                ))
                .hint(say!(
                    "--type を外すか、属性の型を先に変えてください。",
                    "Leave out --type, or change the attribute's type first."
                )));
            }
        }
        Ok(())
    }

    /// A column without a name gets its position as one.
    fn label(&self, at: usize) -> String {
        let n = at + 1;
        let header = self.sheet.headers[at].trim();
        let label: String = header.chars().filter(|c| !c.is_control()).take(limits::LABEL_MAX).collect();
        if label.is_empty() { format!("列{n}") } else { label }
    }

    fn samples(&self, at: usize) -> Vec<String> {
        self.values(at).filter(|v| !v.trim().is_empty()).take(3).map(str::to_owned).collect()
    }

    fn values(&self, at: usize) -> impl Iterator<Item = &str> + Clone {
        self.sheet.rows.iter().filter_map(move |row| row.get(at)).map(String::as_str)
    }

    fn named(&mut self, at: usize, name: &str) -> Result<Target> {
        match name {
            "" | "-" => return Ok(Target::Nothing),
            "email" => return self.take_email(at).ok_or_else(|| twice(name)),
            "tags" => return self.take_tags(at).ok_or_else(|| twice(name)),
            _ => {}
        }
        if let Some(a) = self.catalog.find(name) {
            return self.take_known(&a.clone()).ok_or_else(|| twice(name));
        }
        if self.mapping.attributes.iter().any(|w| w.label == name) {
            return Err(twice(name));
        }
        Ok(self.take_new(at, name.to_owned()))
    }

    fn matched(&mut self, at: usize, email_is_wished: bool) -> Target {
        let header = self.label(at);
        if self.is_our_reason(at, &header) {
            self.mapping.reason = Some(at);
            return Target::Nothing;
        }
        if let Some(target) = self.catalog.find(&header).cloned().and_then(|a| self.take_known(&a)) {
            return target;
        }
        let meaning = headers::meaning(&header);
        let by_meaning = match meaning {
            Some(Meaning::Email) if !email_is_wished => self.take_email(at),
            Some(Meaning::Tags) => self.take_tags(at),
            Some(Meaning::Named(role)) => {
                let same = self.catalog.attributes.iter().find(|a| a.role == role).cloned();
                same.and_then(|a| self.take_known(&a))
            }
            Some(Meaning::Email | Meaning::Code) | None => None,
        };
        let nameless = self.sheet.headers[at].trim().is_empty() && self.samples(at).is_empty();
        let wanted = matches!(meaning, Some(Meaning::Named(_))) || self.is_wished(&header);
        match by_meaning {
            Some(target) => target,
            None if nameless || (self.wishes.only_mapped && !wanted) => Target::Nothing,
            None => self.take_new(at, header),
        }
    }

    /// The last column of a file of rejected rows, which comes back when somebody has corrected them.
    fn is_our_reason(&self, at: usize, header: &str) -> bool {
        let mut cells = self.values(at).filter(|v| !v.trim().is_empty()).peekable();
        at + 1 == self.sheet.headers.len()
            && matches!(header, "理由" | "reason")
            && cells.peek().is_some()
            && cells.all(Reason::wrote)
    }

    fn is_wished(&self, header: &str) -> bool {
        self.wishes.types.iter().any(|(name, _)| name == header) || self.wishes.key.as_deref() == Some(header)
    }

    fn take_email(&mut self, at: usize) -> Option<Target> {
        self.mapping.email.is_none().then(|| {
            self.mapping.email = Some(at);
            Target::Email
        })
    }

    fn take_tags(&mut self, at: usize) -> Option<Target> {
        self.mapping.tags.is_none().then(|| {
            self.mapping.tags = Some(at);
            Target::Tags
        })
    }

    fn take_known(&mut self, a: &Attribute) -> Option<Target> {
        if self.mapping.attributes.iter().any(|w| w.id == a.id) {
            return None;
        }
        self.mapping.attributes.push(Wanted {
            id: a.id,
            key: a.key.clone(),
            label: a.label.clone(),
            kind: a.kind,
            guessed: false,
            choices: a.choices.clone(),
            role: a.role,
        });
        Some(Target::Attribute(self.mapping.attributes.len() - 1))
    }

    fn take_new(&mut self, at: usize, label: String) -> Target {
        // An attribute of these names would take the place of the address or the tags when an export comes back.
        let taken = |l: &str| {
            matches!(l, "email" | "tags")
                || self.catalog.find(l).is_some()
                || self.mapping.attributes.iter().any(|w| w.label == l || w.key == l)
        };
        let label = match taken(&label) {
            true => (2..).map(|n| format!("{label} ({n})")).find(|l| !taken(l)).unwrap_or(label),
            false => label,
        };
        let key = key::from_label(&label, taken);
        let wished = self.wishes.types.iter().find(|(n, _)| *n == label || *n == self.sheet.headers[at]);
        let is_key = self.wishes.key.as_deref().is_some_and(|k| k == label || k == self.sheet.headers[at]);
        let (kind, guessed) = match wished {
            Some((_, kind)) => (*kind, false),
            None if is_key => (Type::Text, false),
            None => (value::guess(self.values(at), self.look(at)), true),
        };
        let role = self.role(at);
        self.mapping.attributes.push(Wanted { id: 0, key, label, kind, guessed, choices: Vec::new(), role });
        Target::Attribute(self.mapping.attributes.len() - 1)
    }

    fn look(&self, at: usize) -> Look {
        let header = self.label(at);
        let folded = headers::folded(&header);
        let day = folded.ends_with('日') || folded.ends_with("date") || folded.contains("birth");
        let code = matches!(headers::meaning(&header), Some(Meaning::Code | Meaning::Named(_)));
        Look { code, day, serials: self.sheet.serials }
    }

    /// Each role is had by one attribute.
    fn role(&self, at: usize) -> Role {
        let Some(Meaning::Named(role)) = headers::meaning(&self.label(at)) else { return Role::None };
        let taken = self.catalog.attributes.iter().any(|a| a.role == role)
            || self.mapping.attributes.iter().any(|w| w.role == role);
        if taken { Role::None } else { role }
    }

    /// Finds the column that says who a row is about.
    fn identify(&mut self, mode: Mode) -> Result<()> {
        let needs_address = !matches!(mode, Mode::Update | Mode::Remove) || self.wishes.key.is_none();
        if needs_address && self.mapping.email.is_none() {
            return Err(Error::refused(say!(
                "メールアドレスの列が見つかりません。",
                "No column was recognised as the mail address."
            ))
            .hint(say!("--map '列の名前=email' で指定してください。", "Name it with --map 'COLUMN=email'.")));
        }
        let Some(name) = self.wishes.key.as_deref().filter(|k| *k != "email") else { return Ok(()) };
        let column = self.mapping.columns.iter().position(|c| match c.target {
            Target::Attribute(n) => {
                let w = &self.mapping.attributes[n];
                w.key == name || w.label == name || c.header == name
            }
            Target::Email | Target::Tags | Target::Nothing => false,
        });
        self.mapping.key = Some(column.ok_or_else(|| no_column(name))?);
        Ok(())
    }
}

fn no_column(name: &str) -> Error {
    Error::refused(say!("列「{name}」はファイルにありません。", "The file has no column {name}."))
        .hint(say!("1 行目の名前のとおりに書いてください。", "Write it as it stands in the first row."))
}

fn twice(name: &str) -> Error {
    let says: Say = say!("「{name}」に 2 つの列が割り当てられています。", "Two columns are mapped to {name}.");
    Error::refused(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(headers: &[&str], row: &[&str], wishes: &Wishes) -> Result<Mapping> {
        let headers: Vec<String> = headers.iter().map(|h| (*h).to_owned()).collect();
        let rows = [row.iter().map(|c| (*c).to_owned()).collect()];
        let sheet = Sheet { headers: &headers, rows: &rows, serials: false };
        map(&sheet, &catalog(), wishes, Mode::Merge)
    }

    fn catalog() -> Catalog {
        let choices = Vec::new();
        let a = |id, key: &str, label: &str, role| Attribute {
            id,
            key: key.into(),
            label: label.into(),
            kind: Type::Text,
            choices: choices.clone(),
            substitute: String::new(),
            role,
        };
        Catalog { attributes: vec![a(1, "姓", "姓", Role::FamilyName), a(2, "_2回目", "2回目", Role::None)] }
    }

    fn said(m: &Mapping) -> Vec<String> {
        let one = |c: &Column| match c.target {
            Target::Email => "email".to_owned(),
            Target::Tags => "tags".to_owned(),
            Target::Nothing => "-".to_owned(),
            Target::Attribute(n) => {
                let w = &m.attributes[n];
                format!("{}:{}:{}{}", w.id, w.key, w.kind.name(), w.role.name())
            }
        };
        m.columns.iter().map(one).collect()
    }

    #[test]
    fn columns_find_their_place_by_name_and_new_ones_get_a_type() {
        let m = mapped(
            &["E-mail", "名字", "2回目", "年齢", "誕生日", "電話番号", "", "年齢", "タグ", "会員"],
            &["a@example.jp", "山田", "x", "30", "19900401", "0312345678", "", "31", "a;b", "はい"],
            &Wishes::default(),
        )
        .unwrap();
        let want = [
            "email",
            "1:姓:textfamily_name",
            "2:_2回目:text",
            "0:年齢:number",
            "0:誕生日:date",
            "0:電話番号:text",
            "-",
            "0:年齢_2:number",
            "tags",
            "0:会員:bool",
        ];
        assert_eq!(said(&m), want);
        assert_eq!(m.attributes.last().unwrap().label, "会員");
    }

    #[test]
    fn what_a_person_wishes_goes_before_what_a_header_suggests() {
        let map = vec![("A".into(), "email".into()), ("#2".into(), "姓".into()), ("C".into(), "-".into())];
        let types = vec![("D".into(), Type::Text)];
        let wishes = Wishes { map, types, only_mapped: true, key: Some("E".into()) };
        let m = mapped(&["A", "B", "C", "D", "E", "F"], &["a@example.jp", "1", "2", "3", "4", "5"], &wishes).unwrap();
        assert_eq!(said(&m), ["email", "1:姓:textfamily_name", "-", "0:D:text", "0:E:text", "-"]);
        assert_eq!(m.key, Some(4));
    }

    #[test]
    fn what_cannot_be_mapped_is_said() {
        let none = Wishes::default();
        assert!(mapped(&["姓"], &["x"], &none).is_err());
        let twice = Wishes { map: vec![("A".into(), "姓".into()), ("B".into(), "姓".into())], ..none.clone() };
        assert!(mapped(&["email", "A", "B"], &["a@example.jp"], &twice).is_err());
        let gone = Wishes { map: vec![("Z".into(), "姓".into())], ..none.clone() };
        assert!(mapped(&["email"], &["a@example.jp"], &gone).is_err());
        let typed = Wishes { types: vec![("姓".into(), Type::Number)], ..none };
        assert!(mapped(&["email", "姓"], &["a@example.jp"], &typed).is_err());
    }
}
