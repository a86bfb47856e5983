//! The action for code review: its steps, run by a shell as a runner of GitHub Actions runs them.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const POLICY: &str = r"apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: no-skip }
spec:
  match: { operations: [CreateUser, PlatformCreateInstanceUser, UpdateUser] }
  validations:
    - expression: body.skip_password_checks != true
      field: skip_password_checks
      message: skip_password_checks is not allowed
  actions: [Deny]
";
const TEST: &str = r"apiVersion: portcullis/v1
kind: PolicyTest
metadata: { name: no-skip }
spec:
  cases:
    - name: a flag is refused
      request: { operation: UpdateUser, body: { skip_password_checks: true } }
      expect: { decision: deny, violates: [no-skip] }
    - name: no flag passes
      request: { operation: UpdateUser, body: { first_name: Ada } }
      expect: { decision: allow }
";

/// One step of the action.
struct Step {
    condition: String,
    environment: BTreeMap<String, String>,
    script: String,
}

/// A checkout of a repository with policies, and the folders of a runner.
struct Runner {
    checkout: TempDir,
    temporary: TempDir,
    inputs: BTreeMap<String, String>,
}

fn action() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/github")
}

fn description() -> Value {
    let text = fs::read_to_string(action().join("action.yml")).unwrap();
    serde_saphyr::from_str(&text).expect("YAML")
}

impl Runner {
    /// A checkout whose first commit has `POLICY` and `TEST`.
    fn new() -> Self {
        let inputs = description()["inputs"].as_object().unwrap().clone().into_iter();
        let mut inputs: BTreeMap<_, _> =
            inputs.map(|(name, input)| (name, input["default"].as_str().unwrap().to_owned())).collect();
        inputs.insert("program".to_owned(), env!("CARGO_BIN_EXE_portcullis").to_owned());
        let runner = Self { checkout: tempfile::tempdir().unwrap(), temporary: tempfile::tempdir().unwrap(), inputs };
        fs::create_dir(runner.checkout.path().join("policies")).unwrap();
        runner.write("no-skip.yaml", POLICY);
        runner.write("no-skip.test.yaml", TEST);
        runner.git(&["init", "--quiet", "--initial-branch", "main"]);
        runner.commit();
        runner
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.checkout.path().join("policies").join(name), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        let output = command.args(identity).args(arguments).current_dir(self.checkout.path()).output().expect("git");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "policies: change"]);
    }

    fn with(mut self, input: &str, value: &str) -> Self {
        assert!(self.inputs.contains_key(input), "the action has no input `{input}`");
        self.inputs.insert(input.to_owned(), value.to_owned());
        self
    }

    /// Runs the steps up to the first that fails, and those that always run; whether all passed, and what they printed.
    fn run(&self) -> (bool, String) {
        let (mut passes, mut printed) = (true, String::new());
        for step in self.steps() {
            let is_due = match step.condition.as_str() {
                "always()" => true,
                "" => passes,
                condition => passes && self.holds(condition),
            };
            if is_due {
                let output = self.shell(&step);
                printed += &String::from_utf8_lossy(&output.stdout);
                printed += &String::from_utf8_lossy(&output.stderr);
                passes &= output.status.success();
            }
        }
        (passes, printed)
    }

    fn steps(&self) -> Vec<Step> {
        let steps = description()["runs"]["steps"].as_array().unwrap().clone();
        let read = |step: &Value| {
            assert_eq!(step["shell"], "bash");
            let variables = step["env"].as_object().cloned().unwrap_or_default();
            let environment =
                variables.iter().map(|(name, value)| (name.clone(), self.evaluate(value.as_str().unwrap())));
            Step {
                condition: step["if"].as_str().unwrap_or_default().to_owned(),
                environment: environment.collect(),
                script: step["run"].as_str().unwrap().to_owned(),
            }
        };
        steps.iter().map(read).collect()
    }

    /// The value of `${{ inputs.NAME }}`, the only expression in an environment.
    fn evaluate(&self, text: &str) -> String {
        let name = text.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")).expect(text);
        self.inputs[name].clone()
    }

    /// The value of `inputs.NAME != ''`, the only expression in a condition.
    fn holds(&self, condition: &str) -> bool {
        let name = condition.strip_prefix("inputs.").and_then(|rest| rest.strip_suffix(" != ''")).expect(condition);
        !self.inputs[name].is_empty()
    }

    fn shell(&self, step: &Step) -> Output {
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &step.script])
            .current_dir(self.checkout.path());
        let folder = self.temporary.path();
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(&step.environment);
        command.env("GITHUB_ACTION_PATH", action()).env("RUNNER_TEMP", folder);
        command.env("GITHUB_OUTPUT", folder.join("output")).env("GITHUB_STEP_SUMMARY", folder.join("summary.md"));
        command.output().expect("bash")
    }

    fn summary(&self) -> String {
        fs::read_to_string(self.temporary.path().join("summary.md")).unwrap_or_default()
    }

    /// The findings of a command: rule, file and first line of each.
    fn findings(&self, command: &str) -> Vec<(String, String, u64)> {
        let output = fs::read_to_string(self.temporary.path().join("output")).unwrap();
        let folder = output.lines().find_map(|line| line.strip_prefix("sarif=")).expect("an output");
        let text = fs::read_to_string(Path::new(folder).join(format!("{command}.sarif"))).unwrap();
        let log: Value = serde_json::from_str(&text).unwrap();
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().clone();
        let findings = log["runs"][0]["results"].as_array().unwrap().iter().map(|result| {
            let rule = result["ruleId"].as_str().unwrap();
            assert!(rules.iter().any(|known| known["id"] == rule), "{rule} is not described");
            let place = &result["locations"][0]["physicalLocation"];
            let file = place["artifactLocation"]["uri"].as_str().unwrap();
            (rule.to_owned(), file.to_owned(), place["region"]["startLine"].as_u64().unwrap_or_default())
        });
        findings.collect()
    }
}

