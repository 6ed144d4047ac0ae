//! Instants as the ledger and the event document write them: UTC, RFC 3339, milliseconds, `Z`.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{env, fmt, str::FromStr, time::Duration};

/// The beginning of the year 0, in milliseconds since 1970.
const FIRST: i64 = -62_167_219_200_000;
/// The end of the year 9999, in milliseconds since 1970.
const LAST: i64 = 253_402_300_799_999;

/// An instant in UTC, to the millisecond.
///
/// Written and read as RFC 3339, always with three decimals and `Z`: `2026-11-22T18:55:54.000Z`. That
/// has four digits for a year, so no instant lies before the year 0 or after the year 9999.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The time now, or the time in `PATCH_NOW` (RFC 3339) when that is set, so that tests and
    /// rehearsals can hold the clock still.
    ///
    /// # Panics
    /// Never: a `PATCH_NOW` that is not a time is ignored.
    #[must_use]
    pub fn now() -> Self {
        env::var("PATCH_NOW").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| Self::from(Utc::now()))
    }

    /// The instant this many seconds after 1970-01-01T00:00:00Z; `None` beyond the calendar.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Self)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// The instant `duration` later; the last representable one if there is none.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        TimeDelta::from_std(duration)
            .ok()
            .and_then(|delta| self.0.checked_add_signed(delta))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
            .into()
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        (self.0 - earlier.0).to_std().unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        let millis = time.timestamp_millis().clamp(FIRST, LAST);
        Self(DateTime::from_timestamp_millis(millis).unwrap_or(time))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text).map(|time| Self::from(time.with_timezone(&Utc)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds_and_z() {
        #[track_caller]
        fn case(text: &str, expected: &str) {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), expected);
        }
        case("2026-11-22T18:55:54Z", "2026-11-22T18:55:54.000Z");
        case("2026-11-22T20:55:54.1239+02:00", "2026-11-22T18:55:54.123Z");
        // What a zone moves out of the four-digit years could not be read back.
        case("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999Z");
        case("0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_duration_past_the_end_of_time_saturates() {
        let now: Timestamp = "2026-11-22T18:55:54Z".parse().unwrap();
        assert_eq!(now.after(Duration::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
