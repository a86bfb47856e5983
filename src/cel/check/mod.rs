//! Checks a tree and compiles it to nodes: resolves names, folds constants, and reports every error that can be known before a
//! request arrives.

mod call;
mod checked;
mod checker;
mod comprehension;
mod expression;
mod literal_format;
mod local;
mod member;
mod operator;
mod optional;
mod scope;

pub(super) use checked::Checked;
pub(super) use checker::Checker;
