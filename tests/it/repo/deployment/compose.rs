//! The example for Docker Compose.

use super::image::configuration_file;
use super::{document, root, strings};
use std::path::Path;

const FOLDER: &str = "config/compose";

#[test]
fn the_example_mounts_a_configuration_that_is_there() {
    let compose = document(&format!("{FOLDER}/compose.yaml"));
    for (name, service) in compose["services"].as_object().expect("services") {
        for volume in strings(&service["volumes"]) {
            let (source, rest) = volume.split_once(':').expect("a source");
            assert!(rest.ends_with(":ro"), "{name}: {volume}");
            assert!(root().join(FOLDER).join(source).exists(), "{name}: {volume}");
        }
    }
    let gateway = &compose["services"]["portcullis"];
    let volumes = strings(&gateway["volumes"]);
    assert!(volumes[0].contains(&format!(":{}:", configuration_file().display())), "{volumes:?}");
    // as `policies: [../policies]` of the quickstart finds them
    let policies = configuration_file().parent().and_then(Path::parent).unwrap().join("policies");
    assert!(volumes[1].contains(&format!(":{}:", policies.display())), "{volumes:?}");
    assert!(root().join(FOLDER).join(gateway["build"]["context"].as_str().unwrap()).join("Dockerfile").exists());
}

#[test]
fn the_example_exports_to_its_collector() {
    let compose = document(&format!("{FOLDER}/compose.yaml"));
    let collector = document(&format!("{FOLDER}/collector.yaml"));
    let endpoint = &compose["services"]["portcullis"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"];
    let port = |endpoint: &str| endpoint.rsplit(':').next().map(str::to_owned);
    let receiver = &collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"];
    assert_eq!(port(endpoint.as_str().unwrap()), port(receiver.as_str().unwrap()));
    for (signal, pipeline) in collector["service"]["pipelines"].as_object().expect("pipelines") {
        for (key, part) in [("receivers", "receivers"), ("processors", "processors"), ("exporters", "exporters")] {
            for name in strings(&pipeline[key]) {
                assert!(!collector[part][name].is_null(), "{signal}: there is no {name}");
            }
        }
    }
}
