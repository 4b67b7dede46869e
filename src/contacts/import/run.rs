//! The second pass: contacts, in batches, into the books. A dry run is the same without the writing.

use super::map::{self, Mapping, Sheet, Wishes};
use super::plan::{Counts, Entry, Rules, Step};
use super::read::{Format, Source};
use super::stage::{self, Bucket, Rejected, Staged};
use super::{Consent, Mode, Order, Problem, Report, State};
use crate::base::{By, Error, Kind, Progress, Result, Say, Time, ids::ImportId, limits};
use crate::contacts::attribute::{Catalog, Role};
use crate::contacts::consent::{Agreement, Standing};
use crate::contacts::rows;
use crate::contacts::rows::import_batch::{self, Job, Outcome};
use crate::contacts::rows::imports::Ids;
use crate::contacts::{address::AddressHash, attribute, tag};
use crate::store::{Deed, Store};
use std::io::Write;
use std::time::{Duration, Instant};

/// How many rejected rows a report shows.
const PROBLEMS: usize = 50;
/// How many rows a column's type is guessed from.
const SAMPLE: usize = 1_000;
/// A batch that takes longer is followed by a smaller one.
const LONG: Duration = Duration::from_millis(25);

/// Which column would go where.
pub fn mapping(store: &Store, source: &mut Source, wishes: &Wishes, mode: Mode) -> Result<Mapping> {
    let catalog = Catalog::read(store)?;
    let rows = sample(source)?;
    let serials = source.layout.format == Format::Xlsx;
    let sheet = Sheet { headers: &source.layout.headers, rows: &rows, serials };
    let mapping = map::map(&sheet, &catalog, wishes, mode)?;
    let most = limits::ATTRIBUTES_MAX;
    match catalog.attributes.len() + mapping.attributes.iter().filter(|w| w.id == 0).count() > most {
        true => Err(Error::refused(say!("属性は {most} 個までです。", "A house has at most {most} attributes."))
            .hint(say!("--only-mapped で要らない列を飛ばしてください。", "Skip columns with --only-mapped."))),
        false => Ok(mapping),
    }
}

fn sample(source: &mut Source) -> Result<Vec<Vec<String>>> {
    let mut rows = source.rows()?;
    let mut sample = Vec::new();
    while sample.len() < SAMPLE && rows.advance()? {
        let mut cells = Vec::new();
        if rows.cells(&mut cells).is_ok() {
            sample.push(cells.iter().map(|c| c.to_string()).collect());
        }
    }
    Ok(sample)
}

/// The same counts as `run`, and nothing written.
pub fn dry_run(
    store: &Store,
    now: Time,
    source: &mut Source,
    order: &Order,
    progress: &dyn Progress,
) -> Result<Report> {
    let Some(staged) = first_pass(store, source, order, progress)? else { return Err(super::stopped()) };
    let ids = foresee(store, now, &staged, order)?;
    let work = Work { store, by: None, now, order, ids, serials: serials(source), progress };
    let (report, _) = work.through(staged)?;
    Ok(report)
}

/// Imports. Rejected rows go to `errors` in the layout of the file, with a reason; nothing is written there if none
/// was rejected. An import that removes must have been confirmed.
pub fn run(
    store: &Store,
    (by, now): (&By, Time),
    source: &mut Source,
    order: &Order,
    progress: &dyn Progress,
    errors: &mut dyn Write,
) -> Result<Report> {
    if order.mode.removes() && !order.confirmed {
        return Err(unconfirmed(&dry_run(store, now, source, order, progress)?.counts));
    }
    let Some(staged) = first_pass(store, source, order, progress)? else { return Err(super::stopped()) };
    let ids = begin(store, by, now, &staged, order)?;
    let import = ImportId(ids.import);
    let work = Work { store, by: Some(by), now, order, ids, serials: serials(source), progress };
    let ended = work.through(staged);
    let state = match &ended {
        Ok((report, _)) if !report.stopped => State::Done,
        Ok(_) | Err(_) => State::Stopped,
    };
    store.write(by, now, Deed::new("import.end", import.to_string()), |tx| {
        rows::imports::set_state(tx, import, state)
    })?;
    let (report, rejected) = ended.map_err(|e| broken_off(import, e))?;
    write_errors(source, order, rejected, errors)?;
    Ok(report)
}

