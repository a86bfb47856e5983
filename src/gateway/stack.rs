//! The one place where the layers are put together, outermost first.

use super::admit::{Admit, AdmitLayer};
use super::forward::Forward;
use super::inspect::{Inspect, InspectLayer};
use super::limit::{Limit, LimitLayer};
use super::meter::{Meter, MeterLayer};
use super::observe::{Observe, ObserveLayer};
use super::shared::Shared;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::upstream::Upstream;
use std::sync::Arc;
use tower::ServiceBuilder;

/// The layers, as a type.
pub type Stack = Observe<Limit<Admit<Inspect<Meter<Forward>>>>>;

/// The layers for a connection of `client` to `endpoint`, on the worker whose connections `upstream` holds.
pub fn stack(shared: &Arc<Shared>, upstream: Arc<Upstream>, client: Arc<Client>, endpoint: LocalEndpoint) -> Stack {
    ServiceBuilder::new()
        .layer(ObserveLayer { shared: shared.clone(), client, endpoint })
        .layer(LimitLayer { shared: shared.clone() })
        .layer(AdmitLayer { gate: shared.gate.clone() })
        .layer(InspectLayer { gate: shared.gate.clone() })
        .layer(MeterLayer { gate: shared.gate.clone() })
        .service(Forward { upstream })
}
