//! Composes the layers, outermost first.

use crate::budget::Account;
use crate::gateway::layers::admit::{Admit, AdmitLayer};
use crate::gateway::layers::forward::Forward;
use crate::gateway::layers::inspect::{Inspect, InspectLayer};
use crate::gateway::layers::limit::{ConcurrencyLimit, ConcurrencyLimitLayer};
use crate::gateway::layers::meter::{Meter, MeterLayer};
use crate::gateway::layers::observe::{Observe, ObserveLayer};
use crate::gateway::recorder::Recorder;
use crate::gateway::worker_context::WorkerContext;
use crate::peer::Client;
use crate::peer::LocalEndpoint;
use crate::upstream::UpstreamClient;
use std::sync::Arc;
use tower::ServiceBuilder;

/// The type of the composed layers.
pub type Stack = Observe<ConcurrencyLimit<Admit<Inspect<Meter<Forward>>>>>;

/// Composes the layers for one connection of `client` to `endpoint`, which holds what its requests take by `account`, on the worker that owns `upstream`.
pub fn stack(
    context: &Arc<WorkerContext>,
    upstream: Arc<UpstreamClient>,
    client: Arc<Client>,
    account: Arc<Account>,
    endpoint: LocalEndpoint,
) -> Stack {
    // Observe is outermost, because a refusal of any layer has to be recorded; Limit comes before anything that costs; Meter
    // comes behind Inspect, because a request that is refused must not use up its caller's limits
    ServiceBuilder::new()
        .layer(ObserveLayer { recorder: Recorder::Telemetry(context.clone()), client, account, endpoint })
        .layer(ConcurrencyLimitLayer)
        .layer(AdmitLayer { gate: context.gate.clone() })
        .layer(InspectLayer { gate: context.gate.clone() })
        .layer(MeterLayer { gate: context.gate.clone() })
        .service(Forward { upstream })
}
