//! Names in WIT (`max-bytes`) and the same in Rust (`max_bytes`, `MaxBytes`).

/// Are they the same name?
pub(super) fn same(wit: &str, rust: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| !matches!(byte, b'-' | b'_')).map(|byte| byte.to_ascii_lowercase())
    }
    wit == rust || letters(wit).eq(letters(rust))
}

/// Where a name is among others. As it is written comes first, and what is at `near`
/// before what is elsewhere.
pub(super) fn find<'n>(
    name: &str,
    among: impl Iterator<Item = &'n str> + Clone,
    near: usize,
) -> Option<usize> {
    let is_near = |same: fn(&str, &str) -> bool| among.clone().nth(near).is_some_and(|n| same(n, name));
    if is_near(|wit, rust| wit == rust) {
        return Some(near);
    }
    let exact = among.clone().position(|other| other == name);
    exact
        .or_else(|| is_near(same).then_some(near))
        .or_else(|| among.clone().position(|other| same(other, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        for rust in ["max-bytes", "max_bytes", "MaxBytes", "maxBytes"] {
            assert!(same("max-bytes", rust), "{rust}");
        }
        assert!(same("HTTP-get", "HttpGet"));
        assert!(!same("max-bytes", "max_byte") && !same("max", "") && !same("a", "b"));
    }

    #[test]
    fn a_name_as_it_is_written_comes_first() {
        assert_eq!(find("a-bc", ["ab-c", "a-bc"].into_iter(), 0), Some(1));
        assert_eq!(find("a_bc", ["x", "ab-c"].into_iter(), 7), Some(1));
        assert_eq!(find("y", ["x"].into_iter(), 0), None);
    }
}
