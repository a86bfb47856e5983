//! What one connection or request holds of its client's account.

use super::account::{Account, HeldPlace};
use std::sync::Arc;

/// What one connection or request holds. Dropping it gives all of it back.
#[derive(Debug)]
pub struct Hold {
    account: Arc<Account>,
    place: HeldPlace,
    bytes: usize,
}

impl Hold {
    pub(super) const fn new(account: Arc<Account>, place: HeldPlace) -> Self {
        Self { account, place, bytes: 0 }
    }

    /// The account of which this is held.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Bytes that are held.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows to `bytes` in all. False, and unchanged, if they do not fit.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.bytes);
        let fits = missing == 0 || self.account.take_bytes(missing);
        if fits {
            self.bytes += missing;
        }
        fits
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let freed = self.bytes.saturating_sub(bytes);
        if freed > 0 {
            self.account.give_bytes_back(freed);
            self.bytes -= freed;
        }
    }

    /// Moves this to `account`, if the client turns out to be another. False, and unchanged, if it does not fit there.
    // taken there first: the other way round, another connection could take the room in between
    pub fn move_to(&mut self, account: &Arc<Account>) -> bool {
        if Arc::ptr_eq(&self.account, account) {
            return true;
        }
        let moved = match self.place {
            HeldPlace::Connection => account.connection(self.bytes),
            HeldPlace::Request => account.request(self.bytes),
            HeldPlace::None => account.memory(self.bytes),
        };
        moved.map(|moved| *self = moved).is_some()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.account.give_bytes_back(self.bytes);
        }
        self.account.give_place_back(self.place);
    }
}
