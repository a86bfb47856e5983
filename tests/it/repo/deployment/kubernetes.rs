//! The manifests of `config/kubernetes`.

use super::image::{configuration_file, instruction, resolve, words};
use super::{assert_valid, document, documents, files_below, strings, text, yaml_files};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const FOLDER: &str = "config/kubernetes";

/// The folders with a gateway, each with the file that has its pod.
const GATEWAYS: [(&str, &str); 2] = [("sidecar", "sidecar.yaml"), ("shared", "deployment.yaml")];

/// The pod of a gateway's Deployment, and the gateway's container.
fn pod(folder: &str, file: &str) -> (Value, Value) {
    let pod = &document(&format!("{FOLDER}/{folder}/{file}"))["spec"]["template"]["spec"];
    let mut containers = [&pod["initContainers"], &pod["containers"]].into_iter().filter_map(Value::as_array).flatten();
    let container = containers.find(|container| container["name"] == "portcullis").cloned();
    (pod.clone(), container.expect("the gateway"))
}

/// Where a container mounts the volume with this name.
fn mount_of<'c>(container: &'c Value, volume: &str) -> &'c str {
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == volume).expect("the mount");
    assert_eq!(mount["readOnly"], true, "{volume}");
    mount["mountPath"].as_str().unwrap()
}

/// Every folder with a `kustomization.yaml`, and that file.
fn kustomizations() -> Vec<(String, Value)> {
    let files = files_below(FOLDER, "yaml").into_iter().filter(|file| file.ends_with("/kustomization.yaml"));
    let folder = |file: &str| file.trim_end_matches("/kustomization.yaml").to_owned();
    files.map(|file| (folder(&file), document(&file))).collect()
}

#[test]
fn every_manifest_is_used_by_a_kustomization() {
    let all = kustomizations();
    assert!(all.len() > 5, "the files were not found");
    for (folder, kustomization) in &all {
        let generated = kustomization["configMapGenerator"].as_array().into_iter().flatten();
        let patches = kustomization["patches"].as_array().into_iter().flatten();
        let mut used: Vec<&str> = generated.flat_map(|map| strings(&map["files"])).collect();
        used.extend(patches.filter_map(|patch| patch["path"].as_str()));
        used.extend(["resources", "components"].iter().flat_map(|key| strings(&kustomization[*key])));
        for name in &used {
            assert!(Path::new(folder).join(name).exists(), "{folder}: there is no {name}");
        }
        for name in yaml_files(folder).iter().filter(|name| *name != "kustomization.yaml") {
            assert!(used.contains(&name.as_str()), "{folder}/kustomization.yaml does not use {name}");
        }
    }
}

#[test]
fn the_policies_are_those_that_ship() {
    for file in files_below(&format!("{FOLDER}/policies"), "yaml") {
        let Some(name) = file.rsplit('/').next().filter(|name| *name != "kustomization.yaml") else { continue };
        let (first, rest) =
            text(&file).split_once('\n').map(|(first, rest)| (first.to_owned(), rest.to_owned())).unwrap();
        assert_eq!(first, "# yaml-language-server: $schema=../../../policies/policy.schema.json", "{file}");
        assert_eq!(rest, text(&format!("policies/{name}")).split_once('\n').unwrap().1, "{file}");
    }
}

/// As the kubelet mounts the generated maps: the paths in the configurations are relative to them.
#[test]
fn the_configurations_are_valid_where_they_are_mounted() {
    for (folder, file) in GATEWAYS {
        let (_, container) = pod(folder, file);
        let machine = tempfile::tempdir().unwrap();
        let inside = |path: &str| machine.path().join(path.trim_start_matches('/'));
        let (config, policies) =
            (mount_of(&container, "portcullis-config"), mount_of(&container, "portcullis-policies"));
        for path in [config, policies] {
            fs::create_dir_all(inside(path)).unwrap();
        }
        let configuration = inside(config).join("gateway.yaml");
        fs::write(&configuration, text(&format!("{FOLDER}/{folder}/gateway.yaml"))).unwrap();
        let generated = document(&format!("{FOLDER}/policies/kustomization.yaml"));
        for name in strings(&generated["configMapGenerator"][0]["files"]) {
            fs::write(inside(policies).join(name), text(&format!("{FOLDER}/policies/{name}"))).unwrap();
        }
        assert_valid(&configuration);
        assert_eq!(configuration, inside(configuration_file().to_str().unwrap()), "{folder}");
    }
}

