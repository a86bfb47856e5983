//! The bounds on a JSON Schema, wherever it comes from: policies, overlays, imported specs, contract folders.
//!
//! A body spends a budget ([`super::validation_budget`]) with each value that the validator looks at. What the validator does
//! for one value is bounded here.

use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::{self, WhichCaptures};
use serde_json::Value;
use std::collections::HashMap;

/// Most values in the text of a schema.
const MOST_VALUES: usize = 20_000;
/// Deepest nesting of its text.
const DEEPEST: usize = 64;
/// Most fields of one object.
const MOST_FIELDS: usize = 1_000;
/// Most members of `anyOf`, `oneOf` or `allOf`.
const MOST_ALTERNATIVES: usize = 64;
/// Most values of an `enum`: they are compared one by one.
const MOST_CHOICES: usize = 500;
/// Most patterns for the names of one object: each is searched for in each name.
const MOST_PATTERNS: usize = 8;
/// Most keywords that apply to one value, those of alternatives and references included.
const MOST_KEYWORDS: usize = 500;
/// Most fields that are listed, and how deep.
const MOST_LISTED: usize = 20_000;
const DEEPEST_FIELD: usize = 17;
/// Largest automaton of a pattern, in bytes. One that is larger could run out of states in a search, after which matching takes
/// a hundred times as long.
const LARGEST_AUTOMATON: usize = 512 * 1024;

/// The keywords whose schemas are for the same value.
const SAME_VALUE: [&str; 4] = ["not", "if", "then", "else"];
/// The keywords with a list of schemas for the same value.
const ALTERNATIVES: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// The keywords whose value is no schema.
const CONSTANTS: [&str; 4] = ["const", "enum", "default", "examples"];

/// Checks that validating a body against `schema` takes bounded work for each value of the body.
///
/// # Errors
///
/// What exceeds a bound.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let mut values = 0;
    check_size(schema, DEEPEST, &mut values)?;
    check_schemas(schema)?;
    count_fields(schema, schema, 0, &mut 0)?;
    Weights { root: schema, known: HashMap::new() }.check_all(schema)
}

fn check_size(value: &Value, depth: usize, values: &mut usize) -> Result<(), String> {
    let Some(below) = depth.checked_sub(1) else { return Err(format!("a schema nests at most {DEEPEST} levels")) };
    *values += 1;
    if *values > MOST_VALUES {
        return Err(format!("a schema has at most {MOST_VALUES} values"));
    }
    match value {
        Value::Object(members) => members.values().try_for_each(|member| check_size(member, below, values)),
        Value::Array(items) => items.iter().try_for_each(|item| check_size(item, below, values)),
        _ => Ok(()),
    }
}

/// Checks that the fields of `schema` can be listed: [`super::field_tree`] follows references to the same depth.
fn count_fields(schema: &Value, root: &Value, depth: usize, fields: &mut usize) -> Result<(), String> {
    *fields += 1;
    if *fields > MOST_LISTED {
        return Err(format!("a schema declares at most {MOST_LISTED} fields, references followed"));
    }
    let Some(keywords) = schema.as_object().filter(|_| depth < DEEPEST_FIELD) else { return Ok(()) };
    let target = keywords.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    let target = target.and_then(|target| root.pointer(target));
    let alternatives = ALTERNATIVES.iter().filter_map(|keyword| keywords.get(*keyword)?.as_array()).flatten();
    let members = keywords.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(_, member)| member);
    let below = target.into_iter().chain(alternatives).chain(members).chain(keywords.get("items"));
    below.into_iter().try_for_each(|below| count_fields(below, root, depth + 1, fields))
}

