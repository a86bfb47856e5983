//! Two versions of a policy, over the same terms.

use super::schema::SchemaChange;
use super::{Effect, PartValue, RequestPart, RuleVersion};
use crate::cel::{Combination, Declarations, Enumeration, Predicate, Value};
use crate::policy::waiver::{Expiry, Waiver};
use serde_json::{Number, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Most combinations of one question: some tenths of a second.
const MAX_COMBINATIONS: usize = 20_000;
/// Most differences that are kept in each direction.
const MAX_KEPT: usize = 64;

/// What a request is to have in the parts that expressions read; `None` where a part is to be absent.
pub(crate) type Assignment = BTreeMap<RequestPart, PartValue>;

/// The one demand of a limit: that it counts no request.
const COUNTS: &str = "counts";

/// What decides the outcome of a rule, as canonical texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    conditions: Vec<String>,
    validations: BTreeSet<String>,
    schema: Option<String>,
    /// The conditions of each waiver, and when it ends.
    waivers: BTreeSet<(Vec<String>, String)>,
}

impl Parts {
    pub(super) fn of(version: &RuleVersion<'_>) -> Self {
        let variables = &version.scope.variables;
        let waivers = version.waivers.iter().map(|waiver| {
            let conditions = waiver.scope.conditions.iter().map(|(_, it)| it.canonical(&waiver.scope.variables));
            (conditions.collect(), format!("{:?}", waiver.expires))
        });
        let mut validations: BTreeSet<_> = version.validations.iter().map(|it| it.canonical(variables)).collect();
        validations.extend(version.is_limit.then(|| COUNTS.to_owned()));
        Self {
            conditions: version.scope.conditions.iter().map(|(_, it)| it.canonical(variables)).collect(),
            validations,
            schema: version.schema.as_ref().map(Json::to_string),
            waivers: waivers.collect(),
        }
    }

    /// What it demands and `other` does not.
    pub(super) fn demands_beyond(&self, other: &Self) -> Vec<String> {
        self.validations.iter().chain(&self.schema).filter(|text| !other.demands(text)).cloned().collect()
    }

    /// Whether it has this validation or schema.
    fn demands(&self, text: &str) -> bool {
        self.validations.contains(text) || self.schema.as_deref() == Some(text)
    }

    /// Whether both are for the same requests, and waived for the same.
    pub(super) fn has_scope_of(&self, other: &Self) -> bool {
        self.conditions == other.conditions && self.waivers == other.waivers
    }
}

/// What one version is in each combination.
#[derive(Debug, Default)]
struct VersionModel {
    conditions: Vec<Predicate>,
    /// Its validations, and whether the body matches its schema.
    demands: Vec<Predicate>,
    /// The one of these that is the schema.
    schema: Option<(Predicate, Json)>,
    waivers: Vec<WaiverModel>,
    /// Whether a failure is worse than what is false: no waiver lifts it, and a limit refuses at once.
    ranks_failures: bool,
    is_limit: bool,
    /// `None` if there is no such version.
    effect: Option<Effect>,
}

#[derive(Debug)]
struct WaiverModel {
    conditions: Vec<Predicate>,
    expires: Expiry,
}

/// How far a policy is violated. More of it never has a milder effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Holds,
    False,
    /// It cannot be evaluated, which no waiver lifts.
    Failed,
}

/// Two versions of a policy, over the same terms.
pub(super) struct PairModel<'d> {
    enumeration: Enumeration<'d>,
    old: VersionModel,
    new: VersionModel,
    /// Whether a waiver ends before the request.
    expiries: Vec<(Expiry, Predicate)>,
    schema_change: SchemaChange,
    /// Whether states are compared, and not effects: what else there is in both versions is left out.
    is_part: bool,
}

/// The differences of two versions.
#[derive(Debug, Default)]
pub(super) struct Enumerated {
    pub(super) stricter: Vec<Assignment>,
    pub(super) looser: Vec<Assignment>,
}

impl<'d> PairModel<'d> {
    /// All of both.
    pub(super) fn full(
        declarations: &'d dyn Declarations,
        (old, new): (Option<&RuleVersion<'_>>, Option<&RuleVersion<'_>>),
    ) -> Self {
        let mut enumeration = Enumeration::new(declarations);
        let versions = [old, new];
        let [old, new] = versions.map(|version| {
            let Some(version) = version else { return VersionModel::default() };
            let model = VersionModel::of(version, &mut enumeration, true, |_| true);
            let waivers = version.waivers.iter().map(|waiver| WaiverModel::of(waiver, &mut enumeration)).collect();
            VersionModel { waivers, ..model }
        });
        let waivers = versions.into_iter().flatten().flat_map(|version| version.waivers);
        let mut expiries: Vec<Expiry> = waivers.map(|waiver| waiver.expires).collect();
        expiries.sort();
        expiries.dedup();
        let expiries = expiries.into_iter().map(|it| (it, enumeration.fact(&format!("past {it:?}")))).collect();
        Self::assemble(enumeration, (old, new), expiries, false)
    }

