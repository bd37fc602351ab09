//! Which known name was most likely meant.

/// The name nearest to `typed`, if one is near enough to have been meant.
pub(super) fn nearest<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // A third of the letters may be wrong, and two letters of a short word.
    let tolerance = (typed.chars().count() / 3).max(2);
    let distance = |name: &str| {
        // The beginning of a name was cut short, however long the rest is.
        if typed.len() > 2 && name.starts_with(typed) {
            return 1;
        }
        strsim::damerau_levenshtein(typed, name)
    };
    names
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= tolerance && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// What to add to "unknown …": the name that was meant, or else all there are.
pub(super) fn suggestion<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str, IntoIter: Clone>,
) -> String {
    let names = names.into_iter();
    // Every model that was ever configured is too much to read.
    let most = 12;
    match nearest(typed, names.clone()) {
        Some(name) => format!(" (did you mean `{name}`?)"),
        None if names.clone().next().is_none() => " (there are none)".to_owned(),
        None => {
            let shown: Vec<&str> = names.clone().take(most).collect();
            let more = if names.count() > most { ", …" } else { "" };
            format!(" (known: {}{more})", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let names = ["models", "model", "phases", "budget"];
        assert_eq!(suggestion("modles", names), " (did you mean `models`?)");
        assert_eq!(suggestion("phase", names), " (did you mean `phases`?)");
        assert_eq!(
            suggestion("api_key", ["kind", "api_key_env"]),
            " (did you mean `api_key_env`?)"
        );
    }

    #[test]
    fn what_resembles_nothing_is_told_what_there_is() {
        assert_eq!(suggestion("xyzzy", ["a", "b"]), " (known: a, b)");
        assert_eq!(suggestion("xyzzy", []), " (there are none)");
    }
}
