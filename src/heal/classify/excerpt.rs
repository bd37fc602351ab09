//! Cutting long output down to what an agent needs to see.

/// The most bytes of evidence.
pub(super) const CAP: usize = 8 * 1024;

/// `text` in at most about `cap` bytes: a quarter from its head, the rest from its tail, where
/// programs sum up; whole lines where possible.
pub(super) fn capped(text: &str, cap: usize) -> String {
    let text = text.trim_end();
    if text.len() <= cap {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(cap / 4);
    let head = text[..head].rfind('\n').map_or(head, |end| end + 1);
    let tail = text.ceil_char_boundary(text.len() - (cap - cap / 4));
    let tail = text[tail..].find('\n').map_or(tail, |end| tail + end + 1);
    format!(
        "{}\n[… {} bytes omitted …]\n{}",
        text[..head].trim_end(),
        tail - head,
        &text[tail..]
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::capped;

    #[test]
    fn the_tail_is_favoured() {
        let text: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        let short = capped(&text, 400);
        assert!(short.starts_with("line 0\n") && short.ends_with("line 999"));
        assert!(short.find("omitted").expect("cut") < 150);
    }

    proptest! {
        #[test]
        fn an_excerpt_is_short_whatever_the_text(text in "(.|\n){0,500}", cap in 8_usize..200) {
            prop_assert!(capped(&text, cap).len() <= cap + 40);
        }
    }
}
