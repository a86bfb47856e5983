//! Fields that have another type in some of the operations that a policy matches.

use super::{contract, load, text};
use crate::manifest;
use crate::policy::{RequestPolicy, lint::operation_types};
use std::path::Path;

/// The lint of one validation of a policy for `operations`.
fn lints(operations: &str, expression: &str) -> Vec<String> {
    let text = text("", expression).replace("CreateUser, UpdateUser", operations);
    let manifests = manifest::read::<RequestPolicy>(Path::new("rule.yaml"), &text).expect("a valid policy");
    let policy = load(&text).unwrap_or_else(|errors| panic!("{errors:?}"));
    operation_types::lint_policy(&manifests[0], &policy, contract()).iter().map(ToString::to_string).collect()
}

/// `email_address` is a list in `CreateUser`, and a string in `CreateInvitation`.
#[test]
fn a_call_that_fits_one_of_two_types_names_the_operation_of_the_other() {
    let ends = "body.email_address == null || body.email_address.endsWith(\"@example.com\")";
    let found = lints("CreateUser, CreateInvitation", ends);
    assert!(found.len() == 1 && found[0].contains("in `CreateUser`: ") && found[0].contains("list"), "{found:?}");
    let all = "body.email_address == null || body.email_address.all(it, it.endsWith(\"@example.com\"))";
    let found = lints("CreateUser, CreateInvitation", all);
    assert!(found.len() == 1 && found[0].contains("in `CreateInvitation`: "), "{found:?}");
    let compares = lints("CreateUser, CreateInvitation", "body.email_address != \"a@example.com\"");
    assert!(compares.len() == 1 && compares[0].contains("in `CreateUser`: "), "{compares:?}");
}

#[test]
fn what_fits_each_operation_is_not_reported() {
    let ends = "body.email_address == null || body.email_address.endsWith(\"@example.com\")";
    assert_eq!(lints("CreateInvitation", ends), Vec::<String>::new());
    for expression in [
        "body.email_address != null",
        "type(body.email_address) == string ? body.email_address.endsWith(\"x\") : true",
        "request.operation == \"CreateUser\" || body.email_address == null || body.email_address.endsWith(\"x\")",
        // a field that only one of them has
        "body.first_name == null || body.first_name.startsWith(\"A\")",
    ] {
        assert_eq!(lints("CreateUser, CreateInvitation", expression), Vec::<String>::new(), "{expression}");
    }
}