fn serials(source: &Source) -> bool {
    source.layout.format == Format::Xlsx
}

fn first_pass(store: &Store, source: &mut Source, order: &Order, progress: &dyn Progress) -> Result<Option<Staged>> {
    let mapping = mapping(store, source, &order.wishes, order.mode)?;
    stage::stage(store, source, mapping, order.mode == Mode::Replace, progress)
}

/// Makes what the rows will point at: the import, its new attributes, tags, phrases.
fn begin(store: &Store, by: &By, now: Time, staged: &Staged, order: &Order) -> Result<Ids> {
    let key = key_attribute(store, &staged.mapping)?;
    let ids = store.write(by, now, "import.begin", |tx| {
        let mut ids = Ids { by: by.to_string(), keyed: key.is_some(), ..Ids::default() };
        let mut made = Vec::new();
        for wanted in &staged.mapping.attributes {
            let id = match wanted.id {
                0 => {
                    let new = rows::attributes::New {
                        key: &wanted.key,
                        label: &wanted.label,
                        kind: wanted.kind,
                        choices: &wanted.choices,
                        role: wanted.role,
                    };
                    let id = rows::attributes::create(tx, &new, now)?;
                    made.push(id);
                    id
                }
                known => known,
            };
            ids.attributes.push((id, wanted.kind));
        }
        for tag in &order.tags {
            ids.tags.push(rows::tags::make(tx, &tag::checked(tag)?)?);
        }
        let options = serde_json::json!({
            "made": made, "blank": order.blank, "tags": ids.tags, "keyed": ids.keyed,
        });
        ids.import = rows::imports::create(tx, now, by, order.mode, &options.to_string())?.0;
        if let Some(consent) = &order.consent {
            let topic = import_batch::topic(tx, consent)?;
            ids.consent = Some(Standing::new(tx, by, topic, &agreement(consent, now), ids.import)?);
        }
        Ok(ids)
    })?;
    if let Some(at) = key {
        attribute::identify_by(store, by, now, ids.attributes[at].0)?;
    }
    Ok(ids)
}

/// What the rows of a dry run would point at, as far as it exists.
fn foresee(store: &Store, now: Time, staged: &Staged, order: &Order) -> Result<Ids> {
    let key = key_attribute(store, &staged.mapping)?;
    let keys = match key.map(|at| &staged.mapping.attributes[at]) {
        Some(w) if w.id != 0 && w.role != Role::Key => Some(attribute::keys_of(store, w.id)?),
        Some(_) | None => None,
    };
    store.read(|c| {
        let mut ids = Ids { keyed: key.is_some(), keys, ..Ids::default() };
        ids.attributes = staged.mapping.attributes.iter().map(|w| (w.id, w.kind)).collect();
        for tag in &order.tags {
            ids.tags.push(rows::tags::find(c, &tag::checked(tag)?)?.unwrap_or(0));
        }
        if let Some(consent) = &order.consent {
            ids.consent = Some(import_batch::foreseen(c, consent, now)?);
        }
        Ok(ids)
    })
}

/// The position of the identifying attribute; refuses a second one.
fn key_attribute(store: &Store, mapping: &Mapping) -> Result<Option<usize>> {
    let Some(column) = mapping.key else { return Ok(None) };
    let map::Target::Attribute(at) = mapping.columns[column].target else { return Ok(None) };
    let catalog = Catalog::read(store)?;
    match catalog.attributes.iter().find(|a| a.role == Role::Key) {
        Some(other) if other.id != mapping.attributes[at].id => Err(attribute::another_key(&other.label)),
        Some(_) | None => Ok(Some(at)),
    }
}

fn agreement(consent: &Consent, now: Time) -> Agreement {
    let Consent { basis, source, wording, .. } = consent.clone();
    Agreement { at: now, basis, source, wording }
}

struct Work<'a> {
    store: &'a Store,
    /// None for a dry run.
    by: Option<&'a By>,
    now: Time,
    order: &'a Order,
    ids: Ids,
    serials: bool,
    progress: &'a dyn Progress,
}

