//! A batch: encoded items, one after another, as fields of a `ScopeSpans`, `ScopeLogs` or `ScopeMetrics`.

/// Bytes reserved in front of the items for the tags and lengths of the messages around them.
// Those lengths are known last; without the room, every batch would be moved once.
pub(super) const ROOM: usize = 16;
/// Most bytes of a buffer that is reused.
// One large batch must not hold its memory for ever.
const KEPT: usize = 1 << 20;

/// Encoded items behind the reserved bytes.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    items: usize,
}

impl Batch {
    /// An empty batch with room for `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self::within(Vec::with_capacity(ROOM + bytes))
    }

    /// An empty batch in the memory of one that was sent.
    pub(super) fn within(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.shrink_to(KEPT);
        bytes.resize(ROOM, 0);
        Self { bytes, items: 0 }
    }

    /// Adds `items` in encoded form.
    pub(super) fn add(&mut self, bytes: &[u8], items: usize) {
        self.bytes.extend_from_slice(bytes);
        self.items += items;
    }

    /// The number of items.
    pub(super) const fn items(&self) -> usize {
        self.items
    }

    /// The encoded items.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(ROOM..).unwrap_or_default()
    }

    /// The encoded items behind the reserved bytes.
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
