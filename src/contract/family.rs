//! Which operations write the same resource: a policy on one of them can be bypassed through another.

use super::Operation;
use super::version::family_of;

impl Operation {
    /// Whether it may change state: any method that is not safe (RFC 9110 section 9.2.1).
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_ref(), "GET" | "HEAD")
    }

    /// The resource that it writes, as the path of its collection: `POST /v1/users`, `PATCH /v1/users/{user_id}` and `PUT
    /// /v1/users/{user_id}/metadata` all write `/v1/users`.
    pub fn family(&self) -> &str {
        let segments: Vec<&str> = self.path.split('/').collect();
        let is_parameter = |segment: &&str| segment.starts_with('{');
        let writes_state = matches!(self.method.as_ref(), "PATCH" | "PUT");
        // a POST below an item is an action, such as `verify_password`, and a family of its own: PATCH and PUT replace state
        let beyond = match segments.as_slice() {
            [.., last] if is_parameter(last) => 1,
            [.., item, _] if writes_state && is_parameter(item) => 2,
            _ => 0,
        };
        let kept = segments.len().saturating_sub(beyond);
        let length = segments.iter().take(kept).map(|segment| segment.len() + 1).sum::<usize>().saturating_sub(1);
        self.path.get(..length).unwrap_or(&self.path)
    }

    /// Whether it is the same operation as `other` in another API on the same host: its path ends in that of `other`.
    pub fn repeats(&self, other: &Self) -> bool {
        // without the slash in front and the version
        let (own, others): (Vec<&str>, Vec<&str>) =
            (self.path.split('/').skip(2).collect(), other.path.split('/').skip(2).collect());
        let is_same = |(one, other): (&&str, &&str)| one == other || one.starts_with('{') && other.starts_with('{');
        family_of(&self.api_version) != family_of(&other.api_version)
            && self.method == other.method
            && own.len() > others.len()
            && own.iter().rev().zip(others.iter().rev()).all(is_same)
    }

    /// Whether it is another operation that writes the same resource as `other`.
    pub fn is_sibling_of(&self, other: &Self) -> bool {
        self.id != other.id && self.is_write() && other.is_write() && self.family() == other.family()
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::Contract;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    fn siblings(id: &str) -> BTreeSet<Arc<str>> {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let operations = contract.operations();
        let with_body = operations.iter().filter(|operation| operation.body.is_some());
        let own: Vec<_> = operations.iter().filter(|operation| operation.id.as_ref() == id).collect();
        let siblings = with_body.filter(|operation| own.iter().any(|own| operation.is_sibling_of(own)));
        siblings.map(|operation| operation.id.clone()).collect()
    }

    #[test]
    fn what_writes_users_is_one_family() {
        let siblings = siblings("UpdateUser");
        for id in ["CreateUser", "UpdateUserMetadata", "ReplaceUserMetadata"] {
            assert!(siblings.contains(id), "{siblings:?}");
        }
        for id in ["VerifyPassword", "CreateOrganization", "BanUser"] {
            assert!(!siblings.contains(id), "{id} is another matter");
        }
    }

    #[test]
    fn families_nest() {
        assert!(siblings("CreateOrganizationMembership").contains("UpdateOrganizationMembershipMetadata"));
        assert!(!siblings("CreateOrganizationMembership").contains("UpdateOrganization"));
        assert!(siblings("UpdateOrganization").contains("MergeOrganizationMetadata"));
    }
}
