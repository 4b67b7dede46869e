//! The first of two passes: every row is judged by itself, and what reads well goes into sealed buckets by identity.
//!
//! Why buckets: rows of one contact meet in one bucket, so the last of them is found in bounded memory; and a bucket
//! is worked off in the order of the address hash, so that a batch touches a few neighbouring pages of its index.

use super::map::{Column, Mapping, Target};
use super::plan::{Cell, Entry, Reason};
use super::read::{Format, Source};
use crate::base::spool::{Reader, Spool};
use crate::base::{Email, Error, Progress, Result, limits};
use crate::contacts::address::AddressHash;
use crate::contacts::attribute::Role;
use crate::contacts::key;
use crate::contacts::search;
use crate::contacts::value::{Type, Value, narrow, pieces};
use crate::store::Store;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};

#[derive(Clone, Copy, Debug)]
pub(super) struct Rejected {
    pub(super) row: u32,
    pub(super) reason: Reason,
}

/// What the first pass leaves.
pub(super) struct Staged {
    pub(super) mapping: Mapping,
    pub(super) buckets: Vec<Reader>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) rows: u64,
}

/// `None` when it was asked to stop.
pub(super) fn stage(
    store: &Store,
    source: &mut Source,
    mapping: Mapping,
    presence: bool,
    progress: &dyn Progress,
) -> Result<Option<Staged>> {
    let mut stager = Stager::new(store, source, mapping, presence)?;
    let mut rows = source.rows()?;
    let mut count = 0u64;
    while rows.advance()? {
        count += 1;
        let row = u32::try_from(rows.number).map_err(|_| too_many())?;
        let mut cells = Vec::with_capacity(stager.mapping.columns.len());
        match rows.cells(&mut cells) {
            Ok(()) => stager.take(row, &cells)?,
            Err(broken) => stager.reject(row, Reason::Broken(broken)),
        }
        if count.is_multiple_of(20_000) {
            progress.tell(count, 0);
            if progress.stopped() {
                return Ok(None);
            }
        }
    }
    stager.finish(count).map(Some)
}

struct Stager {
    mapping: Mapping,
    /// Of each attribute, in order.
    columns: Vec<usize>,
    email: Option<usize>,
    hash: AddressHash,
    buckets: Vec<Spool>,
    rejected: Vec<Rejected>,
    /// Values of new attributes with choices, which become the choices.
    choices: Vec<Option<BTreeSet<String>>>,
    serials: bool,
    /// Rejected rows count as named by the file, so that a replace does not remove whom they are about.
    presence: bool,
    record: Vec<u8>,
}

impl Stager {
    fn new(store: &Store, source: &Source, mapping: Mapping, presence: bool) -> Result<Stager> {
        let at = |n: usize| mapping.columns.iter().position(|c: &Column| c.target == Target::Attribute(n));
        let columns: Option<Vec<usize>> = (0..mapping.attributes.len()).map(at).collect();
        let open = |w: &super::map::Wanted| w.id == 0 && matches!(w.kind, Type::Choice | Type::Multi);
        let count = (source.size / limits::IMPORT_BUCKET).clamp(1, limits::IMPORT_BUCKETS_MAX);
        Ok(Stager {
            columns: columns.ok_or_else(|| Error::bug("an attribute without its column"))?,
            email: mapping.email,
            hash: AddressHash::new(store),
            buckets: (0..count).map(|_| store.blobs().spool()).collect::<Result<_>>()?,
            rejected: Vec::new(),
            choices: mapping.attributes.iter().map(|w| open(w).then(BTreeSet::new)).collect(),
            serials: source.layout.format == Format::Xlsx,
            mapping,
            presence,
            record: Vec::new(),
        })
    }

    fn reject(&mut self, row: u32, reason: Reason) {
        self.rejected.push(Rejected { row, reason });
    }

