//! A pick as one SELECT. Everything typed is bound; only numbers of this program's own stand in the text.
//!
//! The tables are clustered by tag and by attribute, so the table of one condition that must hold drives the
//! query, in order of contacts, and every other condition looks into its own table at nearly the same place. To count
//! them all, an `or` drives too: the tables of its parts are read side by side, each in order, and merged; and of a
//! denial the others are counted. A page reads on from its place and gathers nothing first. Where nothing drives, the
//! contacts themselves are walked by number, never by an index: in any other order each look-up would read, and
//! decrypt, another page than the one before.

use crate::base::{
    Error, Result, Time,
    ids::{ContactId, SegmentId},
};
use crate::contacts::consent::EVERYTHING;
use crate::contacts::rows::attributes;
use crate::contacts::segment::plan::{Pick, Test, ValueTest};
use crate::contacts::segment::term::{Compare, Moment, Named, TextOp};
use crate::contacts::segment::{Outcome, Saved, Wanted, Words};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

pub(in crate::contacts) fn words(c: &Connection) -> Result<Words> {
    let named = |sql: &str| -> Result<Vec<Named>> {
        let mut q = c.prepare_cached(sql)?;
        let rows = q.query_map([], |r| Ok(Named { id: r.get(0)?, name: r.get(1)? }))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    Ok(Words {
        catalog: attributes::all(c)?,
        tags: named("SELECT id, name FROM tags ORDER BY id")?,
        topics: named("SELECT id, name FROM topics ORDER BY id")?,
    })
}

/// `FROM … WHERE …` of a pick, the column that is the contact, and what is bound.
pub(in crate::contacts) struct Query {
    pub(in crate::contacts) id: &'static str,
    pub(in crate::contacts) from: String,
    pub(in crate::contacts) bound: Vec<Value>,
}

impl Query {
    /// For a part of them in order: a page, one contact.
    pub(in crate::contacts) fn new(pick: &Pick) -> Query {
        Query::driven(pick, drives)
    }

    /// For all of them, read from the first to the last.
    pub(in crate::contacts) fn whole(pick: &Pick) -> Query {
        Query::driven(pick, gathers)
    }

    fn driven(pick: &Pick, drives: Drives) -> Query {
        let mut sql = Sql { id: WALKED, bound: Vec::new() };
        let from = sql.from(pick, drives);
        Query { id: sql.id, from, bound: sql.bound }
    }

    pub(in crate::contacts) fn walks(&self) -> bool {
        self.id == WALKED
    }

    /// One more value, with the name it is bound to.
    pub(in crate::contacts) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.bound.push(value.into());
        format!("?{}", self.bound.len())
    }
}

/// The column that is the contact: of the contacts themselves, of the table that drives.
const WALKED: &str = "c.id";
const DRIVEN: &str = "d.contact";

/// How well a condition drives the query; smaller is better.
type Drives = fn(&Pick) -> Option<u8>;

/// By its own table.
fn drives(pick: &Pick) -> Option<u8> {
    let Pick::Test(test) = pick else { return None };
    match test {
        Test::Tagged(tags) if tags.len() == 1 => Some(0),
        Test::Value(_, ValueTest::Text(TextOp::Equal, _) | ValueTest::Has(_) | ValueTest::Returns(..)) => Some(1),
        Test::Value(_, ValueTest::Filled) => Some(3),
        Test::Value(..) => Some(2),
        Test::Tagged(_) | Test::Agreed(_) | Test::Refused(_) | Test::Suppressed => None,
        Test::Result(..) | Test::Email(..) | Test::Moment(..) => None,
    }
}

/// By its own table, or by those of its parts together.
fn gathers(pick: &Pick) -> Option<u8> {
    drives(pick).or_else(|| match pick {
        Pick::All(parts) => parts.iter().filter_map(gathers).min(),
        Pick::Any(_) | Pick::Test(_) | Pick::Not(_) => {
            let parts = alternatives(pick);
            let merged = (1..=MERGED).contains(&parts.len()) && parts.iter().all(|p| gathers(p).is_some());
            merged.then_some(4)
        }
    })
}

