//! Proofs of the mutants of the shipped policies, each compared with judgements of random requests.
//!
//! `PORTCULLIS_PROOFS=1000000 cargo test --release --lib policy_proof` judges that many requests, by all mutants.

use super::prove;
use super::request_maker::RequestMaker;
use super::rule::{RuleJudges, RuleProof, Sides};
use super::verdict::{ChangeVerdict, Direction, Step};
use crate::app::POLICIES;
use crate::contract::credential::Environment;
use crate::contract::strictness::Strictness;
use crate::contract::{Contract, Operation};
use crate::judge::{Bundle, PolicyText};
use crate::policy_test::{Suite, TestRequest, TestText, load, mutant_bundles};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn library() -> Bundle {
    let texts =
        POLICIES.iter().map(|it| PolicyText { file: format!("{}.yaml", it.name).into(), text: it.policy.to_owned() });
    let contract = Contract::built_in("2026-05-12").unwrap();
    Bundle::compile(contract, &texts.collect::<Vec<_>>(), Strictness::default()).unwrap()
}

fn bundle(texts: &[&str]) -> Bundle {
    let texts = texts.iter().map(|text| PolicyText { file: "policy.yaml".into(), text: (*text).to_owned() });
    let contract = Contract::built_in("2026-05-12").unwrap();
    Bundle::compile(contract, &texts.collect::<Vec<_>>(), Strictness::default()).unwrap()
}

