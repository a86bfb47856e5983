//! `--client`: what `explain` is to take for known of the client, by the names that policies use.

use super::exit::CommandError;
use crate::peer::{Client, ClientCertificate};

const HELP: &str = "`--client` is not `NAME=VALUE` with ip, unixUid, spiffeId, dnsNames or certSha256";

/// The client that `facts` describe, each as `NAME=VALUE`. With a fact of a certificate it has one.
pub(super) fn client(facts: &[String]) -> Result<Client, CommandError> {
    let mut client = Client::default();
    for fact in facts {
        let known = fact.split_once('=').and_then(|(name, value)| learn(&mut client, name, value));
        let help = match fact.split_once('=') {
            Some(("unixUid", _)) => "`--client`: `unixUid` must be a whole number",
            Some(("ip", _)) => "`--client`: `ip` must be an IP address",
            // the form and not what was given: no error quotes facts of a client
            _ => HELP,
        };
        known.ok_or_else(|| CommandError::Usage(help.to_owned()))?;
    }
    Ok(client)
}

fn learn(client: &mut Client, name: &str, value: &str) -> Option<()> {
    match name {
        // policies read the address only, so that any port will do
        "ip" => client.address = Some((value.parse::<std::net::IpAddr>().ok()?, 0).into()),
        "unixUid" => client.unix_uid = Some(value.parse().ok()?),
        "spiffeId" => certificate(client).spiffe_id = Some(value.to_owned()),
        "dnsNames" => certificate(client).dns_names = value.split(',').map(str::to_owned).collect(),
        "certSha256" => value.clone_into(&mut certificate(client).sha256),
        _ => return None,
    }
    Some(())
}

fn certificate(client: &mut Client) -> &mut ClientCertificate {
    client.certificate.get_or_insert_default()
}

#[cfg(test)]
mod tests {
    use super::client;

    #[test]
    fn facts_are_known_by_the_names_that_policies_use() {
        let facts = ["ip=::1", "unixUid=1000", "spiffeId=spiffe://example.org/a=b", "dnsNames=a,b", "certSha256=00ff"];
        let known = client(&facts.map(str::to_owned)).ok().unwrap();
        let certificate = known.certificate.unwrap();
        assert_eq!((known.address.unwrap().ip().to_string().as_str(), known.unix_uid), ("::1", Some(1000)));
        assert_eq!(certificate.spiffe_id.as_deref(), Some("spiffe://example.org/a=b"));
        assert_eq!(
            (certificate.dns_names, certificate.sha256.as_str()),
            (vec!["a".to_owned(), "b".to_owned()], "00ff")
        );
        for wrong in ["ip", "ip=localhost", "unixUid=root", "spiffe_id=x"] {
            assert!(client(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
