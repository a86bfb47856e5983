//! Items that are sent together: written already, one after another, as fields of a `ScopeSpans`, a `ScopeLogs` or a
//! `ScopeMetrics`.

/// Room in front of the items, for what says how long all of it is: it is known last, and the items need not be moved for it.
pub(super) const ROOM: usize = 16;
/// Largest buffer that is kept for the next batch.
const KEPT: usize = 1 << 20;

/// Items, behind some room.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    items: usize,
}

impl Batch {
    /// An empty one that takes `bytes` without growing.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self::within(Vec::with_capacity(ROOM + bytes))
    }

    /// An empty one in the memory of one that was sent.
    pub(super) fn within(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.shrink_to(KEPT);
        bytes.resize(ROOM, 0);
        Self { bytes, items: 0 }
    }

    /// Adds `items` that `bytes` are.
    pub(super) fn add(&mut self, bytes: &[u8], items: usize) {
        self.bytes.extend_from_slice(bytes);
        self.items += items;
    }

    /// How many items there are.
    pub(super) const fn items(&self) -> usize {
        self.items
    }

    /// The items.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(ROOM..).unwrap_or_default()
    }

    /// All of it, the room in front included.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, KEPT};

    #[test]
    fn memory_is_used_again_within_bounds() {
        let mut batch = Batch::with_capacity(100);
        batch.add(b"abc", 2);
        assert_eq!((batch.bytes(), batch.items()), (&b"abc"[..], 2));
        let again = Batch::within(batch.into_bytes());
        assert_eq!((again.bytes(), again.items()), (&b""[..], 0));
        assert!(again.into_bytes().capacity() >= 100);
        assert!(Batch::within(Vec::with_capacity(2 * KEPT)).into_bytes().capacity() <= KEPT);
    }
}