/// Single edits of the library: how many are decided, and whether random judgements contradict a proof.
#[test]
fn most_edits_of_the_library_are_decided_and_none_wrongly() {
    let count: Option<usize> = std::env::var("PORTCULLIS_PROOFS").ok().and_then(|count| count.parse().ok());
    let old = library();
    let tests: Vec<_> = POLICIES
        .iter()
        .map(|it| TestText { file: format!("{}.test.yaml", it.name).into(), text: it.test.to_owned() })
        .collect();
    let suites = load(&tests, &old).unwrap();
    let seeds: Vec<TestRequest> = suites.iter().flat_map(Suite::requests).cloned().collect();
    let mutants: Vec<_> = mutant_bundles(&old).collect();
    // all of them take minutes without optimization
    let step = if count.is_some() { 1 } else { 41 };
    let chosen: Vec<_> = mutants.iter().step_by(step).collect();
    // limits are not judged so, and not each request fits the contract
    let requests = count.unwrap_or(500) * 5 / 4 / chosen.len() + 1;
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let results: Vec<Outcome> = std::thread::scope(|scope| {
        let parts = chosen.chunks(chosen.len().div_ceil(threads)).enumerate();
        let (old, seeds) = (&old, &seeds);
        let workers: Vec<_> = parts
            .map(|(part, mutants)| {
                scope.spawn(move || {
                    let mut random = StdRng::seed_from_u64(part as u64);
                    mutants
                        .iter()
                        .map(|mutant| Outcome::of((old, seeds), mutant, requests, &mut random))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let decided = results.iter().filter(|it| it.verdict != ChangeVerdict::Undecided).count();
    let judged: usize = results.iter().map(|it| it.judged).sum();
    let mut by_verdict: BTreeMap<&str, usize> = BTreeMap::new();
    for result in &results {
        *by_verdict.entry(result.verdict.as_str()).or_default() += 1;
    }
    println!("{decided} of {} edits decided, {judged} judgements compared: {by_verdict:?}", results.len());
    for result in results.iter().filter(|it| it.verdict == ChangeVerdict::Undecided) {
        println!("not decided: {}", result.name);
    }
    // a sample of a few changes is coarser than all of them
    let least = if count.is_some() { 90 } else { 75 };
    assert!(decided * 100 >= results.len() * least, "{decided} of {}", results.len());
    assert!(judged >= count.unwrap_or(200), "{judged}");
}

struct Outcome {
    name: String,
    verdict: ChangeVerdict,
    judged: usize,
}

impl Outcome {
    fn of(
        (old, seeds): (&Bundle, &[TestRequest]),
        mutant: &(&'static str, String, Bundle),
        requests: usize,
        random: &mut StdRng,
    ) -> Self {
        let (what, name, new) = mutant;
        let name: Arc<str> = name.as_str().into();
        let sides = Sides { old, new, seeds };
        let is_limit = old.policies.limits().iter().any(|limit| limit.name == name);
        let proof = if is_limit { sides.prove_limit(&name) } else { sides.prove_policy(&name) };
        let judged = if is_limit { 0 } else { judge_random(sides, &proof, requests, random) };
        Self { name: format!("{name}: {what} {:?}", proof.verdict()), verdict: proof.verdict(), judged }
    }
}

/// Judges random requests by both versions, and returns how many fit the contract.
fn judge_random(sides: Sides<'_>, proof: &RuleProof, requests: usize, random: &mut StdRng) -> usize {
    let rule = RuleJudges::new(sides, &proof.name);
    let operations: Vec<_> = sides.new.contract.operations();
    let ids: Vec<_> = sides.old.policies.all().iter().filter(|it| it.name == proof.name).collect();
    let operations: Vec<_> =
        operations.into_iter().filter(|it| ids.iter().any(|policy| policy.scope.operations.contains(&it.id))).collect();
    let words = words(sides, &proof.name);
    let environments = [Environment::Production, Environment::Development];
    let makers = operations.iter().step_by(operations.len().div_ceil(8)).flat_map(|operation| {
        environments.map(|environment| (operation, RequestMaker::new(&sides.new.contract, operation, environment)))
    });
    let makers: Vec<_> = makers.collect();
    let mut judged = 0;
    let mut tried = 0;
    while judged < requests && tried < requests * 20 {
        tried += 1;
        let (operation, maker) = makers.choose(random).unwrap();
        let request = random_request(operation, maker, &words, random);
        let Some((old, new, _)) = request.and_then(|it| rule.effects(&[Step::once(it)])) else { continue };
        judged += 1;
        if let Some(direction) = Direction::of(old, new) {
            let is_never = matches!(proof.finding(direction), super::Finding::Never);
            assert!(!is_never, "{} is {}, which was proven never to be", proof.name, direction.as_str());
        }
    }
    judged
}

/// The constants of both versions: what is compared with them is decided otherwise near them.
fn words(sides: Sides<'_>, name: &str) -> Vec<String> {
    let mut words = vec!["a".to_owned(), String::new()];
    for bundle in [sides.old, sides.new] {
        let documents = bundle.documents();
        let document = documents.policies.iter().find(|it| it.value.metadata.name == name).unwrap();
        let text = format!("{:?}", document.value.spec);
        let parts = text.split(|letter: char| !(letter.is_alphanumeric() || "_-:/.".contains(letter)));
        words.extend(parts.filter(|word| word.len() > 1).map(str::to_owned));
    }
    words.sort();
    words.dedup();
    words
}

fn random_request(
    operation: &Operation,
    maker: &RequestMaker<'_>,
    words: &[String],
    random: &mut StdRng,
) -> Option<TestRequest> {
    let mut request = maker.request(&[])?;
    if random.random_bool(0.6) {
        let id = words.choose(random)?;
        request.client.certificate.get_or_insert_default().spiffe_id = Some(id.clone());
    }
    if random.random_bool(0.5) && operation.body.is_none() {
        let name = ["limit", "offset"].choose(random)?;
        let value = random.random_range(-1..600).to_string();
        request.uri = format!("{}?{name}={value}", request.uri).parse().ok()?;
    }
    let Some(body) = operation.body.as_ref() else { return Some(request) };
    let mut value: Value = serde_json::from_slice(&request.body).unwrap_or(json!({}));
    if let Value::Object(members) = &mut value {
        let mut names: Vec<&str> = body.field_tree().names().collect();
        names.sort_unstable();
        // those that the policies name most of the time
        let likely: Vec<&str> =
            names.iter().copied().filter(|name| words.iter().any(|word| word.contains(name))).collect();
        for _ in 0..random.random_range(0..4) {
            let name = if likely.is_empty() || random.random_bool(0.2) {
                names.choose(random)?
            } else {
                likely.choose(random)?
            };
            let tree = body.field_tree().member(name)?;
            let kind = tree.types().choose(random).map_or("string", AsRef::as_ref);
            members.insert((*name).to_owned(), random_value(kind, words, random));
        }
    }
    request.body = value.to_string().into();
    Some(request)
}

fn random_value(kind: &str, words: &[String], random: &mut StdRng) -> Value {
    let word = words.choose(random).cloned().unwrap_or_default();
    match kind {
        "null" => Value::Null,
        "boolean" => json!(random.random_bool(0.5)),
        "integer" | "number" => {
            match words.iter().filter_map(|it| it.parse::<i64>().ok()).collect::<Vec<_>>().choose(random) {
                Some(number) if random.random_bool(0.7) => json!(number + random.random_range(-1..=1)),
                _ => json!(random.random_range(-2..2_000)),
            }
        }
        "array" => (0..random.random_range(0..3)).map(|_| json!(words.choose(random))).collect(),
        "object" => (0..random.random_range(0..3))
            .map(|_| (words.choose(random).cloned().unwrap_or_default(), json!(1)))
            .collect(),
        _ if random.random_bool(0.3) => json!("a".repeat(random.random_range(0..130))),
        _ if random.random_bool(0.2) => json!("2026-01-01T00:00:00Z"),
        _ => json!(word),
    }
}

const POLICY: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: rule }
spec:
  match: { operations: [UpdateUser], environments: [production] }
  validations: [{ expression: EXPRESSION, message: no }]
  actions: [ACTION]
";

fn policy(expression: &str, action: &str) -> String {
    POLICY.replace("EXPRESSION", &format!("{expression:?}")).replace("ACTION", action)
}

fn verdicts(old: &[&str], new: &[&str]) -> (ChangeVerdict, ChangeVerdict) {
    let proof = prove(&bundle(old), &bundle(new), &[]);
    (proof.rules.first().map_or(ChangeVerdict::Equal, RuleProof::verdict), proof.verdict())
}

#[test]
fn each_kind_of_change_has_its_verdict() {
    let old = policy("body.first_name != 'a'", "Deny");
    for (expression, action, rule, all) in [
        ("!(body.first_name == 'a')", "Deny", ChangeVerdict::Equal, ChangeVerdict::Equal),
        ("!(body.first_name in ['a', 'b'])", "Deny", ChangeVerdict::Stricter, ChangeVerdict::Stricter),
        ("body.first_name != 'a' || body.last_name == 'b'", "Deny", ChangeVerdict::Looser, ChangeVerdict::Looser),
        ("body.first_name != 'b'", "Deny", ChangeVerdict::Both, ChangeVerdict::Both),
        ("body.first_name != 'a'", "Warn", ChangeVerdict::Looser, ChangeVerdict::Looser),
        ("body.first_name != 'a'", "Audit", ChangeVerdict::Looser, ChangeVerdict::Looser),
    ] {
        assert_eq!(verdicts(&[&old], &[&policy(expression, action)]), (rule, all), "{expression} {action}");
    }
    assert_eq!(verdicts(&[&old], &[]), (ChangeVerdict::Looser, ChangeVerdict::Looser), "a removed rule");
    assert_eq!(verdicts(&[], &[&old]), (ChangeVerdict::Stricter, ChangeVerdict::Stricter), "an added rule");
    let audit = policy("body.first_name != 'a'", "Audit");
    assert_eq!(verdicts(&[&audit], &[&old]), (ChangeVerdict::Stricter, ChangeVerdict::Stricter), "a promoted rule");
    assert_eq!(
        verdicts(&[], &[&audit]),
        (ChangeVerdict::Stricter, ChangeVerdict::Equal),
        "nothing is refused by an audit"
    );
}

#[test]
fn what_cannot_be_proven_is_not_called_equal() {
    let old = policy("body.first_name == null || body.first_name.lowerAscii() != 'a'", "Deny");
    let new = policy("body.first_name == null || body.first_name.lowerAscii().trim() != 'a'", "Deny");
    let (rule, all) = verdicts(&[&old], &[&new]);
    assert!(
        [rule, all]
            .iter()
            .all(|it| matches!(it, ChangeVerdict::Undecided | ChangeVerdict::Stricter | ChangeVerdict::Both)),
        "{rule:?} {all:?}"
    );
}

const LIMIT: &str = "apiVersion: portcullis/v1
kind: RequestLimit
metadata: { name: rule }
spec:
  match: { operations: [UpdateUser] }
  events: 3
  period: 1m
  message: no
  actions: [Deny]
";
const WAIVER: &str = "apiVersion: portcullis/v1
kind: Waiver
metadata: { name: waiver }
spec:
  policy: rule
  matchConditions: [{ name: one, expression: client.spiffeId == 'spiffe://example.org/a' }]
  owner: us
  ticket: T-1
  reason: a test
  expires: 2030-01-01
";

#[test]
fn a_waiver_of_a_limit_is_no_equal_change() {
    let other = WAIVER.replace("org/a", "org/b");
    assert_eq!(verdicts(&[LIMIT, WAIVER], &[LIMIT, WAIVER]), (ChangeVerdict::Equal, ChangeVerdict::Equal));
    for (old, new) in [
        (&[LIMIT][..], &[LIMIT, WAIVER][..]),
        (&[LIMIT, WAIVER], &[LIMIT]),
        (&[LIMIT, WAIVER], &[LIMIT, other.as_str()]),
    ] {
        let (rule, all) = verdicts(old, new);
        assert!(rule != ChangeVerdict::Equal && all != ChangeVerdict::Equal, "{rule:?} {all:?}");
    }
}

#[test]
fn environments_with_other_names_are_not_called_equal() {
    let bundle = |environments: &str| {
        let text = policy("body.first_name != 'a'", "Deny").replace("[production]", environments);
        let texts = [PolicyText { file: "policy.yaml".into(), text }];
        let names = ["staging", "canary"].map(str::to_owned).into();
        Bundle::compile_for(Contract::built_in("2026-05-12").unwrap(), &texts, Strictness::default(), &names).unwrap()
    };
    let verdict = |old: &str, new: &str| prove(&bundle(old), &bundle(new), &[]).verdict();
    assert_eq!(verdict("[production, staging]", "[production, staging]"), ChangeVerdict::Equal);
    for (old, new) in [
        ("[staging]", "[canary]"),
        ("[production]", "[production, staging]"),
        ("[production, staging]", "[production]"),
    ] {
        assert_ne!(verdict(old, new), ChangeVerdict::Equal, "{old} {new}");
    }
}
