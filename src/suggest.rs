//! What someone who misspelt a name of the contract most likely meant.

/// The name among `known` that someone who wrote `name` most likely meant.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    const ALIKE: f64 = 0.7;
    let scored =
        known.map(|known| (known, strsim::normalized_damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase())));
    scored.filter(|(_, score)| *score >= ALIKE).max_by(|one, other| one.1.total_cmp(&other.1)).map(|(known, _)| known)
}
