//! Fields that do the same harm: a rule on one of them is worth little if another one passes.

use super::field_tree::FieldTree;
use super::glob::matches;
use super::{BodySchema, Operation};
use std::sync::Arc;

/// A harm, and the fields by which it can be done.
#[derive(Clone, Debug)]
pub struct Harm {
    /// Its name, such as `sets_password`.
    pub name: Arc<str>,
    /// The fields that do it.
    pub fields: Vec<HarmField>,
}

/// A field of write operations.
#[derive(Clone, Debug)]
pub struct HarmField {
    /// The operations that are meant; `*` stands for any letters. `None` for every one that has the field.
    operations: Option<Box<str>>,
    /// The names of the field and of those that it is in, from the outermost.
    path: Vec<Box<str>>,
}

impl HarmField {
    /// Parses `field`, or `Operation/field`.
    pub(super) fn parse(text: &str) -> Self {
        let mut names = text.split('/').map(Box::from);
        let first = names.next();
        let path: Vec<_> = names.collect();
        if path.is_empty() {
            Self { operations: None, path: first.into_iter().collect() }
        } else {
            Self { operations: first, path }
        }
    }

    /// The name of the outermost field.
    pub fn name(&self) -> &str {
        self.path.first().map_or("", AsRef::as_ref)
    }

    /// Whether `operation` writes it.
    pub fn is_in(&self, operation: &Operation) -> bool {
        let is_meant = self.operations.as_ref().is_none_or(|glob| matches(glob, &operation.id));
        is_meant && operation.takes(self.path.iter().map(AsRef::as_ref))
    }
}

impl Operation {
    /// Whether its body has a field at the end of `path`. A body that is a list is one of each of its items.
    pub fn takes<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> bool {
        let tree = self.body.as_ref().filter(|_| self.is_write()).map(BodySchema::field_tree);
        let object = tree.map(|tree| tree.elements().unwrap_or(tree));
        object.is_some_and(|object| path.into_iter().try_fold(object, FieldTree::member).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::HarmField;
    use crate::contract::Contract;
    use std::collections::BTreeSet;

    fn operations(field: &str) -> BTreeSet<String> {
        let contract = Contract::built_in("2026-05-12").expect("a contract");
        let field = HarmField::parse(field);
        let operations = contract.operations().into_iter().filter(|operation| field.is_in(operation));
        operations.map(|operation| operation.id.to_string()).collect()
    }

    #[test]
    fn a_field_is_of_all_operations_or_of_those_named() {
        assert!(operations("external_id").contains("UpdateSignUp"));
        assert_eq!(operations("createSession/user_id"), ["createSession".to_owned()].into());
        assert_eq!(operations("*Agent*/on_behalf_of/user_id"), ["CreateAgentTask".to_owned()].into());
        assert!(operations("public_metadata").contains("CreateBulkInvitations"), "the items of a list count");
        assert!(operations("no_such_field").is_empty());
    }
}
