//! Charts as SVG without script: `role=img` with a title, and beside it a table of the same figures.

use super::dates::grouped;
use super::words::Words;
use askama::Template;

pub(crate) struct Series {
    pub(crate) title: String,
    pub(crate) values: Vec<u64>,
}

/// Horizontal bars, one per label, each of several stacked parts.
pub(crate) struct Bars {
    pub(crate) title: String,
    pub(crate) labels: Vec<String>,
    pub(crate) series: Vec<Series>,
    pub(crate) w: Words,
}

const WIDTH: u64 = 720;
const ROW: u64 = 36;
const LABEL: u64 = 200;
const VALUE: u64 = 90;

#[derive(Template)]
#[template(path = "parts/chart.html")]
struct Drawn<'a> {
    w: Words,
    title: &'a str,
    id: String,
    height: u64,
    rects: Vec<(u64, u64, u64, usize)>,
    marks: Vec<(u64, u64, &'static str, String)>,
    axis: Vec<(u64, u64, u64, u64)>,
    series: &'a [Series],
    table: Vec<(String, Vec<String>)>,
}

fn table(labels: &[String], series: &[Series]) -> Vec<(String, Vec<String>)> {
    let at = |i: usize| series.iter().map(|s| grouped(s.values.get(i).copied().unwrap_or(0))).collect();
    labels.iter().enumerate().map(|(i, label)| (label.clone(), at(i))).collect()
}

/// Charts of one page are told apart by their titles.
fn id(title: &str) -> String {
    format!("chart-{}", title.bytes().fold(7u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b))))
}

fn short(label: &str) -> String {
    let mut wide = 0;
    let kept: String = label
        .chars()
        .take_while(|c| {
            wide += if c.is_ascii() { 1 } else { 2 };
            wide <= 24
        })
        .collect();
    if kept.len() < label.len() { format!("{kept}…") } else { kept }
}

impl Bars {
    pub(crate) fn html(&self) -> String {
        let totals: Vec<u64> = (0..self.labels.len())
            .map(|i| self.series.iter().map(|s| s.values.get(i).copied().unwrap_or(0)).sum())
            .collect();
        let most = totals.iter().copied().max().unwrap_or(0).max(1);
        let scale = |n: u64| (u128::from(n) * u128::from(WIDTH - LABEL - VALUE) / u128::from(most)) as u64;
        let (mut rects, mut marks) = (Vec::new(), Vec::new());
        for (i, label) in self.labels.iter().enumerate() {
            let (top, mut sum) = (i as u64 * ROW, 0);
            for (s, series) in self.series.iter().enumerate() {
                let value = series.values.get(i).copied().unwrap_or(0);
                let (from, to) = (scale(sum), scale(sum + value));
                // What is there at all is seen.
                let wide = if value > 0 { (to - from).max(2) } else { 0 };
                rects.push((LABEL + from, top + 6, wide, s + 1));
                sum += value;
            }
            marks.push((LABEL - 12, top + 23, "end", short(label)));
            marks.push((LABEL + scale(totals[i]) + 8, top + 23, "start", grouped(totals[i])));
        }
        let height = self.labels.len() as u64 * ROW + 4;
        self.draw(Drawn {
            w: self.w,
            title: &self.title,
            id: id(&self.title),
            height,
            rects,
            marks,
            axis: vec![(LABEL, 0, LABEL, height)],
            series: &self.series,
            table: table(&self.labels, &self.series),
        })
    }

    fn draw(&self, drawn: Drawn<'_>) -> String {
        // A template without fallible parts: an empty figure is the worst that can come.
        drawn.render().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Lang;

    #[test]
    fn bars_stay_inside_the_picture_and_the_table_says_the_same() {
        let bars = Bars {
            title: "配信".into(),
            labels: vec!["a<b".into(), "とても長い名前の配信でも収まるように短くする".into()],
            series: vec![
                Series { title: "受理".into(), values: vec![1_000_000, 3] },
                Series { title: "不達".into(), values: vec![1, u64::MAX / 4] },
            ],
            w: Words(Lang::Ja),
        };
        let html = bars.html();
        let svg = scraper::Html::parse_fragment(&html);
        let rect = scraper::Selector::parse("rect[x]").unwrap();
        for r in svg.select(&rect) {
            let n = |a: &str| r.attr(a).unwrap().parse::<u64>().unwrap();
            assert!(n("x") + n("width") <= WIDTH, "{html}");
        }
        assert!(html.contains("1,000,000") && html.contains("a&#60;b"), "{html}");
    }
}
