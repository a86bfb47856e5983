//! What passes the layers of the gateway and what they refuse, over real sockets.

mod dry_run;
mod forwarding;
mod policy_layer;
mod refusals;
mod shadow_bundle;
mod shadow_validation;
mod unfinished_requests;
mod unknown_operations;