/// Tables that are read side by side; with many more, each row would pass through too many merges.
const MERGED: usize = 16;

fn alternatives(pick: &Pick) -> Vec<Pick> {
    match pick {
        Pick::Any(parts) => parts.clone(),
        Pick::Test(Test::Tagged(tags)) => tags.iter().map(|t| Pick::Test(Test::Tagged(vec![*t]))).collect(),
        Pick::All(_) => vec![pick.clone()],
        Pick::Not(_) | Pick::Test(_) => Vec::new(),
    }
}

/// All that it does not pick, where they are found faster.
fn others(pick: &Pick) -> Option<Pick> {
    let others = denied(pick);
    (gathers(pick).is_none() && gathers(&others).is_some()).then_some(others)
}

fn denied(pick: &Pick) -> Pick {
    match pick {
        Pick::All(parts) => Pick::Any(parts.iter().map(denied).collect()),
        Pick::Any(parts) => Pick::All(parts.iter().map(denied).collect()),
        Pick::Not(inner) => (**inner).clone(),
        Pick::Test(_) => Pick::Not(Box::new(pick.clone())),
    }
}

struct Sql {
    id: &'static str,
    bound: Vec<Value>,
}

impl Sql {
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.bound.push(value.into());
        format!("?{}", self.bound.len())
    }

    /// `FROM … WHERE …`; every contact once, in order of numbers.
    fn from(&mut self, pick: &Pick, drives: Drives) -> String {
        let parts = match pick {
            Pick::All(parts) => parts.as_slice(),
            Pick::Any(_) | Pick::Not(_) | Pick::Test(_) => std::slice::from_ref(pick),
        };
        let driver = parts.iter().enumerate().filter_map(|(n, p)| drives(p).map(|rank| (rank, n))).min();
        let driver = driver.map(|(_, n)| n);
        self.id = if driver.is_some() { DRIVEN } else { WALKED };
        let (table, condition) = match driver.map(|n| &parts[n]) {
            None => ("contacts c NOT INDEXED".to_owned(), "1".to_owned()),
            Some(driving) => self.driving(driving, drives),
        };
        let mut conditions = vec![condition];
        let rest = parts.iter().enumerate().filter(|(n, _)| Some(*n) != driver);
        conditions.extend(rest.map(|(_, p)| self.pick(p)));
        format!("FROM {table} WHERE {}", conditions.join(" AND "))
    }

    fn driving(&mut self, pick: &Pick, drives: Drives) -> (String, String) {
        match pick {
            Pick::Test(Test::Value(attr, test)) => {
                let attr = self.bind(*attr);
                ("vals d".to_owned(), format!("d.attr = {attr} AND {}", self.value("d.v", test)))
            }
            Pick::Test(Test::Tagged(tags)) if tags.len() == 1 => {
                let tags = self.numbers(tags);
                ("tagged d".to_owned(), format!("d.tag IN ({tags})"))
            }
            Pick::All(_) | Pick::Any(_) | Pick::Not(_) | Pick::Test(_) => {
                let parts = alternatives(pick);
                let parts = parts.iter().map(|p| format!("SELECT {DRIVEN} AS contact {}", self.from(p, drives)));
                // The order lets the parts be merged as they are read, without a table beside them.
                let merged = parts.collect::<Vec<_>>().join(" UNION ");
                (format!("({merged} ORDER BY 1) d"), "1".to_owned())
            }
        }
    }

    fn pick(&mut self, pick: &Pick) -> String {
        match pick {
            Pick::All(parts) if parts.is_empty() => "1".to_owned(),
            Pick::Any(parts) if parts.is_empty() => "0".to_owned(),
            Pick::All(parts) => self.joined(parts, " AND "),
            Pick::Any(parts) => self.joined(parts, " OR "),
            Pick::Not(inner) => format!("NOT {}", self.pick(inner)),
            Pick::Test(test) => self.test(test),
        }
    }

    fn joined(&mut self, parts: &[Pick], between: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|p| self.pick(p)).collect();
        format!("({})", parts.join(between))
    }

    /// True or false of every contact, never NULL.
    fn test(&mut self, test: &Test) -> String {
        let id = self.id;
        match test {
            Test::Tagged(tags) => {
                let tags = self.numbers(tags);
                format!("EXISTS (SELECT 1 FROM tagged t WHERE t.tag IN ({tags}) AND t.contact = {id})")
            }
            Test::Value(attr, test) => {
                let attr = self.bind(*attr);
                let test = self.value("v.v", test);
                format!("EXISTS (SELECT 1 FROM vals v WHERE v.attr = {attr} AND v.contact = {id} AND {test})")
            }
            Test::Agreed(topic) => {
                let topic = self.bind(*topic);
                format!("({} = 1 AND NOT {})", said(id, &topic), refused(id, &topic))
            }
            Test::Refused(topic) => {
                let topic = self.bind(*topic);
                refused(id, &topic)
            }
            Test::Suppressed => {
                format!("EXISTS (SELECT 1 FROM contacts a JOIN suppressions s ON s.addr = a.addr WHERE a.id = {id})")
            }
            Test::Result(campaign, outcomes) => self.result(*campaign, outcomes),
            Test::Email(op, list) => {
                let test = self.text("e.email", *op, list);
                format!("EXISTS (SELECT 1 FROM contacts e WHERE e.id = {id} AND {test})")
            }
            Test::Moment(of, from, to) => {
                let column = match of {
                    Moment::Created => "m.created",
                    Moment::Changed => "m.changed",
                };
                let (from, to) = (self.bind(*from), self.bind(*to));
                format!(
                    "EXISTS (SELECT 1 FROM contacts m WHERE m.id = {id} AND {column} >= {from} AND {column} < {to})"
                )
            }
        }
    }

    fn result(&mut self, campaign: Option<i64>, outcomes: &[Outcome]) -> String {
        let of = match campaign {
            Some(campaign) => format!("WHERE campaign = {}", self.bind(campaign)),
            None => String::new(),
        };
        let list: Vec<String> = outcomes.iter().map(|o| self.bind(o.name().to_owned())).collect();
        let happened = if list.is_empty() { String::new() } else { format!("AND o.outcome IN ({})", list.join(", ")) };
        let id = self.id;
        format!(
            "EXISTS (SELECT 1 FROM outcomes o WHERE o.run IN (SELECT run FROM runs_read {of}) AND o.contact = {id} {happened})"
        )
    }

    fn value(&mut self, column: &str, test: &ValueTest) -> String {
        match test {
            ValueTest::Filled => format!("{column} <> ''"),
            ValueTest::Text(op, list) => self.text(column, *op, list),
            ValueTest::Number(op, list) => {
                let list: Vec<String> = list.iter().map(|n| self.bind(*n)).collect();
                match op {
                    Compare::Equal => format!("{column} IN ({})", list.join(", ")),
                    Compare::Less | Compare::AtMost | Compare::More | Compare::AtLeast => {
                        any(list.iter().map(|n| format!("{column} {} {n}", op.sign())))
                    }
                }
            }
            ValueTest::Days(from, to) => {
                let (from, to) = (self.bind(*from), self.bind(*to));
                format!("{column} BETWEEN {from} AND {to}")
            }
            ValueTest::Month(month) => {
                let month = self.bind(i64::from(*month));
                format!("CAST(strftime('%m', {column} * 86400, 'unixepoch') AS INTEGER) = {month}")
            }
            ValueTest::Returns(from, to) => {
                let both = if from <= to { "AND" } else { "OR" };
                let (from, to) = (self.bind(i64::from(*from)), self.bind(i64::from(*to)));
                let day = format!("CAST(strftime('%m%d', {column} * 86400, 'unixepoch') AS INTEGER)");
                format!("({day} >= {from} {both} {day} <= {to})")
            }
            ValueTest::Flag(yes) => format!("{column} = {}", i64::from(*yes)),
            ValueTest::Has(list) => any(list.iter().map(|one| {
                let one = self.bind(format!("\u{1f}{}\u{1f}", one.to_ascii_lowercase()));
                format!("instr(lower({column}), {one}) > 0")
            })),
        }
    }

    /// `lower` knows A to Z alone, as `to_ascii_lowercase` does.
    fn text(&mut self, column: &str, op: TextOp, list: &[String]) -> String {
        let list: Vec<String> = list.iter().map(|t| self.bind(t.to_ascii_lowercase())).collect();
        match op {
            TextOp::Equal => format!("{column} COLLATE NOCASE IN ({})", list.join(", ")),
            TextOp::Contains => any(list.iter().map(|t| format!("instr(lower({column}), {t}) > 0"))),
            TextOp::Starts => any(list.iter().map(|t| format!("substr(lower({column}), 1, length({t})) = {t}"))),
            TextOp::Ends => any(list.iter().map(|t| format!("substr(lower({column}), -length({t})) = {t}"))),
        }
    }

    fn numbers(&mut self, list: &[i64]) -> String {
        list.iter().map(|n| self.bind(*n)).collect::<Vec<_>>().join(", ")
    }
}

