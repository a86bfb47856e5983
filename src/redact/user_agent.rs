//! The calling program, from a closed list of names: the caller chooses the text of `User-Agent`, so it is never shown verbatim.

use std::fmt;

/// The prefix of the value, and the name that is shown for it: Clerk's SDKs, and common HTTP clients.
const KNOWN: [(&str, &str); 25] = [
    ("@clerk/backend@", "@clerk/backend"),
    ("@clerk/nextjs@", "@clerk/nextjs"),
    ("@clerk/express@", "@clerk/express"),
    ("@clerk/fastify@", "@clerk/fastify"),
    ("@clerk/astro@", "@clerk/astro"),
    ("@clerk/nuxt@", "@clerk/nuxt"),
    ("@clerk/react-router@", "@clerk/react-router"),
    ("@clerk/tanstack-react-start@", "@clerk/tanstack-react-start"),
    ("@clerk/remix@", "@clerk/remix"),
    ("@clerk/testing@", "@clerk/testing"),
    ("Clerk-CLI/", "Clerk-CLI"),
    ("speakeasy-sdk/python", "speakeasy-sdk/python"),
    ("speakeasy-sdk/java", "speakeasy-sdk/java"),
    ("speakeasy-sdk/csharp", "speakeasy-sdk/csharp"),
    ("speakeasy-sdk/php", "speakeasy-sdk/php"),
    ("speakeasy-sdk/typescript", "speakeasy-sdk/typescript"),
    ("Go-http-client/", "Go-http-client"),
    ("Java-http-client/", "Java-http-client"),
    ("python-httpx/", "python-httpx"),
    ("python-requests/", "python-requests"),
    ("curl/", "curl"),
    ("okhttp/", "okhttp"),
    ("axios/", "axios"),
    ("node", "node"),
    ("Mozilla/", "Mozilla"),
];

/// A known program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// Its name, one of a closed list.
    pub name: &'static str,
    /// The first two parts of its version; `None` if they are not two small numbers.
    pub version: Option<AgentVersion>,
}

/// Two numbers below 256.
// not text: in two bytes a caller cannot hide anything
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentVersion {
    major: u8,
    minor: u8,
}

impl UserAgent {
    /// The program that `value` names; `None` if it is not a known one.
    ///
    /// ```
    /// use portcullis::redact::UserAgent;
    ///
    /// let agent = UserAgent::of(b"@clerk/backend@3.25.0").expect("a known one");
    /// assert_eq!((agent.name, agent.version.map(|it| it.to_string()).as_deref()), ("@clerk/backend", Some("3.25")));
    /// assert!(UserAgent::of(b"hunter2").is_none());
    /// ```
    pub fn of(value: &[u8]) -> Option<Self> {
        let (begin, name) = KNOWN.iter().find(|(begin, _)| value.starts_with(begin.as_bytes()))?;
        Some(Self { name, version: value.get(begin.len()..).and_then(AgentVersion::of) })
    }
}

impl AgentVersion {
    fn of(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim_start_matches([' ', '/', 'v']);
        // parsed as `u8`: a version number above 255 is no version, but room for other data
        let mut parts = text.split(['.', ' ', '-', '+', ';']).map(str::parse);
        Some(Self { major: parts.next()?.ok()?, minor: parts.next()?.ok()? })
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::UserAgent;

    #[test]
    fn a_known_program_is_told_and_nothing_that_it_did_not_need_to_say() {
        for (value, expected) in [
            ("@clerk/backend@3.25.0", Some(("@clerk/backend", Some("3.25")))),
            (
                "speakeasy-sdk/python 7.0.0 2.659.0 2025-11-10 clerk-backend-api",
                Some(("speakeasy-sdk/python", Some("7.0"))),
            ),
            ("curl/8.5.0", Some(("curl", Some("8.5")))),
            ("node", Some(("node", None))),
            ("curl/hunter2", Some(("curl", None))),
            ("curl/12345678.90", Some(("curl", None))),
            ("curl/8.hunter2", Some(("curl", None))),
            ("hunter2 curl/8.5.0", None),
            ("", None),
        ] {
            let agent = UserAgent::of(value.as_bytes());
            let told = agent.map(|agent| (agent.name, agent.version.map(|version| version.to_string())));
            assert_eq!(told.as_ref().map(|(name, version)| (*name, version.as_deref())), expected, "{value}");
        }
    }
}
