//! The names of an object's members: none may stand twice.

use super::node::Member;

/// Objects with more members than this are indexed by name. In smaller ones a linear search is faster.
pub(super) const LINEAR_MEMBERS: usize = 16;

/// Whether one of `members` is called `name`. Texts are compared, so that an escape makes no difference.
pub(super) fn repeats_name(members: &[Member], name: &str, text: &str, unescaped: &str) -> bool {
    members.iter().any(|member| member.name.len() == name.len() && member.name.read(text, unescaped) == name)
}

/// The positions of `members` sorted by name. `None` if a name stands twice.
pub(super) fn sorted_by_name(members: &[Member], text: &str, unescaped: &str) -> Option<Box<[u32]>> {
    let names: Vec<&str> = members.iter().map(|member| member.name.read(text, unescaped)).collect();
    let name_at = |position: &u32| names.get(*position as usize).copied().unwrap_or_default();
    let mut order: Vec<u32> = (0..).take(names.len()).collect();
    order.sort_unstable_by(|left, right| name_at(left).cmp(name_at(right)));
    // sorting brings equal names side by side
    let is_repeated = |pair: &[u32]| matches!(pair, [left, right] if name_at(left) == name_at(right));
    (!order.windows(2).any(is_repeated)).then(|| order.into_boxed_slice())
}
