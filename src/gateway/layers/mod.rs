//! The layers, in the order in which a request passes them: `observe`, `limit`, `mount` (embedded only), `admit`, `inspect`, `meter`, `forward`.

pub(super) mod observe;

pub(super) mod limit;

pub(super) mod mount;

pub(super) mod admit;

pub(super) mod inspect;

pub(super) mod meter;

pub(super) mod forward;

mod forward_or_refuse;

/// Takes the service that was polled ready, and leaves a clone in its place.
// readiness belongs to the instance that was polled, and may be a permit that it holds: a clone has to be polled on its own
fn take_ready<S: Clone>(service: &mut S) -> S {
    let next = service.clone();
    std::mem::replace(service, next)
}