/// What has come of it so far.
#[derive(Default)]
struct Tally {
    counts: Counts,
    rejected: Vec<Rejected>,
    seen: Seen,
    stopped: bool,
}

impl Tally {
    fn reject(&mut self, rejected: Rejected) {
        self.counts.count(&Step::Reject(rejected.reason));
        self.rejected.push(rejected);
    }
}

/// Contacts that the file names, a bit each.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn add(&mut self, id: i64) {
        let at = usize::try_from(id).unwrap_or(0);
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn has(&self, id: i64) -> bool {
        let at = usize::try_from(id).unwrap_or(0);
        self.0.get(at / 64).is_some_and(|bits| bits & (1 << (at % 64)) != 0)
    }
}

impl Work<'_> {
    fn through(&self, staged: Staged) -> Result<(Report, Vec<Rejected>)> {
        let Staged { mapping, buckets, rejected, rows: total } = staged;
        let mut tally = Tally::default();
        for early in rejected {
            tally.reject(early);
        }
        let mut size = limits::IMPORT_BATCH / 2;
        for bucket in buckets {
            let mut bucket = Bucket::load(bucket)?;
            for repeated in std::mem::take(&mut bucket.repeated) {
                tally.reject(repeated);
            }
            self.bucket(&bucket, &mapping, (&mut size, total), &mut tally)?;
            if tally.stopped {
                break;
            }
        }
        if self.order.mode == Mode::Replace && !tally.stopped {
            self.remove_unnamed(&mut tally)?;
        }
        self.progress.tell(tally.counts.rows, total);
        tally.rejected.sort_unstable_by_key(|r| r.row);
        let headers: Vec<String> = mapping.columns.iter().map(|c| c.header.clone()).collect();
        let problem = |r: &Rejected| Problem { row: r.row, name: r.reason.name(), says: r.reason.says(&headers) };
        let problems = tally.rejected.iter().take(PROBLEMS).map(problem).collect();
        let import = self.by.map(|_| ImportId(self.ids.import));
        Ok((Report { import, counts: tally.counts, stopped: tally.stopped, problems, mapping }, tally.rejected))
    }

    fn bucket(
        &self,
        bucket: &Bucket,
        mapping: &Mapping,
        (size, total): (&mut usize, u64),
        tally: &mut Tally,
    ) -> Result<()> {
        let mut at = 0;
        while at < bucket.taken.len() {
            if self.progress.stopped() {
                tally.stopped = true;
                return Ok(());
            }
            let some = &bucket.taken[at..(at + *size).min(bucket.taken.len())];
            let entries = some.iter().map(|r| bucket.entry(*r, mapping, self.serials)).collect::<Result<Vec<_>>>()?;
            let took = self.batch(&entries, tally)?;
            at += some.len();
            *size = match took {
                t if t > LONG => (*size / 2).max(50),
                t if t < LONG / 2 => (*size * 5 / 4).min(limits::IMPORT_BATCH),
                _ => *size,
            };
            self.progress.tell(tally.counts.rows, total);
        }
        for present in &bucket.present {
            let entry = bucket.entry(*present, mapping, self.serials)?;
            for id in self.store.read(|c| rows::imports::named(c, &self.ids, &entry))? {
                tally.seen.add(id);
            }
        }
        Ok(())
    }

    /// One batch; how long the books were held.
    fn batch(&self, entries: &[Entry<'_>], tally: &mut Tally) -> Result<Duration> {
        let rules = Rules { mode: self.order.mode, blank: self.order.blank };
        let job = Job { ids: &self.ids, rules, now: self.now, before: tally.counts };
        let mut took = Duration::ZERO;
        let outcome: Outcome = match self.by {
            None => self.store.read(|c| import_batch::plan(c, &job, entries))?,
            Some(by) => {
                let deed = Deed::new("import.batch", ImportId(self.ids.import).to_string());
                self.store.write(by, self.now, deed, |tx| {
                    let start = Instant::now();
                    let outcome = import_batch::apply(tx, &job, entries);
                    took = start.elapsed();
                    outcome
                })?
            }
        };
        tally.counts = outcome.counts;
        tally.rejected.extend(outcome.rejected.into_iter().map(|(row, reason)| Rejected { row, reason }));
        if self.order.mode == Mode::Replace {
            outcome.seen.into_iter().for_each(|id| tally.seen.add(id));
        }
        Ok(took)
    }

    /// What a replace takes away: everybody whom no row of the file names.
    fn remove_unnamed(&self, tally: &mut Tally) -> Result<()> {
        let hash = AddressHash::new(self.store);
        let mut after = 0;
        loop {
            if self.progress.stopped() {
                tally.stopped = true;
                return Ok(());
            }
            let some = self.store.read(|c| rows::people::walk(c, after, limits::UNDO_BATCH))?;
            let Some((last, _)) = some.last() else { return Ok(()) };
            after = *last;
            let gone: Vec<_> = some.into_iter().filter(|(id, _)| !tally.seen.has(*id)).collect();
            tally.counts.removed += gone.len() as u64;
            let (Some(by), false) = (self.by, gone.is_empty()) else { continue };
            let deed = Deed::new("import.remove", ImportId(self.ids.import).to_string());
            let counts = tally.counts;
            self.store.write(by, self.now, deed, |tx| {
                import_batch::remove(tx, &self.ids, self.now, &gone, |email| hash.of(email))?;
                rows::imports::count(tx, ImportId(self.ids.import), &counts)
            })?;
        }
    }
}

