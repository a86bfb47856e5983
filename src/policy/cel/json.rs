//! The body as CEL sees it: read from the document when asked for, nothing copied but the scalars that are used.

use super::equality;
use crate::document::{Document, Kind, NodeRef, View};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as CelIterator, Sizer};
use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString, CelUInt, LIST_TYPE, MAP_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A value of the document, as CEL takes it: scalars as CEL's own, arrays and objects as they lie in the document.
fn value<'v>(document: &Arc<Document>, node: NodeRef<'_>) -> Box<dyn Val + 'v> {
    match node.kind() {
        Kind::Null => Box::new(CelNull),
        Kind::Bool(value) => Box::new(CelBool::from(value)),
        Kind::Number(text) => number(text),
        Kind::String(text) => Box::new(CelString::from(text.to_owned())),
        Kind::Array | Kind::Object => Box::new(JsonContainer::new(document.clone(), node)),
    }
}

/// A number as `int` or `uint` where it is written as one that fits, else as the nearest `double`.
fn number<'v>(text: &str) -> Box<dyn Val + 'v> {
    if let Ok(value) = text.parse::<i64>() {
        return Box::new(CelInt::from(value));
    }
    if let Ok(value) = text.parse::<u64>() {
        return Box::new(CelUInt::from(value));
    }
    Box::new(CelDouble::from(text.parse::<f64>().unwrap_or(f64::NAN)))
}

/// An array or object of the document.
pub(super) struct JsonContainer {
    document: Arc<Document>,
    identity: usize,
    is_list: bool,
    /// Elements, or names, made when something iterates.
    items: OnceLock<Vec<Box<dyn Val>>>,
}

impl JsonContainer {
    fn new(document: Arc<Document>, node: NodeRef<'_>) -> Self {
        let (identity, is_list) = (node.identity(), node.kind() == Kind::Array);
        Self { document, identity, is_list, items: OnceLock::new() }
    }

    pub(super) fn node(&self) -> NodeRef<'_> {
        self.document.node(self.identity)
    }

    fn items(&self) -> &[Box<dyn Val>] {
        self.items.get_or_init(|| {
            let node = self.node();
            let item = |position| -> Option<Box<dyn Val>> {
                if self.is_list {
                    return Some(value(&self.document, node.child(position)?));
                }
                Some(Box::new(CelString::from(node.name(position)?.to_owned())))
            };
            (0..node.len()).filter_map(item).collect()
        })
    }
}

impl fmt::Debug for JsonContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_list { "[..]" } else { "{..}" })
    }
}

impl StaticVal for JsonContainer {}

impl Val for JsonContainer {
    fn get_type(&self) -> &Type {
        if self.is_list { &LIST_TYPE } else { &MAP_TYPE }
    }

    fn cel_type() -> &'static Type {
        &cel::common::types::DYN_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        self.get_type().kind() == other.get_type().kind() && equality::equal(self, other)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(Self::new(self.document.clone(), self.node()))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl Indexer for JsonContainer {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let node = self.node();
        let found = if self.is_list {
            position(key)?.and_then(|position| node.child(position))
        } else {
            node.member(name(key)?)
        };
        found.map(|node| CowVal::Owned(value(&self.document, node))).ok_or_else(no_such_key)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Container for JsonContainer {
    fn contains(&self, wanted: &dyn Val) -> Result<bool, ExecutionError> {
        if self.is_list {
            return Ok(self.items().iter().any(|item| equality::equal(item.as_ref(), wanted)));
        }
        Ok(self.node().member(name(wanted)?).is_some())
    }
}

impl Sizer for JsonContainer {
    fn size(&self) -> CelInt {
        CelInt::from(i64::try_from(self.node().len()).unwrap_or(i64::MAX))
    }
}

impl Iterable for JsonContainer {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Items(self.items().iter()))
    }
}

struct Items<'b>(std::slice::Iter<'b, Box<dyn Val>>);

impl<'b, 'v> CelIterator<'b, 'v> for Items<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|item| -> &'b (dyn Val + 'v) { item.as_ref() })
    }
}

/// The key as the name of a member.
pub(super) fn name(key: &dyn Val) -> Result<&str, ExecutionError> {
    let wrong = || ExecutionError::UnexpectedType { got: key.get_type().name().to_owned(), want: "string".to_owned() };
    key.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(wrong)
}

/// The key as a position in a list; none where no list is that long.
fn position(key: &dyn Val) -> Result<Option<usize>, ExecutionError> {
    if let Some(position) = key.downcast_ref::<CelInt>() {
        return Ok(usize::try_from(*position.inner()).ok());
    }
    if let Some(position) = key.downcast_ref::<CelUInt>() {
        return Ok(usize::try_from(*position.inner()).ok());
    }
    Err(ExecutionError::UnexpectedType { got: key.get_type().name().to_owned(), want: "int".to_owned() })
}

/// Without the key: it may come from the request.
pub(super) fn no_such_key() -> ExecutionError {
    ExecutionError::no_such_key("")
}

/// The body: an object whose members read as `null` where they are absent. That a name is declared was checked at load.
#[derive(Clone)]
pub(super) struct Body {
    /// None where the request has no body.
    document: Option<Arc<Document>>,
    /// Whether absent members read as `null`, or are absent (`has`).
    defaults: bool,
}

impl Body {
    pub(super) const fn new(document: Option<Arc<Document>>, defaults: bool) -> Self {
        Self { document, defaults }
    }

    /// The member called `name`.
    pub(super) fn member<'v>(&self, name: &str) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        if let Some(document) = &self.document
            && let Some(node) = document.root().member(name)
        {
            return Ok(value(document, node));
        }
        if self.defaults { Ok(Box::new(CelNull)) } else { Err(no_such_key()) }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{..}")
    }
}

impl StaticVal for Body {}

impl Val for Body {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl Indexer for Body {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.member(name(key)?).map(CowVal::Owned)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.member(name(key)?)
    }
}

impl Container for Body {
    fn contains(&self, wanted: &dyn Val) -> Result<bool, ExecutionError> {
        let name = name(wanted)?;
        Ok(self.document.as_ref().is_some_and(|document| document.root().member(name).is_some()))
    }
}
