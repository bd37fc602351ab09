//! Durations (`15m`) and sizes (`10MB`) as they are written in configuration.

use std::time::Duration;

/// Longer than any run; keeps sums of time limits and clock readings far from overflow.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Largest first, so that a duration is written in the largest unit that divides it.
const TIME_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A KB is 1024 bytes. Largest first.
const SIZE_UNITS: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// Reads a duration: a whole number and `ms`, `s`, `m` or `h`; above zero, at most 30 days.
pub(super) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let milliseconds = parse(text, &TIME_UNITS).ok_or("expected a duration such as 15m or 30s")?;
    match Duration::from_millis(milliseconds) {
        Duration::ZERO => Err("a duration must be longer than zero"),
        long if long > LONGEST => Err("a duration can be at most 720h"),
        duration => Ok(duration),
    }
}

/// Reads a size in bytes: a whole number and `B`, `KB`, `MB` or `GB`; above zero.
pub(super) fn parse_size(text: &str) -> Result<u64, &'static str> {
    match parse(text, &SIZE_UNITS).ok_or("expected a size such as 10MB or 512KB")? {
        0 => Err("a size must be greater than zero"),
        bytes => Ok(bytes),
    }
}

/// Writes a duration so that [`parse_duration`] reads the same, to the millisecond.
pub(super) fn duration_text(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    text(milliseconds, &TIME_UNITS)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn text(amount: u64, units: &[(&str, u64)]) -> String {
    units
        .iter()
        .find(|(_, factor)| amount.is_multiple_of(*factor))
        .map_or_else(
            || amount.to_string(),
            |(unit, factor)| format!("{}{unit}", amount / factor),
        )
}

/// For `#[serde(with)]` on a `Duration`.
pub(super) mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::duration_text(*duration))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_duration(&text).map_err(D::Error::custom)
    }
}

/// For `#[serde(with)]` on an `Option<Duration>`.
pub(super) mod optional_duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(super::duration_text).serialize(serializer)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::parse_duration(&text).map_err(D::Error::custom))
            .transpose()
    }
}

/// For `#[serde(with)]` on a size in bytes.
pub(super) mod size {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(in crate::config) fn serialize<S: Serializer>(
        bytes: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::text(*bytes, &super::SIZE_UNITS))
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_size(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_four_units() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("15m", 900_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds))
            );
            assert_eq!(duration_text(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "15",
            "m",
            "-1s",
            "1.5h",
            "15 m",
            "1h30m",
            "99999999999999999999s",
        ] {
            assert_eq!(
                parse_duration(text),
                Err("expected a duration such as 15m or 30s"),
                "{text}"
            );
        }
        assert_eq!(
            parse_duration("0s"),
            Err("a duration must be longer than zero")
        );
        assert_eq!(
            parse_duration("721h"),
            Err("a duration can be at most 720h")
        );
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        assert_eq!(parse_size("10MB"), Ok(10 * 1024 * 1024));
        assert_eq!(parse_size("1B"), Ok(1));
        assert_eq!(parse_size("0KB"), Err("a size must be greater than zero"));
        assert_eq!(
            parse_size("10"),
            Err("expected a size such as 10MB or 512KB")
        );
        assert_eq!(text(3 * 1024, &SIZE_UNITS), "3KB");
    }
}
