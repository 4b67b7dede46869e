//! Time as a value. Everything that decides takes `now: Time`; only the edges ask the clock.

use crate::base::Lang;
use crate::base::error::{Error, Result};
use jiff::{Timestamp, Zoned, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// The wall clock. Called at the edges only (a request arrives, the clock loop ticks, a command starts).
#[allow(clippy::disallowed_methods)] // the one place
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Time {
    pub fn ms(self) -> i64 {
        self.0
    }

    pub fn plus(self, by: Duration) -> Time {
        Time(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, by: Duration) -> Time {
        Time(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier`; zero when it is not after.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    pub fn zoned(self, zone: &TimeZone) -> Zoned {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
    }

    pub fn date(self, zone: &TimeZone) -> civil::Date {
        self.zoned(zone).date()
    }

    /// `2026-11-20T10:05:00+09:00`: for JSON, `<time datetime>` and logs.
    pub fn rfc3339(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// From `2026-11-20T10:05:00+09:00`, or a local `2026-11-20 10:05` or `2026-11-20` in `zone`.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Time> {
        let text = text.trim();
        if let Ok(exact) = text.parse::<Timestamp>() {
            return Ok(Time(exact.as_millisecond()));
        }
        let local = text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(|d| d.at(0, 0, 0, 0)));
        local.and_then(|d| d.to_zoned(zone.clone())).map(|z| Time(z.timestamp().as_millisecond())).map_err(|e| {
            Error::refused(say!("日時を読み取れません。", "This is not a date and time.")).because(e).hint(say!(
                "例: 2026-11-20 10:05 または 2026-11-20T10:05:00+09:00",
                "For example: 2026-11-20 10:05 or 2026-11-20T10:05:00+09:00"
            ))
        })
    }
}

/// Japan's zone, the default of every house.
pub fn japan() -> TimeZone {
    TimeZone::get("Asia/Tokyo").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(9)))
}

const DAYS_JA: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];
const DAYS_EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2026年11月20日(金)`, `Fri 20 Nov 2026`.
pub fn date_words(t: Time, lang: Lang) -> String {
    let z = t.zoned(&japan());
    let (day, month) = (z.weekday().to_monday_zero_offset() as usize, z.month() as usize - 1);
    match lang {
        Lang::Ja => format!("{}年{}月{}日({})", z.year(), z.month(), z.day(), DAYS_JA[day]),
        Lang::En => format!("{} {} {} {}", DAYS_EN[day], z.day(), MONTHS[month], z.year()),
    }
}

/// The same with the time of day.
pub fn words(t: Time, lang: Lang) -> String {
    let z = t.zoned(&japan());
    format!("{} {:02}:{:02}", date_words(t, lang), z.hour(), z.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_back_from_what_it_prints() {
        let t = Time::parse("2026-11-20 10:05", &japan()).expect("a local time");
        assert_eq!(t.rfc3339(&japan()), "2026-11-20T10:05:00+09:00");
        assert_eq!(Time::parse(&t.rfc3339(&japan()), &TimeZone::UTC).expect("an exact time"), t);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in ["", "明日", "2026-13-01", "10:05"] {
            assert!(Time::parse(bad, &japan()).is_err(), "{bad}");
        }
    }
}
