//! From a path to a place, and from a place to what holds it.

use std::ops::Range;

use super::{Cst, Entry, Kind, Node};
use crate::scenario::path::{Path, Segment};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The field name or map key before it.
    pub key: Option<Range<usize>>,
    /// All of the value.
    pub value: Range<usize>,
    /// The name of the variant or record: `Threads` of `Threads(2)`.
    pub name: Option<Range<usize>>,
}

impl Cst {
    /// Where the value at `path` stands; `None` if the file leaves it out.
    pub fn place(&self, path: &Path) -> Option<Place> {
        let (node, entry, depth) = self.walk(path);
        (depth == path.0.len()).then(|| Place {
            key: entry.and_then(|entry| entry.key.as_ref()).map(|key| key.span.clone()),
            value: node.span.clone(),
            name: node.name.clone(),
        })
    }

    /// The value at `path`, or the deepest one on the way to it that the file has.
    pub fn nearest(&self, path: &Path) -> Range<usize> {
        self.walk(path).0.span.clone()
    }

    /// A short place to underline for `path`: the value if it is on one line, else its key, name or opening bracket.
    pub fn spot(&self, path: &Path) -> Range<usize> {
        let (node, entry, _) = self.walk(path);
        let key = entry.and_then(|entry| entry.key.as_ref()).map(|key| key.span.clone());
        match key {
            Some(key) if self.text[node.span.clone()].contains('\n') => key,
            _ => node.head(&self.text),
        }
    }

    /// The deepest existing node on the way, its entry, and how many segments lead to it.
    pub(in crate::scenario) fn walk(&self, path: &Path) -> (&Node, Option<&Entry>, usize) {
        let mut node = self.content(&self.root);
        let mut entry = None;
        for (depth, segment) in path.0.iter().enumerate() {
            let Some(next) = self.step(node, segment) else { return (node, entry, depth) };
            entry = Some(next);
            node = self.content(&next.value);
        }
        (node, entry, path.0.len())
    }

    /// What is inside `Some(..)`, as often as it stands there.
    fn content<'a>(&'a self, mut node: &'a Node) -> &'a Node {
        while node.kind == Kind::Record && self.name(node) == Some("Some") && node.entries.len() == 1 {
            node = &node.entries[0].value;
        }
        node
    }

    fn step<'a>(&'a self, node: &'a Node, segment: &Segment) -> Option<&'a Entry> {
        match segment {
            Segment::Index(index) => {
                // The elements of the typed data: without those that could not be read.
                let mut read = node.entries.iter().filter(|entry| !entry.lost);
                read.nth(*index).filter(|entry| entry.key.is_none() || node.kind == Kind::Map)
            }
            Segment::Name(name) => {
                let named = |entry: &&Entry| {
                    let key = entry.key.as_ref().filter(|key| matches!(key.kind, Kind::Word | Kind::Text));
                    key.is_some_and(|key| self.plain(key) == *name)
                };
                let mut read = node.entries.iter().filter(|entry| !entry.lost);
                read.find(named).or_else(|| node.entries.iter().find(named))
            }
        }
    }

    /// The innermost value that covers the byte; the outermost one if none does.
    pub(in crate::scenario) fn innermost(&self, at: usize) -> &Node {
        let mut node = &self.root;
        loop {
            let inner = node.entries.iter().find_map(|entry| {
                let parts = [Some(&entry.value), entry.key.as_ref()];
                parts.into_iter().flatten().find(|part| part.span.contains(&at))
            });
            match inner {
                Some(inner) => node = inner,
                None => return node,
            }
        }
    }

    /// The record or variant whose closing bracket stands here.
    pub(in crate::scenario) fn closed_at(&self, at: usize) -> Option<&Node> {
        Some(self.innermost(at)).filter(|node| node.close.as_ref().is_some_and(|close| close.start == at))
    }

    /// The record or variant that starts here, the outermost if there are several.
    pub(in crate::scenario) fn opened_at(&self, start: usize) -> Option<&Node> {
        let inside = self.holders(start).into_iter().rev().map(|(_, entry)| &entry.value);
        [&self.root].into_iter().chain(inside).find(|node| node.span.start == start && node.open.is_some())
    }

    /// The innermost record or variant of which the byte is inside the brackets.
    pub(in crate::scenario) fn record_around(&self, at: usize) -> Option<&Node> {
        let inside = self.holders(at).into_iter().map(|(_, entry)| &entry.value).chain([&self.root]);
        inside
            .filter(|node| node.kind == Kind::Record && node.span.contains(&at))
            .find(|node| node.open.as_ref().is_some_and(|open| open.start <= at))
    }

    /// The key of the entry whose value is `node`.
    pub(in crate::scenario) fn key_of(&self, node: &Node) -> Option<&Node> {
        let holders = self.holders(node.span.start);
        let entry = holders.iter().find(|(_, entry)| entry.value.span == node.span);
        entry.and_then(|(_, entry)| entry.key.as_ref())
    }

    /// Whether `node` is the key of an entry.
    pub(in crate::scenario) fn is_key(&self, node: &Node) -> bool {
        let innermost = self.holders(node.span.start).into_iter().next();
        innermost.and_then(|(_, entry)| entry.key.as_ref()).is_some_and(|key| key.span == node.span)
    }

    /// Whether `node` is the name of a field, and no key of a map.
    pub(in crate::scenario) fn is_field(&self, node: &Node) -> bool {
        let holder = self.holders(node.span.start).into_iter().next();
        self.is_key(node) && holder.is_some_and(|(record, _)| record.kind == Kind::Record)
    }

    /// Everything that can be taken out around the byte, innermost first, with what holds it: named fields, list
    /// elements and map entries, but no value of a variant.
    pub(in crate::scenario) fn removable(&self, at: usize) -> Vec<Range<usize>> {
        let holders = self.holders(at);
        let has_fields = |node: &Node| node.entries.iter().any(|entry| entry.key.is_some());
        let may_go = |(node, _): &&(&Node, &Entry)| node.kind != Kind::Record || has_fields(node);
        holders.iter().filter(may_go).map(|(_, entry)| entry.span.clone()).collect()
    }

    /// The entries around the byte, innermost first, each with the node that has it.
    fn holders(&self, at: usize) -> Vec<(&Node, &Entry)> {
        let mut holders = Vec::new();
        let mut node = &self.root;
        while let Some(entry) = node.entries.iter().find(|entry| entry.span.contains(&at)) {
            holders.push((node, entry));
            node = &entry.value;
            if entry.key.as_ref().is_some_and(|key| key.span.contains(&at)) {
                break;
            }
        }
        holders.reverse();
        holders
    }
}
