//! The chart of `config/helm`.

use super::image::{configuration_file, instruction, words};
use super::{assert_valid, document, text};
use std::fs;

const FOLDER: &str = "config/helm/portcullis";

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = document(&format!("{FOLDER}/Chart.yaml"));
    assert_eq!(
        (&chart["version"], &chart["appVersion"]),
        (&env!("CARGO_PKG_VERSION").into(), &env!("CARGO_PKG_VERSION").into())
    );
}

#[test]
fn the_default_values_are_a_valid_gateway() {
    let values = document(&format!("{FOLDER}/values.yaml"));
    let machine = tempfile::tempdir().unwrap();
    for folder in ["config", "policies"] {
        fs::create_dir(machine.path().join(folder)).unwrap();
    }
    let configuration = machine.path().join("config/gateway.yaml");
    fs::write(&configuration, values["gateway"].to_string()).unwrap();
    for (name, policy) in values["policies"].as_object().expect("policies") {
        let policy = policy.as_str().expect("a text");
        assert_eq!(
            policy.trim_end(),
            text(&format!("policies/{name}")).split_once('\n').unwrap().1.trim_end(),
            "{name}"
        );
        fs::write(machine.path().join("policies").join(name), policy).unwrap();
    }
    assert_valid(&configuration);
}

#[test]
fn the_pod_of_the_chart_is_that_of_the_image() {
    let template = text(&format!("{FOLDER}/templates/deployment.yaml"));
    let config = configuration_file().parent().unwrap().to_owned();
    for line in [
        format!("runAsUser: {}\n", instruction("USER").split(':').next().unwrap()),
        format!("command: [{}]", words(&instruction("HEALTHCHECK")).join(", ")),
        format!("name: config, mountPath: {}, readOnly: true", config.display()),
        format!("name: policies, mountPath: {}, readOnly: true", config.with_file_name("policies").display()),
        format!("name: tls, mountPath: {}, readOnly: true", config.with_file_name("tls").display()),
    ] {
        assert!(template.contains(&line), "{line}");
    }
}