/// The last word of a contact about a topic: 1 agreed, 0 refused, -1 nothing said.
pub(in crate::contacts) fn said(id: &str, topic: &str) -> String {
    format!(
        "coalesce((SELECT given FROM consents WHERE contact = {id} AND topic = {topic} ORDER BY n DESC LIMIT 1), -1)"
    )
}

/// By this contact, for everything by this contact, or by anybody at the same address.
pub(in crate::contacts) fn refused(id: &str, topic: &str) -> String {
    let (own, everything) = (said(id, topic), said(id, &EVERYTHING.to_string()));
    format!(
        "({own} = 0 OR {everything} = 0 OR EXISTS (SELECT 1 FROM contacts a JOIN refusals r ON r.addr = a.addr AND r.topic = {topic} WHERE a.id = {id}))"
    )
}

fn any(tests: impl Iterator<Item = String>) -> String {
    format!("({})", tests.collect::<Vec<_>>().join(" OR "))
}

pub(in crate::contacts) fn count(c: &Connection, pick: &Pick) -> Result<u64> {
    const EVERYBODY: &str = "SELECT count(*) FROM contacts";
    let number = |sql: &str, bound: &[Value]| -> Result<u64> {
        let n: i64 = c.prepare(sql)?.query_row(params_from_iter(bound), |r| r.get(0))?;
        u64::try_from(n).map_err(Error::bug)
    };
    if let Some(others) = others(pick) {
        let query = Query::whole(&others);
        return number(&format!("SELECT ({EVERYBODY}) - count(*) {}", query.from), &query.bound);
    }
    let query = Query::whole(pick);
    match pick {
        Pick::All(parts) if parts.is_empty() => number(EVERYBODY, &[]),
        Pick::All(_) | Pick::Any(_) | Pick::Not(_) | Pick::Test(_) => {
            number(&format!("SELECT count(*) {}", query.from), &query.bound)
        }
    }
}