/// Checks what each schema in `schema` has by itself.
fn check_schemas(schema: &Value) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Ok(()) };
    for (keyword, value) in keywords {
        let items = value.as_array().map_or(0, Vec::len);
        let members = value.as_object().map_or(0, serde_json::Map::len);
        match keyword.as_str() {
            "enum" if items > MOST_CHOICES => return Err(format!("`enum` has at most {MOST_CHOICES} values")),
            _ if ALTERNATIVES.contains(&keyword.as_str()) && items > MOST_ALTERNATIVES => {
                return Err(format!("`{keyword}` has at most {MOST_ALTERNATIVES} schemas"));
            }
            "properties" | "dependentSchemas" if members > MOST_FIELDS => {
                return Err(format!("`{keyword}` has at most {MOST_FIELDS} fields"));
            }
            "required" if items > MOST_FIELDS => return Err(format!("`required` has at most {MOST_FIELDS} names")),
            "patternProperties" if members > MOST_PATTERNS => {
                return Err(format!("`patternProperties` has at most {MOST_PATTERNS} patterns"));
            }
            "patternProperties" => value.as_object().into_iter().flatten().try_for_each(|(it, _)| check_pattern(it))?,
            "pattern" => value.as_str().map_or(Ok(()), check_pattern)?,
            _ => {}
        }
        children(keyword, value).into_iter().try_for_each(check_schemas)?;
    }
    Ok(())
}

/// Checks that `pattern` has an automaton of a bounded size, which reads each byte once.
fn check_pattern(pattern: &str) -> Result<(), String> {
    // a pattern that does not compile is an error of the validator
    let Ok(pattern) = jsonschema_regex::to_rust_regex(pattern) else { return Ok(()) };
    let Ok(syntax) = regex_automata::util::syntax::parse(&pattern) else { return Ok(()) };
    let nfa = thompson::Config::new().nfa_size_limit(Some(LARGEST_AUTOMATON)).which_captures(WhichCaptures::None);
    let nfa = thompson::Compiler::new().configure(nfa).build_from_hir(&syntax);
    // it has no automaton for text that is not ASCII
    if nfa.as_ref().is_ok_and(|nfa| nfa.look_set_any().contains_word_unicode()) {
        return Err(r"a pattern has a `\b` or `\B`; write what is around the word, such as `(^|\W)`".to_owned());
    }
    let limits = dense::Config::new()
        .dfa_size_limit(Some(LARGEST_AUTOMATON))
        .determinize_size_limit(Some(LARGEST_AUTOMATON))
        .start_kind(regex_automata::dfa::StartKind::Unanchored);
    let automaton = nfa.ok().and_then(|nfa| dense::Builder::new().configure(limits).build_from_nfa(&nfa).ok());
    automaton.map(|_| ()).ok_or_else(|| "a pattern is too complex; use fewer or shorter repetitions in it".to_owned())
}

/// The schemas in the value of `keyword`.
fn children<'s>(keyword: &str, value: &'s Value) -> Vec<&'s Value> {
    match value {
        _ if CONSTANTS.contains(&keyword) => Vec::new(),
        // a map of schemas by name, where a name can be that of a keyword
        Value::Object(members)
            if ["properties", "patternProperties", "$defs", "dependentSchemas"].contains(&keyword) =>
        {
            members.values().collect()
        }
        Value::Object(_) => vec![value],
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// How many keywords apply to one value.
struct Weights<'s> {
    root: &'s Value,
    /// Those of schemas that `$ref` refers to; `None` while one is being weighed.
    // without it, a chain of definitions that each refer to the next one twice would take exponential time
    known: HashMap<&'s str, Option<usize>>,
}

