//! The one place where the layers are put together, outermost first.

use crate::gateway::layers::admit::{Admit, AdmitLayer};
use crate::gateway::layers::forward::Forward;
use crate::gateway::layers::inspect::{Inspect, InspectLayer};
use crate::gateway::layers::limit::{ConcurrencyLimit, ConcurrencyLimitLayer};
use crate::gateway::layers::meter::{Meter, MeterLayer};
use crate::gateway::layers::observe::{Observe, ObserveLayer};
use crate::gateway::worker_context::WorkerContext;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::upstream::UpstreamClient;
use std::sync::Arc;
use tower::ServiceBuilder;

/// The layers, as a type.
pub type Stack = Observe<ConcurrencyLimit<Admit<Inspect<Meter<Forward>>>>>;

/// The layers for a connection of `client` to `endpoint`, on the worker whose connections `upstream` holds.
pub fn stack(
    shared: &Arc<WorkerContext>,
    upstream: Arc<UpstreamClient>,
    client: Arc<Client>,
    endpoint: LocalEndpoint,
) -> Stack {
    ServiceBuilder::new()
        .layer(ObserveLayer { shared: shared.clone(), client, endpoint })
        .layer(ConcurrencyLimitLayer { shared: shared.clone() })
        .layer(AdmitLayer { gate: shared.gate.clone() })
        .layer(InspectLayer { gate: shared.gate.clone() })
        .layer(MeterLayer { gate: shared.gate.clone() })
        .service(Forward { upstream })
}
