//! The OTLP resource: this service, this instance of it, and where it runs.

use crate::policy::Instance;
use crate::telemetry::otel_vars::{OtelVars, pairs};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use std::{env, fs};

/// Variables that a pod's manifest sets by Kubernetes' downward API, and their attributes.
const POD: [(&str, &str); 5] = [
    ("POD_NAME", "k8s.pod.name"),
    ("POD_NAMESPACE", "k8s.namespace.name"),
    ("POD_UID", "k8s.pod.uid"),
    ("NODE_NAME", "k8s.node.name"),
    ("CONTAINER_NAME", "k8s.container.name"),
];

/// The resource. `OTEL_SERVICE_NAME` precedes `OTEL_RESOURCE_ATTRIBUTES`, which precede what is detected here.
// The builder keeps the last value of an attribute, so the order of the calls is the order of precedence.
pub(super) fn resource(environment: OtelVars<'_>, instance: &Instance) -> Resource {
    let pod = POD.iter().filter_map(|(variable, name)| Some(KeyValue::new(*name, environment.get(variable)?)));
    let host = host(environment).map(|name| KeyValue::new("host.name", name));
    let builder = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attribute(KeyValue::new("service.name", "portcullis"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance_id(rand::random())))
        .with_attribute(KeyValue::new("process.pid", i64::from(std::process::id())))
        .with_attribute(KeyValue::new("process.executable.name", env!("CARGO_PKG_NAME")))
        .with_attribute(KeyValue::new("os.type", env::consts::OS))
        .with_attribute(KeyValue::new("host.arch", architecture()))
        .with_attributes(host)
        .with_attributes(pod)
        .with_attributes(instance_attributes(instance))
        .with_attributes(operator_attributes(environment).into_iter().map(|(name, value)| KeyValue::new(name, value)));
    let name = environment.get("OTEL_SERVICE_NAME").map(|name| KeyValue::new("service.name", name));
    builder.with_attributes(name).build()
}

/// What the configuration calls this gateway. `service.instance.id` is not it: that must differ for each start.
fn instance_attributes(instance: &Instance) -> Vec<KeyValue> {
    let name = instance.name.iter().map(|name| KeyValue::new("portcullis.instance.name", name.to_string()));
    let labels = instance.labels.iter();
    let labels =
        labels.map(|(name, value)| KeyValue::new(format!("portcullis.instance.label.{name}"), value.to_string()));
    // by the conventions, which have a name for it
    let environment =
        instance.environment.iter().map(|name| KeyValue::new("deployment.environment.name", name.to_string()));
    name.chain(labels).chain(environment).collect()
}

/// The attributes of `OTEL_RESOURCE_ATTRIBUTES`. An invalid list is ignored as a whole, as the specification requires.
fn operator_attributes(environment: OtelVars<'_>) -> Vec<(String, String)> {
    let Some(list) = environment.get("OTEL_RESOURCE_ATTRIBUTES") else { return Vec::new() };
    pairs(&list).unwrap_or_else(|| {
        tracing::error!(
            "`OTEL_RESOURCE_ATTRIBUTES` is not a list of `name=value`, separated by commas, and is ignored"
        );
        Vec::new()
    })
}

/// The architecture by the conventions' name.
const fn architecture() -> &'static str {
    match env::consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        _ => env::consts::ARCH,
    }
}

/// The host name: `HOSTNAME`, which containers set, or the kernel's.
fn host(environment: OtelVars<'_>) -> Option<String> {
    let of_kernel = || fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = environment.get("HOSTNAME").or_else(of_kernel)?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// A random UUID of version 4 (RFC 9562), the form that the conventions require.
fn instance_id(random: u128) -> String {
    let id = random & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{id:032x}");
    let bounds = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    bounds.map(|(from, to)| digits.get(from..to).unwrap_or_default()).join("-")
}

#[cfg(test)]
mod tests {
    use super::{instance_id, resource};
    use crate::policy::Instance;
    use crate::telemetry::otel_vars::OtelVars;
    use opentelemetry::Key;

    fn instance() -> Instance {
        Instance {
            name: Some("billing-1".into()),
            labels: [("team".into(), "billing".into())].into(),
            environment: Some("staging".into()),
        }
    }

    fn attribute(name: &'static str, variables: &[(&str, &str)]) -> Option<String> {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        resource(OtelVars::new(&lookup), &instance()).get(&Key::new(name)).map(|value| value.to_string())
    }

    #[test]
    fn a_service_is_named_by_its_variable_then_its_attributes_then_us() {
        let name = |variables: &[_]| attribute("service.name", variables).unwrap();
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from%20attributes,team=identity");
        assert_eq!(name(&[]), "portcullis");
        assert_eq!(name(&[attributes]), "from attributes");
        assert_eq!(name(&[attributes, ("OTEL_SERVICE_NAME", "named")]), "named");
        assert_eq!(name(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=lost,team")]), "portcullis");
    }

    #[test]
    fn a_pod_is_known_by_what_its_manifest_says_of_it() {
        let pod = [("POD_NAME", "users-7d9"), ("POD_NAMESPACE", "identity"), ("HOSTNAME", "users-7d9")];
        assert_eq!(attribute("k8s.pod.name", &pod).as_deref(), Some("users-7d9"));
        assert_eq!(attribute("k8s.namespace.name", &pod).as_deref(), Some("identity"));
        assert_eq!(attribute("host.name", &pod).as_deref(), Some("users-7d9"));
        assert_eq!(attribute("k8s.node.name", &pod), None);
        let named = ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=named");
        assert_eq!(attribute("k8s.pod.name", &[pod[0], named]).as_deref(), Some("named"));
    }

    #[test]
    fn a_gateway_has_the_name_and_labels_of_its_configuration() {
        assert_eq!(attribute("portcullis.instance.name", &[]).as_deref(), Some("billing-1"));
        assert_eq!(attribute("portcullis.instance.label.team", &[]).as_deref(), Some("billing"));
        assert_eq!(attribute("deployment.environment.name", &[]).as_deref(), Some("staging"));
        let named = ("OTEL_RESOURCE_ATTRIBUTES", "portcullis.instance.label.team=named");
        assert_eq!(attribute("portcullis.instance.label.team", &[named]).as_deref(), Some("named"));
    }

    #[test]
    fn an_instance_has_a_uuid_of_version_4() {
        assert_eq!(instance_id(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(instance_id(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(attribute("service.instance.id", &[]), attribute("service.instance.id", &[]));
    }
}
