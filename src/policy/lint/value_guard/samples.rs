//! Requests by which the expressions of a rule are tried.

use super::values::ValueSource;
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most requests to all operations of a rule, and to one of them.
const MOST: usize = 6_000;
const MOST_OF_OPERATION: usize = 3_000;
/// Fewest to one of many.
const FEWEST: usize = 300;
/// How many values of another part each value is combined with.
const MOST_BESIDE: usize = 8;

/// A part of a request that expressions read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SamplePart {
    /// A field of the body, or a member in it, by the names that lead there; the body as a whole if there is none.
    Body(Vec<String>),
    Header(String),
    Parameter(String),
    /// The SPIFFE ID of the client.
    SpiffeId,
}

/// The values of the parts of one request. A part that is not among them is absent.
pub(super) type Sample = Vec<(SamplePart, Value)>;

/// The parts that a rule reads, each with the values to try.
pub(super) struct Samples {
    parts: Vec<(SamplePart, Vec<Value>)>,
    most: usize,
}

impl Samples {
    /// Of requests to `operation`, one of `operations`, of which a rule reads `parts`.
    pub(super) fn new(
        operation: &Operation,
        operations: usize,
        parts: &BTreeSet<SamplePart>,
        source: &ValueSource,
    ) -> Self {
        let root = operation.body.as_ref().map(BodySchema::field_tree);
        let values = |part: &SamplePart| match part {
            SamplePart::Body(names) => {
                let declared = names.iter().try_fold(root?, |tree: &FieldTree, name| tree.member(name));
                Some(source.values(declared))
            }
            SamplePart::Header(_) | SamplePart::Parameter(_) | SamplePart::SpiffeId => {
                Some(source.texts().iter().map(|text| Value::from(text.as_str())).collect())
            }
        };
        let parts = parts.iter().filter_map(|part| Some((part.clone(), values(part)?))).collect();
        Self { parts, most: (MOST / operations.max(1)).clamp(FEWEST, MOST_OF_OPERATION) }
    }

    /// Nothing; each part alone; each two parts; and mixtures of all.
    pub(super) fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        let alone =
            self.parts.iter().flat_map(|(part, values)| values.iter().map(|it| vec![(part.clone(), it.clone())]));
        // by turns, so that each two parts are tried together before there are too many
        let pairs = (0..MOST_BESIDE).flat_map(move |turn| {
            self.parts.iter().flat_map(move |(part, values)| {
                let others = self.parts.iter().filter(move |(other, _)| other != part);
                let beside = others.filter_map(move |(other, values)| Some((other, values.get(turn)?)));
                beside.flat_map(move |(other, beside)| {
                    values.iter().map(move |it| vec![(other.clone(), beside.clone()), (part.clone(), it.clone())])
                })
            })
        });
        let near = std::iter::once(Vec::new()).chain(alone).chain(pairs).take(self.most / 2);
        near.chain(self.mixtures())
    }

    /// Values of all parts, chosen by a fixed sequence of numbers: what is found does not change from run to run.
    fn mixtures(&self) -> impl Iterator<Item = Sample> + '_ {
        let mut state = 1_u64;
        let mut next = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or_default() % below.max(1)
        };
        let count = if self.parts.len() < 2 { 0 } else { self.most / 2 };
        (0..count).map(move |_| {
            let chosen = self.parts.iter().filter_map(|(part, values)| {
                // one in eight is absent; the first ones, which differ most, come more often
                let few = if next(2) == 0 { values.len().min(MOST_BESIDE) } else { values.len() };
                let is_absent = next(8) == 0;
                let value = values.get(next(few)).filter(|_| !is_absent)?;
                Some((part.clone(), value.clone()))
            });
            chosen.collect()
        })
    }
}

/// The body that has the values of a sample; `None` if it has none.
pub(super) fn body_of(sample: &Sample) -> Option<Value> {
    let parts = sample.iter().filter_map(|(part, value)| match part {
        SamplePart::Body(names) => Some((names, value)),
        SamplePart::Header(_) | SamplePart::Parameter(_) | SamplePart::SpiffeId => None,
    });
    // outer parts first, so that what is in them is not lost
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by_key(|(names, _)| names.len());
    let mut body = None;
    for (names, value) in parts {
        place(body.get_or_insert_with(|| Value::Object(Map::new())), names, value);
    }
    body
}

fn place(within: &mut Value, names: &[String], value: &Value) {
    let Some((name, rest)) = names.split_first() else {
        *within = value.clone();
        return;
    };
    if !within.is_object() {
        *within = Value::Object(Map::new());
    }
    if let Value::Object(members) = within {
        place(members.entry(name.clone()).or_insert(Value::Null), rest, value);
    }
}
