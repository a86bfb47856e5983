//! A request as text: the `request` of a case, or a command that sends it.

use super::request::{TIME, TestRequest};
use crate::cel::CelTimestamp;
use crate::contract::credential::Environment;
use crate::policy::Instance;
use serde_json::{Map, Value, json};

impl TestRequest {
    /// The request as YAML in one line, as the `request` of a case.
    pub(crate) fn to_yaml(&self) -> String {
        let mut parts = Map::new();
        parts.insert("method".to_owned(), self.method.as_str().into());
        parts.insert("path".to_owned(), self.uri.to_string().into());
        if self.environment == Environment::Development {
            parts.insert("environment".to_owned(), "development".into());
        }
        if self.instance != Instance::UNNAMED {
            let Instance { name, labels, environment } = &self.instance;
            parts.insert(
                "instance".to_owned(),
                json!({ "name": name, "labels": labels, "environmentName": environment }),
            );
        }
        let headers =
            self.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())));
        let headers: Map<String, Value> = headers.collect();
        if !headers.is_empty() {
            parts.insert("headers".to_owned(), headers.into());
        }
        if let Some(fingerprint) = self.key_fingerprint {
            parts.insert("keyFingerprint".to_owned(), fingerprint.to_string().into());
        }
        let client = self.client_parts();
        if !client.is_empty() {
            parts.insert("client".to_owned(), client.into());
        }
        let time = CelTimestamp::from_system_time(self.time).map(|time| time.to_string());
        if let Some(time) = time.filter(|time| time != TIME) {
            parts.insert("time".to_owned(), time.into());
        }
        if let Ok(body) = serde_json::from_slice::<Value>(&self.body) {
            parts.insert("body".to_owned(), body);
        }
        let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{{ {} }}", parts.join(", "))
    }

    /// A command that sends it to a gateway that listens at the default address. What no command can decide, such as the client's
    /// certificate, is in a comment at its end.
    pub(crate) fn to_curl(&self) -> String {
        let key = match self.environment {
            Environment::Production => "sk_live_portcullis",
            Environment::Development => "sk_test_portcullis",
        };
        let mut words = vec!["curl -i".to_owned(), format!("-X {}", self.method)];
        words.push(quote(&format!("http://127.0.0.1:8787{}", self.uri)));
        words.push(format!("-H {}", quote(&format!("Authorization: Bearer {key}"))));
        for (name, value) in &self.headers {
            words.push(format!("-H {}", quote(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))));
        }
        if !self.body.is_empty() {
            words.push("-H 'Content-Type: application/json'".to_owned());
            words.push(format!("-d {}", quote(&String::from_utf8_lossy(&self.body))));
        }
        let mut client: Vec<_> =
            self.client_parts().iter().map(|(name, value)| format!("client.{name} {value}")).collect();
        client.extend(self.instance.name.iter().map(|name| format!("instance.name {name:?}")));
        client.extend(self.instance.labels.iter().map(|(name, label)| format!("instance.labels.{name} {label:?}")));
        client.extend(self.key_fingerprint.map(|it| format!("instance.keyFingerprint {it}")));
        let time = CelTimestamp::from_system_time(self.time).map(|time| time.to_string());
        client.extend(time.filter(|time| time != TIME).map(|time| format!("request.time {time}")));
        if !client.is_empty() {
            words.push(format!("# with {}", client.join(", ")));
        }
        words.join(" ")
    }

    fn client_parts(&self) -> Map<String, Value> {
        let mut parts = Map::new();
        if let Some(address) = self.client.address {
            parts.insert("ip".to_owned(), address.ip().to_string().into());
        }
        if let Some(uid) = self.client.unix_uid {
            parts.insert("unixUid".to_owned(), uid.into());
        }
        if let Some(certificate) = &self.client.certificate {
            if let Some(id) = &certificate.spiffe_id {
                parts.insert("spiffeId".to_owned(), id.as_str().into());
            }
            if !certificate.dns_names.is_empty() {
                parts.insert("dnsNames".to_owned(), certificate.dns_names.clone().into());
            }
            if !certificate.sha256.is_empty() {
                parts.insert("certSha256".to_owned(), certificate.sha256.as_str().into());
            }
        }
        parts
    }
}

/// `text` as one word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