/// Reads the file once more and copies the rejected rows, each with its reason at the end.
fn write_errors(source: &mut Source, order: &Order, rejected: Vec<Rejected>, errors: &mut dyn Write) -> Result<()> {
    if rejected.is_empty() {
        return Ok(());
    }
    let headers = source.layout.headers.clone();
    let title = order.lang.pick("理由", "reason");
    errors.write_all(&source.header_line_with(title)).map_err(error_file)?;
    let mut wanted = rejected.into_iter().peekable();
    let line = source.liner();
    let mut rows = source.rows()?;
    while let (Some(next), true) = (wanted.peek().copied(), rows.advance()?) {
        if u64::from(next.row) == rows.number {
            let reason = next.reason.says(&headers);
            errors.write_all(&line.with(&rows.record, reason.to(order.lang))).map_err(error_file)?;
            wanted.next();
        }
    }
    errors.flush().map_err(error_file)
}

fn error_file(e: std::io::Error) -> Error {
    Error::io(say!("取り込めなかった行を書き出せません。", "Cannot write the file of rejected rows."), e)
}

/// An import ends between two batches: what came before stays, and the import can be undone or run again.
fn broken_off(import: ImportId, e: Error) -> Error {
    let Say { ja, en } = e.says();
    let says = say!(
        "{ja}取り込み {import} は途中で止まりました。それまでの行は登録されています。",
        "{en} The import {import} stopped on the way; the rows before that are in."
    );
    Error::new(e.kind(), says)
        .hint(say!(
            "原因を取り除いて同じファイルをもう一度取り込むか、hakobu contacts undo {import} で取り消してください。",
            "Remove the cause and import the same file again, or take it back with hakobu contacts undo {import}."
        ))
        .because(e)
}

fn unconfirmed(n: &Counts) -> Error {
    let (removed, rows, new, changed) = (n.removed, n.rows, n.new, n.changed);
    Error::new(
        Kind::Unanswered,
        say!(
            "この取り込みは連絡先を {removed} 件削除します（ファイル {rows} 行、追加 {new}、変更 {changed}）。",
            "This import removes {removed} contacts (of {rows} rows, {new} new, {changed} changed)."
        ),
    )
    .hint(say!("よければ --yes を付けて実行してください。", "If that is right, run it with --yes."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_a_full_disk_stops_says_what_is_in_and_how_to_go_on() {
        let full = Error::later(say!("ディスクがいっぱいです。", "The disk is full."));
        let e = broken_off(ImportId(2), full);
        assert_eq!((e.kind(), e.says().en.contains("i2 stopped on the way")), (Kind::Later, true));
        assert!(e.hinted().is_some_and(|hint| hint.en.contains("contacts undo i2")));
    }
}
