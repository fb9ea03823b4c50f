//! The values that a template sees: those that it mentions, and marks for those that are missing.
//!
//! What is missing is nil to a condition and to the filter `default`. Wherever it would be printed, even through other
//! filters, its mark comes out, and tells what was missing.

use liquid_core::model::{ArrayView, DisplayCow, KString, KStringCow, KStringRef, ScalarCow, State, find, try_find};
use liquid_core::runtime::{PartialStore, Registers};
use liquid_core::{ObjectView, Result, Runtime, Value, ValueCow, ValueView};
use std::collections::{BTreeMap, BTreeSet};

/// The type name of what is missing.
pub(super) const MISSING: &str = "missing";
/// Stands before and after the name of what is missing; no text of a template or value has it.
const MARK: char = '\u{1}';

/// A value, or names of values.
#[derive(Debug)]
pub(super) enum Node {
    /// Names of further ones.
    Branch(BTreeMap<String, Node>),
    /// A value.
    Leaf(Value),
    /// Nothing is known; the text is its name between marks.
    Missing(String),
}

impl Node {
    /// No names.
    pub(super) fn root() -> Self {
        Self::Branch(BTreeMap::new())
    }

    /// Puts a value under a name; what is not known is marked.
    pub(super) fn put(&mut self, path: &[String], value: Option<Value>) {
        let mut node = self;
        for part in path {
            if let Self::Branch(names) = node {
                node = names.entry(part.clone()).or_insert_with(Self::root);
            } else {
                return;
            }
        }
        *node = value.map_or_else(|| Self::Missing(format!("{MARK}{}{MARK}", path.join("."))), Self::Leaf);
    }
}

/// Runs a template with these values. The library's own frame copies each value, and so loses what is missing.
pub(super) struct Frame<'v, R> {
    /// What the template assigns.
    pub(super) parent: R,
    /// The values.
    pub(super) values: &'v Node,
}

impl<R: Runtime> Runtime for Frame<'_, R> {
    fn partials(&self) -> &dyn PartialStore {
        self.parent.partials()
    }

    fn name(&self) -> Option<KStringRef<'_>> {
        self.parent.name()
    }

    fn roots(&self) -> BTreeSet<KStringCow<'_>> {
        let mut roots = self.parent.roots();
        roots.extend(self.values.keys());
        roots
    }

    fn try_get(&self, path: &[ScalarCow<'_>]) -> Option<ValueCow<'_>> {
        if self.has(path) { try_find(self.values, path) } else { self.parent.try_get(path) }
    }

    fn get(&self, path: &[ScalarCow<'_>]) -> Result<ValueCow<'_>> {
        if self.has(path) { find(self.values, path) } else { self.parent.get(path) }
    }

    fn set_global(&self, name: KString, value: Value) -> Option<Value> {
        self.parent.set_global(name, value)
    }

    fn set_index(&self, name: KString, value: Value) -> Option<Value> {
        self.parent.set_index(name, value)
    }

    fn get_index<'a>(&'a self, name: &str) -> Option<ValueCow<'a>> {
        self.parent.get_index(name)
    }

    fn registers(&self) -> &Registers {
        self.parent.registers()
    }
}

impl<R> Frame<'_, R> {
    fn has(&self, path: &[ScalarCow<'_>]) -> bool {
        path.first().is_some_and(|root| self.values.contains_key(root.to_kstr().as_str()))
    }
}

/// The name of what is missing in a text; absent when nothing is. A filter may have changed or cut the name.
pub(super) fn missing(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(MARK)?;
    Some(after.split(MARK).next().unwrap_or(after))
}

impl ValueView for Node {
    fn as_debug(&self) -> &dyn std::fmt::Debug {
        self
    }

    fn render(&self) -> DisplayCow<'_> {
        match self {
            Self::Branch(_) => DisplayCow::Borrowed(&""),
            Self::Leaf(value) => value.render(),
            Self::Missing(name) => DisplayCow::Borrowed(name),
        }
    }

    fn source(&self) -> DisplayCow<'_> {
        self.render()
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Branch(_) => "object",
            Self::Leaf(value) => value.type_name(),
            Self::Missing(_) => MISSING,
        }
    }

    fn query_state(&self, state: State) -> bool {
        match self {
            Self::Branch(_) => state == State::Truthy,
            Self::Leaf(value) => value.query_state(state),
            Self::Missing(_) => state != State::Truthy,
        }
    }

    fn to_kstr(&self) -> KStringCow<'_> {
        match self {
            Self::Branch(_) => KStringCow::from_static(""),
            Self::Leaf(value) => value.to_kstr(),
            Self::Missing(name) => KStringCow::from_ref(name),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Branch(_) => Value::Nil,
            Self::Leaf(value) => value.clone(),
            Self::Missing(name) => Value::scalar(name.clone()),
        }
    }

    fn as_scalar(&self) -> Option<ScalarCow<'_>> {
        match self {
            Self::Leaf(value) => value.as_scalar(),
            Self::Branch(_) | Self::Missing(_) => None,
        }
    }

    fn as_array(&self) -> Option<&dyn ArrayView> {
        static NOTHING: Vec<Value> = Vec::new();
        match self {
            Self::Leaf(value) => value.as_array(),
            // It contains nothing.
            Self::Missing(_) => Some(&NOTHING),
            Self::Branch(_) => None,
        }
    }

    fn as_object(&self) -> Option<&dyn ObjectView> {
        match self {
            Self::Branch(_) => Some(self),
            Self::Leaf(_) | Self::Missing(_) => None,
        }
    }

    fn is_nil(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

impl ObjectView for Node {
    fn as_value(&self) -> &dyn ValueView {
        self
    }

    fn size(&self) -> i64 {
        i64::try_from(self.keys().count()).unwrap_or(i64::MAX)
    }

    fn keys<'k>(&'k self) -> Box<dyn Iterator<Item = KStringCow<'k>> + 'k> {
        Box::new(ObjectView::iter(self).map(|(name, _)| name))
    }

    fn values<'k>(&'k self) -> Box<dyn Iterator<Item = &'k dyn ValueView> + 'k> {
        Box::new(ObjectView::iter(self).map(|(_, node)| node))
    }

    fn iter<'k>(&'k self) -> Box<dyn Iterator<Item = (KStringCow<'k>, &'k dyn ValueView)> + 'k> {
        let names = match self {
            Self::Branch(names) => Some(names),
            Self::Leaf(_) | Self::Missing(_) => None,
        };
        let named = names.into_iter().flatten();
        Box::new(named.map(|(name, node)| (KStringCow::from_ref(name), node as &dyn ValueView)))
    }

    fn contains_key(&self, index: &str) -> bool {
        self.get(index).is_some()
    }

    fn get<'s>(&'s self, index: &str) -> Option<&'s dyn ValueView> {
        match self {
            Self::Branch(names) => names.get(index).map(|node| node as &dyn ValueView),
            Self::Leaf(_) | Self::Missing(_) => None,
        }
    }
}
