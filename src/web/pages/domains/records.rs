//! The records of one domain as its page shows them: what needs somebody first, open; the rest folded.

use super::Badge;
use crate::base::Say;
use crate::delivery::domains::{self, Check, Finding, Profile, RecordType, Report, Standing};
use crate::web::visit::Visit;
use crate::web::words::Words;

pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) items: Vec<Item>,
}

pub(super) struct Item {
    pub(super) n: usize,
    pub(super) title: &'static str,
    pub(super) badge: Badge,
    pub(super) open: bool,
    pub(super) why: String,
    pub(super) says: String,
    pub(super) fix: String,
    pub(super) found: Vec<String>,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) value: String,
    /// Does not fit into one line.
    pub(super) long: bool,
    pub(super) zone: String,
}

/// Values longer than this get a field of several lines.
const ONE_LINE: usize = 120;

pub(super) fn sections(v: &Visit<'_>, profile: &Profile, report: Option<&Report>) -> Vec<Section> {
    let w = v.w;
    let groups: Vec<(&'static str, Vec<Finding>)> = match report {
        None => {
            let (required, rest) = domains::wanted(profile).into_iter().partition(|f| f.wanted.required);
            vec![(w.domain_records(), required), (w.domain_optional(), rest)]
        }
        Some(report) => {
            let (done, open): (Vec<_>, Vec<_>) =
                report.findings.iter().cloned().partition(|f| f.standing == Standing::There);
            let (todo, rest) = open.into_iter().partition(|f| f.wanted.required);
            vec![(w.domain_todo(), todo), (w.domain_done(), done), (w.domain_optional(), rest)]
        }
    };
    let mut n = 0;
    let section = |(title, list): (&'static str, Vec<Finding>)| {
        let items = list.into_iter().map(|finding| {
            n += 1;
            item(v, n, finding, report.is_some())
        });
        Section { title, items: items.collect() }
    };
    groups.into_iter().filter(|(_, list)| !list.is_empty()).map(section).collect()
}

fn item(v: &Visit<'_>, n: usize, finding: Finding, checked: bool) -> Item {
    let w = v.w;
    let zone = finding.wanted.zone_line();
    let said = |says: &Say| if checked { says.to(v.lang).to_owned() } else { String::new() };
    // Whoever reads a page has no terminal at hand: keys have a button, addresses a page.
    let fix = if finding.fix.ja.contains("hakobu ") { String::new() } else { said(&finding.fix) };
    Item {
        n,
        title: title(w, finding.wanted.check),
        badge: badge(w, &finding, checked),
        open: checked && !finding.is_well(),
        why: finding.wanted.why.to(v.lang).to_owned(),
        says: said(&finding.says),
        fix,
        found: if finding.standing == Standing::There { Vec::new() } else { finding.found },
        name: finding.wanted.name,
        kind: kind(finding.wanted.kind),
        long: finding.wanted.value.len() > ONE_LINE,
        value: finding.wanted.value,
        zone,
    }
}

fn badge(w: Words, finding: &Finding, checked: bool) -> Badge {
    match (finding.standing, finding.wanted.required) {
        _ if !checked => Badge::new("badge-calm", w.record_open()),
        (Standing::There, _) => Badge::new("badge-good", w.record_there()),
        (Standing::Unknown, _) => Badge::new("badge-calm", w.record_unknown()),
        (_, false) => Badge::new("badge-calm", w.record_optional()),
        (Standing::Missing, true) => Badge::new("badge-bad", w.record_missing()),
        (Standing::Different, true) => Badge::new("badge-bad", w.record_different()),
    }
}

fn kind(kind: RecordType) -> &'static str {
    match kind {
        RecordType::Txt => "TXT",
        RecordType::Mx => "MX",
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Ptr => "PTR",
    }
}

fn title(w: Words, check: Check) -> &'static str {
    match check {
        Check::SpfReturnPath => w.record_spf_return(),
        Check::SpfFrom => w.record_spf_from(),
        Check::SpfHelo => w.record_spf_helo(),
        Check::Dkim => w.record_dkim(),
        Check::Dmarc => w.record_dmarc(),
        Check::ReturnPath => w.record_return_path(),
        Check::FromHost => w.record_from_host(),
        Check::Helo => w.record_helo(),
        Check::Reverse => w.record_reverse(),
        Check::TlsReports => w.record_tls_reports(),
        Check::MtaSts => w.record_mta_sts(),
    }
}
