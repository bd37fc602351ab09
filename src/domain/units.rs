//! Durations, money, tokens and times, for people.

use jiff::Timestamp;

/// A duration: `812 ms`, `3.2 s`, `4 m 12 s`, `2 h 5 m`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        // Tenths are cut, not rounded: 59.96 s must not show as 60.0 s.
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A duration in whole seconds, for what is shown while it grows: `0 s`, `12 s`, `4 m 12 s`.
pub fn seconds(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{} s", ms / 1_000),
        _ => duration(ms),
    }
}

/// Money in US dollars: cents, and four places where cents would hide it.
pub fn cost(usd: f64) -> String {
    if usd > 0.0 && usd < 0.000_05 {
        "<$0.0001".to_owned()
    } else if usd > 0.0 && usd < 0.995 {
        format!("${usd:.4}")
    } else {
        format!("${usd:.2}")
    }
}

/// A share of 1, in hundredths: `95%`.
pub fn share(of_one: f64) -> String {
    format!("{:.0}%", of_one * 100.0)
}

/// A number of tokens: `812`, `12.3k`, `1.20M`. The unit stands elsewhere.
pub fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{:02}M", count / 1_000_000, count % 1_000_000 / 10_000),
    }
}

/// An amount of bytes: `812 B`, `12.3 KB`, `1.2 MB`. A KB is 1024 bytes.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.into_iter().find(|(size, _)| count >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", count / size, count % size * 10 / size),
        None => format!("{count} B"),
    }
}

/// How long ago something was, roughly: `30 s`, `5 min`, `3 h`, `2 days`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let (number, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        86_400..172_800 => (1, "day"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_parts_at_most() {
        let shown = [0, 812, 3_249, 59_999, 252_000, 7_500_000].map(duration);
        assert_eq!(
            shown,
            ["0 ms", "812 ms", "3.2 s", "59.9 s", "4 m 12 s", "2 h 5 m"]
        );
    }

    #[test]
    fn growing_durations_move_once_a_second() {
        let shown = [0, 999, 12_800, 252_000].map(seconds);
        assert_eq!(shown, ["0 s", "0 s", "12 s", "4 m 12 s"]);
    }

    #[test]
    fn small_money_is_not_shown_as_none() {
        let shown = [0.0, 0.000_01, 0.012_3, 0.5, 0.996, 12.0].map(cost);
        assert_eq!(
            shown,
            ["$0.00", "<$0.0001", "$0.0123", "$0.5000", "$1.00", "$12.00"]
        );
    }

    #[test]
    fn tokens_are_short() {
        let shown = [0, 999, 12_345, 999_999, 1_204_000].map(tokens);
        assert_eq!(shown, ["0", "999", "12.3k", "999.9k", "1.20M"]);
    }

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        let shown = [0, 1_023, 1_024, 1_300_000, 5 << 30].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KB", "1.2 MB", "5.0 GB"]);
    }

    #[test]
    fn ages_are_rough() {
        let now = Timestamp::UNIX_EPOCH;
        let ago = |seconds| age(now - jiff::SignedDuration::from_secs(seconds), now);
        let shown = [-5, 5, 300, 10_800, 90_000, 200_000].map(ago);
        let words = ["0 s", "5 s", "5 min", "3 h", "1 day", "2 days"];
        assert_eq!(shown, words);
    }
}
