//! What docs/policies.md shows of schemas, waivers and limits decides as the page describes it.

use super::page::page;
use super::workspace::Workspace;

/// A file of tests with these cases.
fn tests(name: &str, policies: &str, cases: &[String]) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: PolicyTest\nmetadata: {{ name: {name} }}\nspec:\n{policies}  cases:\n{}",
        cases.concat()
    )
}

#[test]
fn the_policy_with_a_schema_decides_as_described() {
    let workspace = Workspace::with_files_of(&page("docs/policies.md"));
    let cases = [("{ plan: pro, seats: 5 }", "allow"), ("{ plan: gold }", "deny"), ("{ role: admin }", "deny")];
    let cases = cases.map(|(metadata, decision)| {
        format!(
            "    - name: '{metadata}'\n      request: {{ operation: UpdateUserMetadata, body: {{ public_metadata: {metadata} }} }}\n      expect: {{ decision: {decision} }}\n"
        )
    });
    workspace.write("policies/plans-and-seats.test.yaml", &tests("plans-and-seats", "", &cases));
    let printed = workspace.shell("portcullis test policies/plans-and-seats.yaml");
    assert!(printed.starts_with("3 cases: 3 passed, 0 failed\ncoverage: 1 of 1 rules, 2 of 2 branches"), "{printed}");
}

#[test]
fn the_waiver_decides_as_described() {
    let workspace = Workspace::with_files_of(&page("docs/policies.md"));
    let case = |name: &str, caller: &str, id: &str, expect: &str| {
        let client = format!("client: {{ spiffeId: 'spiffe://example.org/{caller}' }}");
        format!(
            "    - name: {name}\n      request: {{ operation: UpdateUser, {client}, body: {{ external_id: {id} }} }}\n      expect: {{ {expect} }}\n"
        )
    };
    let after = case("later", "crm-migration", "old_1", "decision: deny")
        .replace("UpdateUser,", "UpdateUser, time: '2027-06-30T00:00:00Z',");
    let cases = [
        case("waived", "crm-migration", "old_1", "decision: allow, waived: [crm-migration]"),
        case("another-id", "crm-migration", "new_1", "decision: deny"),
        case("another-caller", "billing", "old_1", "decision: deny"),
        after,
    ];
    let policies = "  policies: [external-id-from-crm]\n";
    workspace.write("policies/crm-migration.test.yaml", &tests("crm-migration", policies, &cases));
    let printed = workspace.shell("portcullis test policies");
    assert!(printed.contains(", 0 failed\n"), "{printed}");
}

#[test]
fn the_limit_counts_as_described() {
    let page = page("docs/policies.md");
    let workspace = Workspace::with_files_of(&page);
    let shown = "expect: { decision: allow, limits: { limit-password-guesses: user_1 } }";
    assert!(page.text.contains(&format!("`{shown}`")));
    let case = format!(
        "    - name: one user\n      request: {{ operation: VerifyPassword, body: {{ password: x }} }}\n      {shown}\n"
    );
    workspace.write("policies/limit-password-guesses.test.yaml", &tests("guesses", "", &[case]));
    let printed = workspace.shell("portcullis test policies/limit-password-guesses.yaml");
    assert!(printed.starts_with("1 case: 1 passed, 0 failed\n"), "{printed}");
    let check = workspace.portcullis(&["check"]);
    assert!(String::from_utf8(check.stdout).unwrap().contains("limit-password-guesses"));
}

#[test]
fn check_lists_waivers_with_the_days_left() {
    let page = page("docs/policies.md");
    let [(text, _)] = &page.manifests("Waiver")[..] else { panic!("one waiver") };
    let workspace = Workspace::with_files_of(&page);
    let check = |expires: &str| {
        workspace.write("policies/crm-migration.yaml", &text.replace("2027-06-30 ", expires));
        let output = workspace.portcullis(&["check"]);
        assert_eq!(output.status.code(), Some(0));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (listed, warnings) = check("9999-12-31 ");
    let row = listed.lines().find(|line| line.starts_with("  crm-migration ")).unwrap();
    assert!(row.contains("9999-12-31T00:00:00Z") && row.ends_with(" days"), "{listed}");
    assert!(warnings.contains("`expires` is more than a year away"), "{warnings}");
    let (listed, warnings) = check("2020-01-01 ");
    assert!(listed.contains("2020-01-01T00:00:00Z  over\n"), "a waiver that is over only stops itself: {listed}");
    assert!(warnings.contains("the waiver expired on 2020-01-01T00:00:00Z"), "{warnings}");
}