    fn take(&mut self, row: u32, cells: &[Cow<'_, str>]) -> Result<()> {
        let identity = match self.identify(cells) {
            Ok(identity) => identity,
            Err(reason) => {
                self.reject(row, reason);
                return Ok(());
            }
        };
        match self.superseded(cells).map_or_else(|| self.misfit(cells), |lost| Ok(Some(lost)))? {
            None => self.put(row, &identity, cells, false),
            Some(reason) => {
                self.reject(row, reason);
                if self.presence { self.put(row, &identity, &[], true) } else { Ok(()) }
            }
        }
    }

    /// A row that lost to a later one comes back in the file of rejected rows, which people correct and bring again:
    /// taking it then would undo the row that won. Emptying its reason is the decision to take it.
    fn superseded(&self, cells: &[Cow<'_, str>]) -> Option<Reason> {
        let said = self.mapping.reason.and_then(|at| cells.get(at))?;
        Reason::wrote_of_a_loser(said.trim()).then_some(Reason::Superseded)
    }

    fn identify(&self, cells: &[Cow<'_, str>]) -> Result<Identity, Reason> {
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", |c| c.trim());
        let key = key::normalised(cell(self.mapping.key));
        if self.mapping.key.is_some() && key.is_empty() {
            return Err(Reason::NoKey);
        }
        let typed = narrow(cell(self.email));
        if typed.is_empty() {
            return match key.is_empty() {
                true => Err(Reason::NoAddress),
                false => Ok(Identity { email: String::new(), hash: [0; 16], key }),
            };
        }
        let email = Email::parse(&typed).map_err(|_| Reason::BadAddress)?;
        Ok(Identity { hash: self.hash.of(&email), email: email.as_str().to_owned(), key })
    }

    /// The first cell that its attribute cannot hold. A guess that does not hold becomes text instead.
    fn misfit(&mut self, cells: &[Cow<'_, str>]) -> Result<Option<Reason>> {
        for (n, column) in self.columns.iter().enumerate() {
            let Some(cell) = cells.get(*column) else { continue };
            let wanted = &mut self.mapping.attributes[n];
            if let Some(found) = &mut self.choices[n] {
                let whole = [cell.trim()];
                let parts: Vec<&str> = if wanted.kind == Type::Multi { pieces(cell).collect() } else { whole.to_vec() };
                found.extend(parts.into_iter().filter(|p| !p.is_empty()).map(str::to_owned));
                if found.len() > limits::CHOICES_MAX {
                    return Err(too_many_choices(&wanted.label));
                }
                continue;
            }
            if wanted.kind == Type::Text && cell.len() <= limits::VALUE_MAX {
                continue;
            }
            if let Err(why) = Value::read(wanted.kind, cell, &wanted.choices, self.serials) {
                if wanted.guessed && wanted.kind != Type::Text {
                    wanted.kind = Type::Text;
                    continue;
                }
                return Ok(Some(Reason::Misfit(*column, why)));
            }
        }
        Ok(None)
    }

    fn put(&mut self, row: u32, who: &Identity, cells: &[Cow<'_, str>], present_only: bool) -> Result<()> {
        let (sort, rest) = who.order();
        let record = &mut self.record;
        record.clear();
        record.extend_from_slice(&[0; 4]);
        for part in
            [&sort.to_be_bytes()[..], &rest.to_be_bytes(), &row.to_be_bytes(), &[u8::from(present_only)], &who.hash]
        {
            record.extend_from_slice(part);
        }
        push(record, Some(&who.email));
        push(record, Some(&who.key));
        push(record, self.mapping.tags.and_then(|at| cells.get(at)).map(|c| c.as_ref()).or(Some("")));
        if !present_only {
            for column in &self.columns {
                push(record, cells.get(*column).map(|c| c.as_ref()));
            }
        }
        let len = u32::try_from(record.len() - 4).map_err(Error::bug)?;
        record[..4].copy_from_slice(&len.to_be_bytes());
        let count = self.buckets.len() as u128;
        let bucket = usize::try_from((u128::from(sort) * count) >> 64).map_err(Error::bug)?;
        self.buckets[bucket].write_all(record).map_err(spooling)
    }

    fn finish(self, rows: u64) -> Result<Staged> {
        let mut mapping = self.mapping;
        for (wanted, found) in mapping.attributes.iter_mut().zip(self.choices) {
            if let Some(found) = found {
                wanted.choices = found.into_iter().collect();
            }
        }
        let buckets = self.buckets.into_iter().map(Spool::into_reader).collect::<Result<_>>()?;
        Ok(Staged { mapping, buckets, rejected: self.rejected, rows })
    }
}

struct Identity {
    email: String,
    hash: [u8; 16],
    key: String,
}

impl Identity {
    /// Sorts as `contacts.addr` does, so that a bucket is one range of its index.
    fn order(&self) -> (u64, u64) {
        match self.key.is_empty() {
            true => {
                let number = u128::from_be_bytes(self.hash);
                (((number >> 64) as u64) ^ (1 << 63), number as u64)
            }
            false => (hashed(1, &self.key), hashed(2, &self.key)),
        }
    }
}

fn hashed(salt: u8, key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, key).hash(&mut hasher);
    hasher.finish()
}

fn push(record: &mut Vec<u8>, text: Option<&str>) {
    // A cell is shorter than a row, and a row than `limits::IMPORT_ROW_MAX` times three.
    let len = text.map_or(u32::MAX, |t| u32::try_from(t.len()).unwrap_or(u32::MAX - 1));
    record.extend_from_slice(&len.to_be_bytes());
    record.extend_from_slice(text.unwrap_or("").as_bytes());
}

const HEAD: usize = 4 + 8 + 8 + 4 + 1 + 16;
/// Above this a bucket holds one contact very often: then only the last rows are taken into memory.
const LARGE: u64 = if cfg!(test) { limits::KB } else { 8 * limits::IMPORT_BUCKET };

/// One bucket in memory: one record per contact, in the order of their hash.
pub(super) struct Bucket {
    arena: Vec<u8>,
    /// Where the records start.
    pub(super) taken: Vec<usize>,
    pub(super) present: Vec<usize>,
    pub(super) repeated: Vec<Rejected>,
}

#[derive(Clone, Copy)]
struct Head {
    who: (u64, u64),
    row: u32,
    at: usize,
    present_only: bool,
}

impl Bucket {
    pub(super) fn load(mut reader: Reader) -> Result<Bucket> {
        let keep = if reader.size() > LARGE { Some(last_rows(&mut reader)?) } else { None };
        let mut arena = Vec::new();
        let mut heads = Vec::new();
        let mut repeated = Vec::new();
        each_record(&mut reader, |record| {
            let head = head_of(record, arena.len());
            let last = keep.as_ref().and_then(|k| k.get(&head.who)).copied();
            match last.filter(|last| *last != head.row && !head.present_only) {
                Some(last) => repeated.push(Rejected { row: head.row, reason: Reason::Repeated(last) }),
                None => {
                    heads.push(head);
                    arena.extend_from_slice(record);
                }
            }
        })?;
        heads.sort_unstable_by_key(|h| (h.who, h.present_only, h.row));
        let (mut taken, mut present) = (Vec::with_capacity(heads.len()), Vec::new());
        for group in heads.chunk_by(|a, b| a.who == b.who) {
            let rows = group.iter().filter(|h| !h.present_only);
            match rows.clone().next_back() {
                Some(last) => {
                    taken.push(last.at);
                    let lost = rows.filter(|h| h.row != last.row);
                    repeated.extend(lost.map(|h| Rejected { row: h.row, reason: Reason::Repeated(last.row) }));
                }
                None => present.extend(group.first().map(|h| h.at)),
            }
        }
        Ok(Bucket { arena, taken, present, repeated })
    }

    /// Reads a record back, with its values as the mapping has them now.
    pub(super) fn entry(&self, at: usize, mapping: &Mapping, serials: bool) -> Result<Entry<'_>> {
        let head = head_of(&self.arena[at..], at);
        let mut fields = Fields(&self.arena[at + HEAD..]);
        let (email, key) = (fields.text()?, fields.text()?);
        let tags = pieces(fields.text()?).collect();
        let mut cells = Vec::with_capacity(mapping.attributes.len());
        let mut names: [&str; 6] = [""; 6];
        if !head.present_only {
            for wanted in &mapping.attributes {
                let Some(text) = fields.next()? else {
                    cells.push(Cell::Missing);
                    continue;
                };
                if let Some(slot) = name_slot(wanted.role) {
                    names[slot] = text;
                }
                let value = Value::read(wanted.kind, text, &wanted.choices, serials);
                cells
                    .push(value.map_err(|_| Error::bug("a value changed its type"))?.map_or(Cell::Blank, Cell::Filled));
            }
        }
        let search = search::text_of([email, key].into_iter().chain(names).map(str::trim));
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.arena[at + HEAD - 16..at + HEAD]);
        Ok(Entry { row: head.row, hash, email, key, cells, tags, search })
    }
}

fn name_slot(role: Role) -> Option<usize> {
    match role {
        Role::None | Role::Key => None,
        Role::FullName => Some(0),
        Role::FamilyName => Some(1),
        Role::GivenName => Some(2),
        Role::FullKana => Some(3),
        Role::FamilyKana => Some(4),
        Role::GivenKana => Some(5),
    }
}

fn head_of(record: &[u8], at: usize) -> Head {
    let number = |from: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&record[from..from + 8]);
        u64::from_be_bytes(bytes)
    };
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&record[20..24]);
    Head { who: (number(4), number(12)), row: u32::from_be_bytes(bytes), at, present_only: record[24] == 1 }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<&'a str>> {
        let cut = || Error::bug("a staged row is cut short");
        let (len, rest) = self.0.split_first_chunk::<4>().ok_or_else(cut)?;
        let len = u32::from_be_bytes(*len);
        if len == u32::MAX {
            self.0 = rest;
            return Ok(None);
        }
        let (text, rest) = rest.split_at_checked(len as usize).ok_or_else(cut)?;
        self.0 = rest;
        std::str::from_utf8(text).map(Some).map_err(Error::bug)
    }

    fn text(&mut self) -> Result<&'a str> {
        Ok(self.next()?.unwrap_or(""))
    }
}

