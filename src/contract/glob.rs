//! Globs over operation ids, in overlays and configurations.

/// Whether `name` matches `glob`, in which `*` stands for zero or more letters.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let Some((first, rest)) = glob.split_once('*') else { return glob == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        // the first occurrence is enough: a later one leaves less of the name for the rest of the glob
        match name.split_once(part) {
            Some((_, behind)) => name = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (glob, name, expected) in [
            ("UpdateUser", "UpdateUser", true),
            ("UpdateUser", "UpdateUserMetadata", false),
            ("UpdateUser*", "UpdateUser", true),
            ("*", "UpdateUser", true),
            ("*User", "UpdateUser", true),
            ("*User", "UpdateUserMetadata", false),
            ("Update*Meta*ta", "UpdateUserMetadata", true),
            ("a*a", "a", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }
}