impl<'s> Weights<'s> {
    /// Checks the weights of `schema` and of each schema in it.
    fn check_all(&mut self, schema: &'s Value) -> Result<(), String> {
        if self.weigh(schema)? > MOST_KEYWORDS {
            return Err(format!(
                "more than {MOST_KEYWORDS} keywords apply to one value, alternatives and references counted"
            ));
        }
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            children(keyword, value).into_iter().try_for_each(|below| self.check_all(below))?;
        }
        Ok(())
    }

    fn weigh(&mut self, schema: &'s Value) -> Result<usize, String> {
        let Some(keywords) = schema.as_object() else { return Ok(1) };
        let mut weight = keywords.len();
        for (keyword, value) in keywords {
            let is_same_value = SAME_VALUE.contains(&keyword.as_str()) || ALTERNATIVES.contains(&keyword.as_str());
            if is_same_value || keyword == "dependentSchemas" {
                for below in children(keyword, value) {
                    weight = weight.saturating_add(self.weigh(below)?);
                }
            } else if keyword == "$ref"
                && let Some(target) = value.as_str()
            {
                weight = weight.saturating_add(self.target(target)?);
            }
        }
        Ok(weight)
    }

    fn target(&mut self, target: &'s str) -> Result<usize, String> {
        match self.known.get(target) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err("a `$ref` leads back to itself for the same value".to_owned()),
            None => {}
        }
        // one that leads nowhere is an error of the validator
        let Some(schema) = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
            return Ok(0);
        };
        self.known.insert(target, None);
        let weight = self.weigh(schema)?;
        self.known.insert(target, Some(weight));
        Ok(weight)
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use serde_json::{Value, json};

    fn error(schema: &Value) -> String {
        check(schema).expect_err("a schema that is out of bounds")
    }

    #[test]
    fn a_usual_schema_is_within_bounds() {
        let node = json!({ "type": "object", "properties": { "next": { "$ref": "#/$defs/Node" }, "enum": { "type": "string" } } });
        for schema in [json!(true), json!({ "$defs": { "Node": node }, "$ref": "#/$defs/Node" })] {
            assert_eq!(check(&schema), Ok(()));
        }
        for pattern in [r"^org_\w{27}$", r"^(\S(.*\S)?)?$", r"^\p{L}+$", "^.{1,200}$"] {
            assert_eq!(check(&json!({ "pattern": pattern })), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn size_depth_and_breadth_are_bounded() {
        let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({ "items": inner }));
        assert!(check(&nested(60)).is_ok() && error(&nested(64)).contains("nests at most 64"));
        assert!(error(&json!({ "enum": vec![0; 20_000] })).contains("at most 20000 values"));
        assert!(error(&json!({ "properties": { "a": { "enum": vec![0; 501] } } })).contains("`enum` has at most 500"));
        assert!(error(&json!({ "oneOf": vec![json!({}); 65] })).contains("`oneOf` has at most 64"));
        let fields: serde_json::Map<String, Value> = (0..1_001).map(|at| (format!("a{at}"), json!({}))).collect();
        assert!(error(&json!({ "properties": fields })).contains("`properties` has at most 1000"));
        let patterns: serde_json::Map<String, Value> = (0..9).map(|at| (format!("^a{at}"), json!({}))).collect();
        assert!(error(&json!({ "patternProperties": patterns })).contains("at most 8 patterns"));
    }

    #[test]
    fn what_applies_to_one_value_is_bounded_through_references() {
        let mut definitions = serde_json::Map::new();
        for at in 0..30 {
            let next = json!({ "$ref": format!("#/$defs/d{}", at + 1) });
            definitions.insert(format!("d{at}"), json!({ "allOf": [next, next] }));
        }
        definitions.insert("d30".to_owned(), json!({ "type": "string" }));
        let doubling = json!({ "$defs": definitions, "$ref": "#/$defs/d0" });
        assert!(error(&doubling).contains("more than 500 keywords"));
        let circle = json!({ "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }, {}] } }, "$ref": "#/$defs/a" });
        assert!(error(&circle).contains("leads back to itself"));
        let below = json!({ "$defs": { "a": { "items": { "$ref": "#/$defs/a" } } }, "items": { "$ref": "#/$defs/a" } });
        assert_eq!(check(&below), Ok(()));
    }

    #[test]
    fn fields_that_refer_to_each_other_are_bounded() {
        let node = json!({ "properties": { "left": { "$ref": "#/$defs/Node" }, "right": { "$ref": "#/$defs/Node" } } });
        assert_eq!(check(&json!({ "$defs": { "Node": node }, "$ref": "#/$defs/Node" })), Ok(()));
        let fields: serde_json::Map<String, Value> =
            (0..30).map(|at| (format!("a{at}"), json!({ "$ref": "#/$defs/Node" }))).collect();
        let schema = json!({ "$defs": { "Node": { "properties": fields } }, "$ref": "#/$defs/Node" });
        assert!(error(&schema).contains("at most 20000 fields"));
    }

    #[test]
    fn a_pattern_without_a_small_automaton_is_refused() {
        for pattern in ["(a|b)*a(a|b){14}", r"(?:\p{L}{1,100}){1,100}", "x.{1000}y"] {
            assert!(error(&json!({ "items": { "pattern": pattern } })).contains("too complex"), "{pattern}");
            assert!(error(&json!({ "patternProperties": { pattern: {} } })).contains("too complex"), "{pattern}");
        }
        assert!(error(&json!({ "pattern": r"\bx\b" })).contains("around the word"));
    }
}
