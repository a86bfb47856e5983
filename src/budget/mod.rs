//! What clients can hold: connections, requests and bytes of memory, each with one bound over all clients and a share for each.
//!
//! A [`ClientBudget`] has the bounds. An [`Account`] is one client's part of it, a [`Hold`] what one connection or request took. What
//! does not fit is refused or not accepted; nothing waits for room.
//!
//! A client has its share while another has requests. Alone it has all but an eighth, which is kept for the first requests of
//! another: a sidecar has one client, and half of it would be idle.
//!
//! Memory is counted by price: [`prices`] has what a connection, a request and a response can take at most, as measured. An
//! exact count would need an allocator of our own, and would come too late: what is allocated cannot be refused.

mod account;
mod client_key;
mod hold;
mod pool;
pub mod prices;

pub use account::Account;
pub use client_key::ClientKey;
pub use hold::Hold;
pub use pool::{BudgetLimits, ClientBudget};
