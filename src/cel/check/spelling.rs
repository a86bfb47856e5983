//! Texts that no request can hold where they are looked for, such as a network in place of an address.

use super::super::bindings::Attribute;
use super::super::node::Node;
use super::super::syntax::{Infix, Issue, Tree};
use super::super::value::Value;
use super::{Checked, Checker};
use std::net::IpAddr;

impl<'c> Checker<'_, 'c> {
    /// Reports texts that a attribute is compared with and can never be.
    pub(super) fn check_spelling(&mut self, sides: &[Tree; 2], parts: &[Checked<'c>; 2], operator: Infix) {
        let always = match operator {
            Infix::Equal { negated } => negated,
            Infix::In => false,
            Infix::Compare(_) | Infix::Calculate(_) => return,
        };
        let [left, right] = parts;
        let (attribute, written, [asked, at]) = match (&left.node, &right.node, sides) {
            (Node::Attribute(attribute), _, [left, at]) => (*attribute, right, [left, at]),
            (_, Node::Attribute(attribute), [at, right]) if operator != Infix::In => (*attribute, left, [right, at]),
            _ => return,
        };
        let Some(constant) = written.as_constant() else { return };
        let texts =
            constant.as_str().into_iter().chain(constant.items().into_iter().flatten().filter_map(Value::as_str));
        let wrong = texts.filter_map(|text| Some((text, impossible(attribute, text)?)));
        let issues: Vec<Issue> = wrong
            .map(|(text, (what, help))| {
                let (asked, text) = (self.text(&asked.span), text.escape_debug());
                let message = match operator {
                    Infix::In => format!("`{asked}` is {what}, never `{text}`"),
                    _ => format!("`{asked}` is {what}, never `{text}`: the comparison is always {always}"),
                };
                Issue::new(&at.span, message).with_any_help(help)
            })
            .collect();
        self.issues.extend(issues);
    }
}

/// What `attribute` is, where it can never be `text`, and what to write.
fn impossible(attribute: Attribute, text: &str) -> Option<(&'static str, Option<String>)> {
    match attribute {
        Attribute::ClientIp => {
            let Ok(address) = text.parse::<IpAddr>() else { return Some(("an IP address", prefix_of(text))) };
            let plain = address.to_string();
            (plain != text).then(|| ("an IP address in its shortest form", Some(format!("write \"{plain}\""))))
        }
        Attribute::ClientSpiffeId if !text.starts_with("spiffe://") => {
            Some(("a SPIFFE ID", Some("it begins with `spiffe://`".to_owned())))
        }
        Attribute::Path if !text.starts_with('/') => Some(("a path", Some("it begins with `/`".to_owned()))),
        Attribute::KeyFingerprint if !is_fingerprint(text) => {
            Some(("a fingerprint", Some("16 digits and letters from `a` to `f`, as in the log".to_owned())))
        }
        _ => None,
    }
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// How to ask for the addresses of a network whose prefix ends where a part of the address does.
fn prefix_of(text: &str) -> Option<String> {
    let (address, bits) = text.split_once('/')?;
    let parts = match bits {
        "8" => 1,
        "16" => 2,
        "24" => 3,
        _ => {
            return Some(
                "addresses are texts here, so compare what they begin with, as in `startsWith(\"10.\")`".to_owned(),
            );
        }
    };
    let prefix: Vec<&str> = address.split('.').take(parts).collect();
    Some(format!("compare what it begins with: `client.ip.startsWith(\"{}.\")`", prefix.join(".")))
}
