//! The rule of migrations, held against every step of every room: a step only adds, and takes constant time whatever
//! the books hold. A table or a column is added in constant time; an index on a table that is there is built row by
//! row, and so is whatever reads or changes rows: those are jobs after the switch, not steps.

use super::SCHEMAS;

/// Steps that were there before the first release: they run on an empty house alone.
const BEFORE_THE_FIRST_RELEASE: &[(&str, usize)] = &[("access", 2), ("contacts", 5), ("delivery", 1), ("campaigns", 2)];

/// What is wrong with a step; `None` for one that may be.
fn offence(step: &str) -> Option<String> {
    let mut made: Vec<String> = Vec::new();
    for statement in statements(step) {
        let words: Vec<String> = statement.split_whitespace().map(str::to_uppercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let fine = match &words[..] {
            ["CREATE", "TABLE", name, ..] => {
                let constant = !words.contains(&"SELECT");
                made.push(table(name));
                constant
            }
            ["CREATE", "INDEX", _, "ON", name, ..] | ["CREATE", "UNIQUE", "INDEX", _, "ON", name, ..] => {
                made.contains(&table(name))
            }
            ["ALTER", "TABLE", _, "ADD", "COLUMN", column @ ..] => may_be_added(column),
            // Into a table of this step: as many rows as the text has.
            ["INSERT", "INTO", name, rest @ ..] => made.contains(&table(name)) && !rest.contains(&"SELECT"),
            _ => false,
        };
        if !fine {
            return Some(statement);
        }
    }
    None
}

/// A column whose rule every row would have to be read for is none that is added in constant time; and one without a
/// value is one that the release before cannot leave out.
fn may_be_added(column: &[&str]) -> bool {
    let has = |word: &str| column.iter().any(|w| w.starts_with(word));
    let needs = has("UNIQUE") || has("PRIMARY") || has("CHECK") || has("REFERENCES") || has("GENERATED") || has("AS");
    !needs
        && (!has("NOT") || has("DEFAULT"))
        && !has("DEFAULT(")
        && !column.windows(2).any(|w| w[0] == "DEFAULT" && w[1].starts_with('('))
}

fn table(name: &str) -> String {
    name.split('(').next().unwrap_or_default().to_owned()
}

/// Without remarks. No step has a trigger, and no text in one has a semicolon.
fn statements(step: &str) -> Vec<String> {
    let plain: Vec<&str> = step.lines().map(|l| l.split("--").next().unwrap_or_default()).collect();
    plain
        .join(" ")
        .split(';')
        .map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|s| !s.is_empty())
        .collect()
}

#[test]
fn every_step_since_the_first_release_only_adds_and_takes_constant_time() {
    for schema in SCHEMAS {
        let old = BEFORE_THE_FIRST_RELEASE.iter().find(|(room, _)| *room == schema.room).map_or(0, |(_, n)| *n);
        for (n, step) in schema.steps.iter().enumerate().skip(old) {
            assert_eq!(offence(step), None, "step {} of {}", n + 1, schema.room);
        }
    }
}

#[test]
fn a_migration_that_reads_or_changes_rows_is_refused() {
    #[rustfmt::skip]
    let table = [
        ("CREATE TABLE a (n INTEGER) STRICT; CREATE INDEX a_n ON a (n); INSERT INTO a VALUES (1);", true),
        ("CREATE TABLE a(n INTEGER) STRICT; CREATE UNIQUE INDEX a_n ON a(n);", true),
        ("ALTER TABLE contacts ADD COLUMN score INTEGER;", true),
        ("ALTER TABLE contacts ADD COLUMN score INTEGER NOT NULL DEFAULT 0; -- UPDATE nothing", true),
        ("ALTER TABLE contacts ADD COLUMN score INTEGER NOT NULL;", false),
        ("ALTER TABLE contacts ADD COLUMN score INTEGER UNIQUE;", false),
        ("ALTER TABLE contacts ADD COLUMN score INTEGER CHECK (score > 0);", false),
        ("ALTER TABLE contacts ADD COLUMN at TEXT DEFAULT (datetime());", false),
        ("CREATE INDEX contacts_score ON contacts (score);", false),
        ("UPDATE contacts SET score = 1;", false),
        ("DELETE FROM contacts;", false),
        ("INSERT INTO contacts VALUES (1);", false),
        ("CREATE TABLE a (n INTEGER); INSERT INTO a SELECT id FROM contacts;", false),
        ("CREATE TABLE a AS SELECT * FROM contacts;", false),
        ("DROP TABLE contacts;", false),
        ("ALTER TABLE contacts DROP COLUMN email;", false),
        ("ALTER TABLE contacts RENAME COLUMN email TO mail;", false),
        ("VACUUM;", false),
    ];
    for (step, may) in table {
        assert_eq!(offence(step).is_none(), may, "{step}");
    }
}