#[test]
fn the_gateways_are_as_restricted_as_the_image_allows() {
    let (user, group) =
        instruction("USER").split_once(':').map(|(user, group)| (user.to_owned(), group.to_owned())).unwrap();
    for (folder, file) in GATEWAYS {
        let (pod, container) = pod(folder, file);
        // what the container does not set, it has of its pod
        let setting = |key: &str| match &container["securityContext"][key] {
            Value::Null => pod["securityContext"][key].clone(),
            of_container => of_container.clone(),
        };
        assert_eq!(setting("runAsUser").to_string(), user, "{folder}");
        assert_eq!(setting("runAsGroup").to_string(), group, "{folder}");
        for (key, value) in [
            ("runAsNonRoot", json!(true)),
            ("readOnlyRootFilesystem", json!(true)),
            ("allowPrivilegeEscalation", json!(false)),
            ("capabilities", json!({ "drop": ["ALL"] })),
            ("seccompProfile", json!({ "type": "RuntimeDefault" })),
        ] {
            assert_eq!(setting(key), value, "{folder}: {key}");
        }
        assert!(container["resources"]["limits"]["memory"].is_string(), "{folder}: no limit of memory");
    }
}

#[test]
fn the_probes_run_the_health_check_of_the_image() {
    let ready = words(&instruction("HEALTHCHECK"));
    for (folder, file) in GATEWAYS {
        let (_, container) = pod(folder, file);
        for (probe, command) in
            [("startupProbe", &ready[..]), ("readinessProbe", &ready), ("livenessProbe", &ready[..2])]
        {
            assert_eq!(strings(&container[probe]["exec"]["command"]), command, "{folder}: {probe}");
        }
        // the image's own command, `run`
        assert!(container["command"].is_null() && container["args"].is_null(), "{folder}");
    }
}

#[test]
fn every_span_names_its_pod() {
    for (folder, file) in GATEWAYS {
        let (_, container) = pod(folder, file);
        let variables = container["env"].as_array().unwrap();
        let place = |name: &str| variables.iter().position(|it| it["name"] == name).expect("the variable");
        let attributes = place("OTEL_RESOURCE_ATTRIBUTES");
        for (attribute, name) in
            [("k8s.pod.name", "POD_NAME"), ("k8s.namespace.name", "POD_NAMESPACE"), ("k8s.node.name", "NODE_NAME")]
        {
            assert!(variables[attributes]["value"].as_str().unwrap().contains(&format!("{attribute}=$({name})")));
            // a variable is replaced only by those before it
            assert!(place(name) < attributes, "{folder}: {name}");
        }
    }
}

/// What is left to a pod after SIGTERM: the delay, the requests under way, and 5 s for telemetry.
#[test]
fn the_gateways_stop_before_they_are_killed() {
    for (folder, file) in GATEWAYS {
        let (pod, _) = pod(folder, file);
        let gateway = document(&format!("{FOLDER}/{folder}/gateway.yaml"));
        let seconds = |key: &str, default: u64| match gateway["shutdown"][key].as_str() {
            Some(text) => text.trim_end_matches('s').parse().expect("seconds"),
            None => default,
        };
        let needed = seconds("delay", 0) + seconds("timeout", 20) + 5;
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > needed, "{folder}: {needed} s are needed");
    }
}

