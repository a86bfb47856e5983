//! The one "did you mean": which known name a misspelt one most likely stands for.

/// Lowest normalized Damerau-Levenshtein similarity, from 0 to 1, of a name and its suggestion: three letters of ten may differ.
const LEAST_SIMILARITY: f64 = 0.7;
/// Longest name that is compared, in bytes. Names of fields come from requests, and each comparison takes time and memory for
/// every pair of letters.
const LONGEST_NAME: usize = 64;
/// Shortest abbreviation that is completed, in bytes: one letter is the start of too much.
const SHORTEST_PREFIX: usize = 2;
/// Shortest known name that a longer one may stand for, in bytes: a name that begins with `ip` need not mean `ip`.
const SHORTEST_STEM: usize = 3;

/// The name among `known` that `name` most likely stands for. `None` if none is similar enough.
///
/// Case does not count. A misspelling comes first; else a name that `name` abbreviates, or the reverse, as `prod` does
/// `production`, if it is the only one.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    // A name that is wrong in case only must score as an exact one.
    let name = name.to_lowercase();
    let (mut best, mut best_score) = (None, LEAST_SIMILARITY);
    let (mut completion, mut completions) = (None, 0_usize);
    for candidate in known {
        let lower = candidate.to_lowercase();
        let score = strsim::normalized_damerau_levenshtein(&lower, &name);
        if score >= best_score {
            (best, best_score) = (Some(candidate), score);
        }
        if abbreviates(&name, &lower) {
            (completion, completions) = (Some(candidate), completions + 1);
        }
    }
    // of several completions none is more likely than the others, and a wrong suggestion is worse than none
    best.or_else(|| completion.filter(|_| completions == 1))
}

/// Whether one of the names is the beginning of the other. What `name` has beyond `known` may be at most as long as `known`:
/// `warning` stands for `warn`, but `body_of_the_request` for `body` is a guess.
fn abbreviates(name: &str, known: &str) -> bool {
    let is_abbreviated = name.len() >= SHORTEST_PREFIX && known.starts_with(name);
    let is_extended = known.len() >= SHORTEST_STEM && name.len() <= 2 * known.len() && name.starts_with(known);
    is_abbreviated || is_extended
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn suggest(name: &str, known: &[&'static str]) -> Option<&'static str> {
        nearest(name, known.iter().copied())
    }

    #[test]
    fn a_misspelt_name_gets_the_most_similar_one() {
        for (name, expected) in [
            ("frist_name", Some("first_name")),
            ("first_nam", Some("first_name")),
            ("firstName", Some("first_name")),
            ("last_nmae", Some("last_name")),
            ("locale", None),
        ] {
            assert_eq!(suggest(name, &["first_name", "last_name"]), expected, "{name}");
        }
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(suggest("JSON", &["auto", "json", "human"]), Some("json"));
        assert_eq!(suggest("createuser", &["CreateUser", "UpdateUser"]), Some("CreateUser"));
    }

    #[test]
    fn the_only_completion_of_an_abbreviation_is_suggested() {
        assert_eq!(suggest("prod", &["development", "production"]), Some("production"));
        assert_eq!(suggest("al", &["listed", "all"]), Some("all"));
        assert_eq!(suggest("warning", &["error", "warn", "info"]), Some("warn"));
        assert_eq!(suggest("pass", &["password", "password_digest"]), None);
        assert_eq!(suggest("p", &["development", "production"]), None);
    }

    #[test]
    fn what_resembles_nothing_gets_no_suggestion() {
        assert_eq!(suggest("stderr", &["stdout", "off"]), None);
        assert_eq!(suggest("body_of_the_request", &["body"]), None);
        assert_eq!(suggest("ipp", &["ip", "unixUid"]), None);
        assert_eq!(suggest("", &["body"]), None);
        assert_eq!(suggest("name", &[]), None);
    }

    #[test]
    fn long_names_are_not_compared() {
        let long: &'static str = "a_name_that_is_longer_than_any_that_a_person_would_misspell_by_hand";
        assert_eq!(suggest(long, &[long]), None);
    }
}
