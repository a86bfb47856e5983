//! The layers, in the order in which a request passes them: `observe`, `limit`, `admit`, `inspect`, `meter`, `forward`.

pub(super) mod observe;

pub(super) mod limit;

pub(super) mod admit;

pub(super) mod inspect;

pub(super) mod meter;

pub(super) mod forward;

mod forward_or_refuse;
