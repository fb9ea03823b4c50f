//! Reading everything as one commit left it, while others commit.
//!
//! Whoever begins a snapshot is given what each later commit replaces, as it was before, unless the reading has passed
//! it by then. That is bounded: a snapshot that is read too slowly for what is committed meanwhile is given up.

use super::super::stage::{self, Spot, Staged};
use super::super::{Entry, Revision, Scan, Snapshot, StoreError, Table};
use super::{Shared, guarded, merge};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most bytes of replaced records that one snapshot keeps.
const KEPT_MAX_BYTES: usize = 256 << 20;
/// Records that are read under one lock: no commit begins meanwhile.
const PAGE: usize = 128;

/// What later commits replaced.
#[derive(Debug, Default)]
pub(super) struct Undo {
    /// What lies before it has been read.
    bound: Spot,
    before: Staged,
    bytes: usize,
    lost: bool,
}

impl Undo {
    fn keep(&mut self, replaced: &Staged) {
        for (spot, stored) in replaced.range(self.bound.clone()..) {
            if !self.lost && !self.before.contains_key(spot) {
                self.bytes += spot.len() + stored.as_ref().map_or(0, |stored| stored.value.len());
                self.before.insert(spot.clone(), stored.clone());
            }
        }
        if self.bytes > KEPT_MAX_BYTES {
            *self = Self { lost: true, ..Self::default() };
        }
    }

    fn read_up_to(&mut self, bound: Spot) {
        self.before = self.before.split_off(&bound);
        self.bytes = self
            .before
            .iter()
            .map(|(spot, stored)| spot.len() + stored.as_ref().map_or(0, |stored| stored.value.len()))
            .sum();
        self.bound = bound;
    }
}

/// Those who read at present.
#[derive(Debug, Default)]
pub(super) struct Readers(Mutex<Vec<Weak<Mutex<Undo>>>>);

impl Readers {
    /// Hands what is about to be replaced to whoever has yet to read it. The veil must be held.
    pub(super) fn keep(&self, replaced: &Staged) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| {
            let Some(undo) = reader.upgrade() else { return false };
            undo.lock().unwrap_or_else(PoisonError::into_inner).keep(replaced);
            true
        });
    }

    fn add(&self, undo: &Arc<Mutex<Undo>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(undo));
    }
}

/// A snapshot of a store.
pub(super) struct Reading {
    shared: Arc<Shared>,
    undo: Arc<Mutex<Undo>>,
    revision: Revision,
    /// The tables that are left, the next one last.
    tables: Vec<Table>,
    after: Option<Vec<u8>>,
}

impl Reading {
    /// Begins at the last durable commit.
    pub(super) fn begin(shared: &Arc<Shared>) -> Self {
        let undo = Arc::<Mutex<Undo>>::default();
        // Under the veil no batch begins, and what one under way replaces is in it.
        let veil = shared.veil.read().unwrap_or_else(PoisonError::into_inner);
        undo.lock().unwrap_or_else(PoisonError::into_inner).keep(&veil);
        shared.readers.add(&undo);
        let revision = *shared.durable.borrow();
        drop(veil);
        let mut tables = Table::ALL.to_vec();
        tables.sort_by_key(|table| std::cmp::Reverse(stage::code(*table)));
        Self { shared: Arc::clone(shared), undo, revision, tables, after: None }
    }

    fn page(&mut self, table: Table) -> Result<Vec<Entry>, StoreError> {
        let scan = Scan { after: self.after.clone(), limit: PAGE, ..Scan::default() };
        let Some(bounds) = stage::bounds(table, &scan) else { return Ok(Vec::new()) };
        let _veil = self.shared.veil.read().unwrap_or_else(PoisonError::into_inner);
        let mut undo = self.undo.lock().unwrap_or_else(PoisonError::into_inner);
        if undo.lost {
            return Err(StoreError::Read("more was committed during a snapshot than it can hold; try again".into()));
        }
        let tree = &self.shared.tree;
        let replaced = undo.before.range(bounds.clone());
        let found = guarded(|| merge(tree, tree.range(bounds), replaced, |order: Ordering| order, PAGE))
            .unwrap_or_else(|problem| Err(StoreError::Read(problem)))?;
        if let Some(last) = found.last().filter(|_| found.len() == PAGE) {
            let mut bound = stage::spot(table, &last.key);
            bound.push(0);
            undo.read_up_to(bound);
            self.after = Some(last.key.clone());
        } else {
            undo.read_up_to(vec![stage::code(table) + 1]);
            self.after = None;
            self.tables.pop();
        }
        Ok(found)
    }
}

impl Snapshot for Reading {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn next(&mut self) -> Result<Vec<(Table, Entry)>, StoreError> {
        while let Some(table) = self.tables.last().copied() {
            let found = self.page(table)?;
            if !found.is_empty() {
                return Ok(found.into_iter().map(|entry| (table, entry)).collect());
            }
        }
        Ok(Vec::new())
    }
}