pub(in crate::contacts) fn page(c: &Connection, pick: &Pick, after: ContactId, most: usize) -> Result<Vec<ContactId>> {
    let mut query = Query::new(pick);
    let (after, most) = (query.bind(after.0), query.bind(i64::try_from(most).unwrap_or(i64::MAX)));
    let Query { id, from, bound } = query;
    let mut q = c.prepare(&format!("SELECT {id} {from} AND {id} > {after} ORDER BY {id} LIMIT {most}"))?;
    let rows = q.query_map(params_from_iter(&bound), |r| r.get(0).map(ContactId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn newest(c: &Connection, pick: &Pick, wanted: &Wanted<'_>) -> Result<Vec<ContactId>> {
    let mut query = Query::new(pick);
    let before = query.bind(wanted.before.map_or(i64::MAX, |id| id.0));
    let most = query.bind(i64::try_from(wanted.most).unwrap_or(i64::MAX));
    let found = match wanted.text {
        "" => String::new(),
        text => {
            let (text, id) = (query.bind(text.to_owned()), query.id);
            format!("AND EXISTS (SELECT 1 FROM contacts x WHERE x.id = {id} AND instr(x.search, {text}) > 0)")
        }
    };
    let Query { id, from, bound } = query;
    let mut q =
        c.prepare(&format!("SELECT {id} {from} AND {id} < {before} {found} ORDER BY {id} DESC LIMIT {most}"))?;
    let rows = q.query_map(params_from_iter(&bound), |r| r.get(0).map(ContactId))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(in crate::contacts) fn contains(c: &Connection, pick: &Pick, contact: ContactId) -> Result<bool> {
    let mut query = Query::new(pick);
    let one = query.bind(contact.0);
    let Query { id, from, bound } = query;
    let sql = format!("SELECT EXISTS (SELECT 1 {from} AND {id} = {one})");
    Ok(c.prepare(&sql)?.query_row(params_from_iter(&bound), |r| r.get(0))?)
}

const SAVED: &str = "SELECT id, name, text, created, changed FROM segments";

fn saved(r: &rusqlite::Row<'_>) -> rusqlite::Result<Saved> {
    Ok(Saved {
        id: SegmentId(r.get(0)?),
        name: r.get(1)?,
        text: r.get(2)?,
        created: Time(r.get(3)?),
        changed: Time(r.get(4)?),
    })
}

pub(in crate::contacts) fn list(c: &Connection) -> Result<Vec<Saved>> {
    let mut q = c.prepare_cached(&format!("{SAVED} ORDER BY name"))?;
    let rows = q.query_map([], saved)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// By id (`g3`) or by name.
pub(in crate::contacts) fn find(c: &Connection, which: &str) -> Result<Option<Saved>> {
    match SegmentId::parse(which) {
        Ok(id) => by_id(c, id),
        Err(_) => by_name(c, which.trim()),
    }
}

fn by_id(c: &Connection, id: SegmentId) -> Result<Option<Saved>> {
    Ok(c.prepare_cached(&format!("{SAVED} WHERE id = ?1"))?.query_row([id.0], saved).optional()?)
}

pub(in crate::contacts) fn by_name(c: &Connection, name: &str) -> Result<Option<Saved>> {
    Ok(c.prepare_cached(&format!("{SAVED} WHERE name = ?1"))?.query_row([name], saved).optional()?)
}

pub(in crate::contacts) fn insert(c: &Connection, name: &str, text: &str, now: Time) -> Result<SegmentId> {
    c.prepare_cached("INSERT INTO segments (name, text, created, changed) VALUES (?1, ?2, ?3, ?3)")?
        .execute(params![name, text, now.ms()])?;
    Ok(SegmentId(c.last_insert_rowid()))
}

pub(in crate::contacts) fn update(c: &Connection, id: SegmentId, name: &str, text: &str, now: Time) -> Result<()> {
    c.prepare_cached("UPDATE segments SET name = ?2, text = ?3, changed = ?4 WHERE id = ?1")?.execute(params![
        id.0,
        name,
        text,
        now.ms()
    ])?;
    Ok(())
}

pub(in crate::contacts) fn delete(c: &Connection, id: SegmentId) -> Result<bool> {
    Ok(c.prepare_cached("DELETE FROM segments WHERE id = ?1")?.execute([id.0])? == 1)
}