/// A rule without `to` allows every destination, and one with `ipBlock` those outside of the cluster.
#[test]
fn behind_the_shared_gateway_pods_reach_nothing_outside() {
    let policy = document(&format!("{FOLDER}/shared/client/network-policy.yaml"));
    assert_eq!(policy["spec"]["podSelector"], json!({}), "a pod could leave it by its labels");
    assert_eq!(policy["spec"]["policyTypes"], json!(["Egress"]));
    let rules = policy["spec"]["egress"].as_array().unwrap();
    let destinations: Vec<_> = rules.iter().map(|rule| rule["to"].as_array().expect("destinations")).collect();
    assert!(destinations.iter().all(|all| !all.is_empty()), "a rule without a destination allows each");
    for destination in destinations.into_iter().flatten() {
        let names: Vec<_> = destination.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(names.iter().all(|name| ["namespaceSelector", "podSelector"].contains(name)), "{names:?}");
        let selector = &destination["namespaceSelector"];
        assert!(*selector != json!({}), "every namespace, so that any of them may relay");
    }
}

#[test]
fn the_ports_of_policies_services_and_variables_are_open() {
    let shared = document(&format!("{FOLDER}/shared/gateway.yaml"));
    let port = shared["listen"][0]["address"].as_str().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let (_, container) = pod("shared", "deployment.yaml");
    assert_eq!(container["ports"], json!([{ "name": "https", "containerPort": port }]));
    let service = &document(&format!("{FOLDER}/shared/service.yaml"))["spec"]["ports"][0];
    assert_eq!((&service["port"], &service["targetPort"]), (&json!(443), &json!("https")));
    let ingress = document(&format!("{FOLDER}/shared/network-policy.yaml"))["spec"]["ingress"][0]["ports"].clone();
    assert_eq!(ingress, json!([{ "protocol": "TCP", "port": port }]));
    let egress = document(&format!("{FOLDER}/shared/client/network-policy.yaml"));
    assert_eq!(egress["spec"]["egress"][1]["ports"], ingress);

    let listen = document(&format!("{FOLDER}/sidecar/gateway.yaml"))["listen"].clone();
    let url = format!("value: {{ name: CLERK_API_URL, value: \"http://{}\" }}", listen.as_str().unwrap());
    assert!(text(&format!("{FOLDER}/sidecar/kustomization.yaml")).contains(&url), "{url}");

    let opened = document(&format!("{FOLDER}/metrics/admin-listener.yaml"));
    let container = &opened["spec"]["template"]["spec"]["initContainers"][0];
    let (address, port) = (&container["env"][0]["value"], &container["ports"][0]);
    assert!(address.as_str().unwrap().ends_with(&format!(":{}", port["containerPort"])));
    let monitor = document(&format!("{FOLDER}/metrics/pod-monitor.yaml"));
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], port["name"]);
    let ingress = document(&format!("{FOLDER}/metrics/network-policy.yaml"));
    assert_eq!(ingress["spec"]["ingress"][1]["ports"][0]["port"], port["name"]);
}

#[test]
fn what_the_shared_gateway_reads_is_mounted() {
    let (pod, container) = pod("shared", "deployment.yaml");
    let tls = document(&format!("{FOLDER}/shared/gateway.yaml"))["listen"][0]["tls"].clone();
    for (_, file) in tls.as_object().unwrap() {
        let path = resolve(&configuration_file().parent().unwrap().join(file.as_str().unwrap()));
        assert_eq!(path.parent().unwrap(), Path::new(mount_of(&container, "portcullis-tls")));
    }
    let volume = pod["volumes"].as_array().unwrap().iter().find(|volume| volume["name"] == "portcullis-tls").unwrap();
    // read by the group of the pod alone
    assert_eq!(volume["secret"]["defaultMode"], 0o440);
}

#[test]
fn every_file_is_yaml() {
    for file in ["kubernetes", "prometheus"].iter().flat_map(|folder| files_below(&format!("config/{folder}"), "yaml"))
    {
        assert!(!documents(&file).is_empty(), "{file}");
    }
}