#[test]
fn a_sound_change_passes_with_a_summary() {
    let runner = Runner::new();
    let (passes, printed) = runner.run();
    let summary = runner.summary();
    assert!(passes, "{printed}");
    assert!(summary.contains("### portcullis check: passed") && summary.contains("2 cases: 2 passed"), "{summary}");
    assert!(!summary.contains("prove") && !summary.contains("replay"), "{summary}");
    assert!(runner.findings("check").is_empty());
    // of a policy for all operations, the cases show one
    let untested = runner.findings("test");
    assert!(untested.contains(&("untested-change".into(), "policies/no-skip.yaml".into(), 5)), "{untested:?}");
}

#[test]
fn every_step_runs_though_one_finds_something() {
    let runner = Runner::new().with("min-killed", "100");
    runner.write("no-skip.yaml", &POLICY.replace("skip_password_checks != true", "skip_pasword_checks != true"));
    let (passes, printed) = runner.run();
    let summary = runner.summary();
    assert!(!passes, "{printed}");
    for name in ["check", "test"] {
        assert!(summary.contains(&format!("### portcullis {name}: failed (exit code 3)")), "{summary}");
    }
    assert_eq!(runner.findings("check"), [("invalid".into(), "policies/no-skip.yaml".into(), 7)]);
}

#[test]
fn a_failed_case_and_too_few_killed_changes_fail_it() {
    let runner = Runner::new().with("min-killed", "100");
    assert!(!runner.run().0);
    assert!(runner.summary().contains("### portcullis test: failed (exit code 4)"), "{}", runner.summary());

    let runner = Runner::new();
    runner.write("no-skip.test.yaml", &TEST.replace("decision: deny, violates: [no-skip]", "decision: allow"));
    assert!(!runner.run().0);
    assert_eq!(runner.findings("test"), [("failed-case".into(), "policies/no-skip.test.yaml".into(), 6)]);
}

#[test]
fn a_warning_fails_it_at_its_line() {
    let runner = Runner::new();
    runner.write("no-skip.yaml", &POLICY.replace("CreateUser, PlatformCreateInstanceUser, ", ""));
    assert!(!runner.run().0);
    assert_eq!(runner.findings("check"), [("invalid".into(), "policies/no-skip.yaml".into(), 5)]);
}

#[test]
fn a_change_that_lets_more_pass_fails_it_and_one_that_refuses_more_does_not() {
    let looser = Runner::new().with("base", "HEAD");
    looser.write("no-skip.yaml", &POLICY.replace("operations: [CreateUser,", "operations: [UpdateUserMetadata,"));
    let (passes, _) = looser.run();
    let summary = looser.summary();
    assert!(!passes && summary.contains("### portcullis prove: failed (exit code 4)"), "{summary}");
    assert!(looser.findings("prove").contains(&("looser-rule".into(), "policies/no-skip.yaml".into(), 3)));

    let stricter = Runner::new().with("base", "HEAD");
    let narrower = "body.skip_password_checks != true && body.skip_legal_checks != true";
    stricter.write("no-skip.yaml", &POLICY.replace("body.skip_password_checks != true", narrower));
    let (passes, printed) = stricter.run();
    assert!(passes && stricter.summary().contains("### portcullis prove: passed"), "{printed}");
    assert_eq!(stricter.findings("prove"), [("stricter-rule".into(), "policies/no-skip.yaml".into(), 3)]);

    let unknown = Runner::new().with("base", "0000000000000000000000000000000000000000");
    let (passes, printed) = unknown.run();
    assert!(!passes && printed.contains("check out with 'fetch-depth: 0'"), "{printed}");
}

#[test]
fn a_missing_program_is_named_with_the_fix() {
    let runner = Runner::new().with("program", "no-such-program");
    let (passes, printed) = runner.run();
    assert!(!passes && printed.contains("::error::the program 'no-such-program' is not there"), "{printed}");
}