    /// What only one of them has, of two with the same scope, waivers and action; `with_conditions` for requests in their scope only.
    pub(super) fn of_changes(
        declarations: &'d dyn Declarations,
        (old, new): (&RuleVersion<'_>, &RuleVersion<'_>),
        with_conditions: bool,
    ) -> Self {
        let mut enumeration = Enumeration::new(declarations);
        let is_common = |text: &str| [old, new].iter().all(|it| it.parts.demands(text));
        let [old, new] = [old, new]
            .map(|version| VersionModel::of(version, &mut enumeration, with_conditions, |text| !is_common(text)));
        Self::assemble(enumeration, (old, new), Vec::new(), true)
    }

    /// One demand of each of two versions with the same scope, waivers and action.
    pub(super) fn of_demands(
        declarations: &'d dyn Declarations,
        (old, before): (&RuleVersion<'_>, &str),
        (new, now): (&RuleVersion<'_>, &str),
    ) -> Self {
        let mut enumeration = Enumeration::new(declarations);
        let old = VersionModel::of(old, &mut enumeration, false, |text| text == before);
        let new = VersionModel::of(new, &mut enumeration, false, |text| text == now);
        Self::assemble(enumeration, (old, new), Vec::new(), true)
    }

    fn assemble(
        enumeration: Enumeration<'d>,
        (old, new): (VersionModel, VersionModel),
        expiries: Vec<(Expiry, Predicate)>,
        is_part: bool,
    ) -> Self {
        let schemas = old.schema.as_ref().zip(new.schema.as_ref());
        let schema_change =
            schemas.map(|((_, before), (_, now))| SchemaChange::of_schemas(before, now)).unwrap_or_default();
        Self { enumeration, old, new, expiries, schema_change, is_part }
    }

    /// The values to try for what parts read that are not understood.
    pub(super) fn hints(&self) -> BTreeMap<RequestPart, BTreeSet<String>> {
        let mut hints: BTreeMap<RequestPart, BTreeSet<String>> = BTreeMap::new();
        for (atom, constants) in self.enumeration.hints() {
            let texts = constants.into_iter().filter_map(hint);
            hints.entry(RequestPart::of(atom)).or_default().extend(texts);
        }
        hints
    }

    /// The differences of the two; `None` if there are too many combinations.
    pub(super) fn enumerate(&self) -> Option<Enumerated> {
        let combinations = self.enumeration.combinations(MAX_COMBINATIONS)?;
        let mut found = Enumerated::default();
        combinations.visit(|combination| {
            if self.is_possible(combination) {
                let [old, new] = [&self.old, &self.new].map(|version| self.rank(version, combination));
                let differing = match old.cmp(&new) {
                    std::cmp::Ordering::Equal => return ControlFlow::Continue(()),
                    std::cmp::Ordering::Less => &mut found.stricter,
                    std::cmp::Ordering::Greater => &mut found.looser,
                };
                if differing.len() < MAX_KEPT {
                    differing.push(assignment(combination));
                }
            }
            ControlFlow::Continue(())
        });
        Some(found)
    }

    /// Whether the schemas and the times that waivers end at can be so: what the narrower schema accepts, the other does too, and a
    /// time that is past has the earlier ones past.
    fn is_possible(&self, combination: Combination<'_>) -> bool {
        if let (Some((before, _)), Some((now, _))) = (&self.old.schema, &self.new.schema) {
            let [before, now] = [before, now].map(|schema| combination.truth(schema) == Some(true));
            let SchemaChange { accepts_more, accepts_less } = self.schema_change;
            if !before && now && !accepts_more || before && !now && !accepts_less {
                return false;
            }
        }
        let past = self.expiries.iter().map(|(_, is_past)| combination.truth(is_past) == Some(true));
        past.collect::<Vec<_>>().is_sorted_by(|earlier, later| earlier >= later)
    }

    /// What is compared: the effect of a version, or how far it is violated.
    fn rank(&self, version: &VersionModel, combination: Combination<'_>) -> (Effect, State) {
        let state = version.state(combination);
        if self.is_part {
            // without waivers, what cannot be evaluated has the effect of what is false
            return (Effect::Pass, if version.ranks_failures { state } else { state.min(State::False) });
        }
        let effect = version.effect.unwrap_or(Effect::Pass);
        let effect = match state {
            State::Holds => Effect::Pass,
            State::False if version.waivers.iter().any(|it| self.applies(it, combination)) => Effect::Audit,
            State::False | State::Failed => effect,
        };
        (effect, if version.is_limit { state } else { State::Holds })
    }

    fn applies(&self, waiver: &WaiverModel, combination: Combination<'_>) -> bool {
        let is_past = self.expiries.iter().find(|(expires, _)| *expires == waiver.expires);
        is_past.is_some_and(|(_, is_past)| combination.truth(is_past) == Some(false))
            && waiver.conditions.iter().all(|condition| combination.truth(condition) == Some(true))
    }
}

impl VersionModel {
    /// The model of `version`, with those of its demands whose canonical text `is_kept`, and without its waivers.
    fn of(
        version: &RuleVersion<'_>,
        enumeration: &mut Enumeration<'_>,
        with_conditions: bool,
        is_kept: impl Fn(&str) -> bool,
    ) -> Self {
        let variables = &version.scope.variables;
        let conditions = version.scope.conditions.iter().filter(|_| with_conditions);
        let conditions = conditions.map(|(_, it)| enumeration.predicate(variables, it)).collect();
        let validations = version.validations.iter().filter(|it| is_kept(&it.canonical(variables)));
        let mut demands: Vec<_> = validations.map(|it| enumeration.predicate(variables, it)).collect();
        let schema =
            version.parts.schema.as_ref().filter(|it| is_kept(it)).map(|it| enumeration.fact(&format!("schema {it}")));
        demands.extend(schema.clone());
        demands.extend((version.is_limit && is_kept(COUNTS)).then_some(Enumeration::never()));
        let is_limit = version.is_limit;
        let ranks_failures = is_limit || !version.waivers.is_empty();
        let schema = schema.zip(version.schema.clone());
        let effect = Some(version.effect);
        Self { conditions, demands, schema, waivers: Vec::new(), ranks_failures, is_limit, effect }
    }

    fn state(&self, combination: Combination<'_>) -> State {
        if self.effect.is_none() {
            return State::Holds;
        }
        // in order: one that is false ends the evaluation before a later one fails
        for condition in &self.conditions {
            match combination.truth(condition) {
                Some(true) => {}
                Some(false) => return State::Holds,
                None => return State::Failed,
            }
        }
        let states = self.demands.iter().map(|demand| match combination.truth(demand) {
            Some(true) => State::Holds,
            Some(false) => State::False,
            None => State::Failed,
        });
        states.max().unwrap_or(State::Holds)
    }
}

impl WaiverModel {
    fn of(waiver: &Waiver, enumeration: &mut Enumeration<'_>) -> Self {
        let (conditions, variables) = (&waiver.scope.conditions, &waiver.scope.variables);
        let conditions = conditions.iter().map(|(_, it)| enumeration.predicate(variables, it)).collect();
        Self { conditions, expires: waiver.expires }
    }
}

fn assignment(combination: Combination<'_>) -> Assignment {
    let assigned = combination.atom_values().filter_map(|(atom, value)| match value {
        None => Some((RequestPart::of(atom), None)),
        Some(value) => Some((RequestPart::of(atom), Some(json(value)?))),
    });
    assigned.filter(|(part, _)| !matches!(part, RequestPart::Fixed)).collect()
}

/// The value as JSON; `None` if it has no form there.
fn json(value: &Value<'static>) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Double(number) => {
            whole(*number).unwrap_or_else(|| Number::from_f64(*number).map_or(Json::Null, Json::Number))
        }
        _ => match (value.as_str(), value.len()) {
            (Some(text), _) => Json::String(text.to_owned()),
            (None, Some(length)) => {
                let items = (0..length).map(|position| value.item(position).as_ref().and_then(json));
                let items: Option<Vec<Json>> = items.collect();
                // keys only: the values of a representative map do not matter
                if value.is_map() {
                    let keys = items?.into_iter().filter_map(|key| Some((key.as_str()?.to_owned(), Json::from("a"))));
                    Json::Object(keys.collect())
                } else {
                    Json::Array(items?)
                }
            }
            (None, None) => return None,
        },
    })
}

/// A number without a fraction as an integer, as callers write it.
#[expect(clippy::cast_possible_truncation, reason = "numbers beyond 2^53 are left as they are")]
fn whole(number: f64) -> Option<Json> {
    (number.fract() == 0.0 && number.abs() < 9.0e15).then(|| Json::from(number as i64))
}

/// A constant as a text that candidates are made of.
fn hint(constant: &Value<'static>) -> Option<String> {
    match constant {
        Value::Duration(nanoseconds) => Some(format!("{}ms", nanoseconds / 1_000_000)),
        _ => match json(constant)? {
            Json::String(text) => Some(text),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        },
    }
}
