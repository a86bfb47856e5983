//! The users, in memory.

use super::clerk_error::ClerkError;
use super::filter::UserFilter;
use super::user::User;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Maximum number of users, so that a loop in a demo cannot fill the memory.
const MAX_USERS: usize = 10_000;

/// All users, and the number that were ever created.
#[derive(Default)]
struct Table {
    users: BTreeMap<String, User>,
    made: u64,
}

/// The users. An update changes a copy, which replaces the user only if all of it succeeds.
pub(super) struct Users(RwLock<Table>);

impl Users {
    /// A store with these users in it.
    pub(super) fn with(users: Vec<User>) -> Self {
        let users = users.into_iter().map(|user| (user.id.clone(), user)).collect();
        Self(RwLock::new(Table { users, made: 0 }))
    }

    /// A page of the users that match, newest first.
    pub(super) fn list(&self, filter: &UserFilter) -> Vec<User> {
        let table = self.read();
        let mut users: Vec<&User> = table.users.values().filter(|user| filter.matches(user)).collect();
        // the order of a list at Clerk if a request asks for none
        users.sort_by_key(|user| std::cmp::Reverse(user.created_at));
        users.into_iter().skip(filter.offset).take(filter.limit).cloned().collect()
    }

    /// The number of users that match.
    pub(super) fn count(&self, filter: &UserFilter) -> usize {
        self.read().users.values().filter(|user| filter.matches(user)).count()
    }

    /// One user.
    pub(super) fn get(&self, id: &str) -> Result<User, ClerkError> {
        self.read().users.get(id).cloned().ok_or_else(ClerkError::no_such_user)
    }

    /// Stores the user that `make` makes for a new id.
    pub(super) fn create(&self, make: impl FnOnce(String) -> Result<User, ClerkError>) -> Result<User, ClerkError> {
        let mut table = self.write();
        if table.users.len() >= MAX_USERS {
            return Err(ClerkError::too_many_users(MAX_USERS));
        }
        // never reused: an id names one user for the life of the process
        table.made += 1;
        let user = make(format!("user_portcullis_{}", table.made))?;
        table.users.insert(user.id.clone(), user.clone());
        Ok(user)
    }

    /// Changes one user, wholly or not at all.
    pub(super) fn update(
        &self,
        id: &str,
        change: impl FnOnce(&mut User) -> Result<(), ClerkError>,
    ) -> Result<User, ClerkError> {
        let mut table = self.write();
        let user = table.users.get_mut(id).ok_or_else(ClerkError::no_such_user)?;
        // a copy: an error in a later field must not leave the earlier ones changed
        let mut changed = user.clone();
        change(&mut changed)?;
        user.clone_from(&changed);
        Ok(changed)
    }

    /// Changes the one user for whom `is_meant` is true, wholly or not at all.
    pub(super) fn change<T>(
        &self,
        is_meant: impl Fn(&User) -> bool,
        not_found: impl FnOnce() -> ClerkError,
        change: impl FnOnce(&mut User) -> Result<T, ClerkError>,
    ) -> Result<T, ClerkError> {
        let mut table = self.write();
        let user = table.users.values_mut().find(|user| is_meant(user)).ok_or_else(not_found)?;
        // a copy, as in `update`
        let mut changed = user.clone();
        let result = change(&mut changed)?;
        *user = changed;
        Ok(result)
    }

    /// Removes one user.
    pub(super) fn delete(&self, id: &str) -> Result<User, ClerkError> {
        self.write().users.remove(id).ok_or_else(ClerkError::no_such_user)
    }

    // a panic while the lock is held leaves whole users behind: the table stays usable
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClerkError, MAX_USERS, User, Users};

    #[test]
    fn users_are_bounded_in_number() {
        let users = Users::with(Vec::new());
        for _ in 0..MAX_USERS {
            users.create(|id| Ok(User::new(id, 0))).expect("room");
        }
        let refused = users.create(|id| Ok(User::new(id, 0))).map(|user| user.id);
        assert_eq!(refused, Err(ClerkError::too_many_users(MAX_USERS)));
        users.delete("user_portcullis_1").expect("a user");
        assert!(users.create(|id| Ok(User::new(id, 0))).is_ok());
    }

    #[test]
    fn a_change_that_fails_half_way_changes_nothing() {
        let users = Users::with(vec![User::new("user_portcullis_a".to_owned(), 0)]);
        let refused = users.update("user_portcullis_a", |user| {
            user.first_name = Some("half".to_owned());
            Err(ClerkError::wrong_format("created_at"))
        });
        assert!(refused.is_err());
        assert_eq!(users.get("user_portcullis_a").expect("a user").first_name, None);
    }
}
