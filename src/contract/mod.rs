//! Clerk's operations, their routes and body schemas, by API version.

pub mod credential;