fn each_record(reader: &mut Reader, mut f: impl FnMut(&[u8])) -> Result<()> {
    reader.seek(SeekFrom::Start(0)).map_err(spooling)?;
    let mut from = std::io::BufReader::with_capacity(64 << 10, &mut *reader);
    let mut record = Vec::new();
    loop {
        let mut len = [0; 4];
        match from.read_exact(&mut len) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(spooling(e)),
        }
        record.clear();
        record.extend_from_slice(&len);
        record.resize(4 + u32::from_be_bytes(len) as usize, 0);
        from.read_exact(&mut record[4..]).map_err(spooling)?;
        f(&record);
    }
}

fn last_rows(reader: &mut Reader) -> Result<std::collections::HashMap<(u64, u64), u32>> {
    let mut last = std::collections::HashMap::new();
    each_record(reader, |record| {
        let head = head_of(record, 0);
        if !head.present_only {
            let row = last.entry(head.who).or_insert(head.row);
            *row = head.row.max(*row);
        }
    })?;
    Ok(last)
}

fn spooling(e: std::io::Error) -> Error {
    Error::io(say!("取り込みの途中のデータを扱えません。", "Cannot keep the rows of an import."), e)
}

fn too_many() -> Error {
    Error::refused(say!("行が多すぎます。", "There are too many rows."))
}

fn too_many_choices(label: &str) -> Error {
    let most = limits::CHOICES_MAX;
    Error::refused(say!(
        "列「{label}」の選択肢が {most} を超えています。",
        "The column {label} has more than {most} choices."
    ))
    .hint(say!("--type で text を指定してください。", "Give it --type text."))
}
