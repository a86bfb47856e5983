//! Requests by chance, each with a secret of its own somewhere.

use super::disguise::forms;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use std::fmt::Write as _;

/// Where the secret goes.
const HERE: &str = "\u{a7}";

const LINES: [&str; 25] = [
    "PATCH /v1/users/user_\u{a7}",
    "PATCH /v1/users/user_1",
    "PATCH /v1/users/user_1?token=\u{a7}",
    "PATCH /v1/users/user_1?__clerk_api_version=\u{a7}",
    "PATCH /v1/users/\u{a7}/metadata",
    "PUT /v1/users/\u{a7}/metadata",
    "POST /v1/users",
    "POST /v1/organizations",
    "PATCH /v1/users/\u{a7}%2f",
    "PATCH /v1/users/x;\u{a7}",
    "PATCH /v1/%75sers/\u{a7}",
    "PATCH http://\u{a7}/v1/users/user_1",
    "PATCHED-\u{a7} /v1/users/user_1",
    "DELETE /v1/users/\u{a7}",
    "GET /v1/users?query=\u{a7}&\u{a7}=1",
    "GET /v1/sign_in_tokens/\u{a7}",
    "GET /\u{a7}/\u{a7}",
    "GET /v1/users/reset?\u{a7}",
    "PATCH /v1/users/reset",
    "PATCH /v1/users/close",
    "PATCH /v1/users/garbage",
    "PATCH /v1/users/hang",
    "PATCH /v1/users/broken-off",
    "GET /v1/users/switch?\u{a7}",
    "PATCH /v1/users/fail",
];

const HEADERS: [(&str, &str); 18] = [
    ("authorization", "Bearer sk_test_\u{a7}"),
    ("authorization", "Bearer sk_live_\u{a7}"),
    ("authorization", "\u{a7}"),
    ("cookie", "__session=\u{a7}; \u{a7}=1"),
    ("x-api-key", "\u{a7}"),
    ("user-agent", "\u{a7}"),
    ("x-forwarded-for", "\u{a7}"),
    ("x-request-id", "\u{a7}"),
    ("x-\u{a7}", "\u{a7}"),
    ("proxy-authorization", "Basic \u{a7}"),
    ("traceparent", "00-\u{a7}-\u{a7}-01"),
    ("tracestate", "\u{a7}=\u{a7}"),
    ("baggage", "\u{a7}=\u{a7}"),
    ("clerk-api-version", "\u{a7}"),
    ("clerk-api-version", "2025-11-10"),
    ("x-http-method-override", "\u{a7}"),
    ("content-encoding", "\u{a7}"),
    ("x-number", "\u{a7}"),
];

const NAMES: [&str; 12] = [
    "password",
    "password_digest",
    "password_hasher",
    "totp_secret",
    "first_name",
    "created_at",
    "email_address",
    "public_metadata",
    "private_metadata",
    "backup_codes",
    "skip_password_checks",
    "\u{a7}",
];

/// How a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    WithLength,
    InChunks,
    Http2,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) secret: String,
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) way: Way,
    /// The client leaves in the middle.
    pub(super) leaves: bool,
    /// The request made a name of the secret: its caller is told, nobody else.
    pub(super) named: bool,
}

/// A body that is JSON, or nearly.
fn body() -> impl Strategy<Value = String> {
    let leaf = select(vec!["\"\u{a7}\"", "\"a \u{a7} b\"", "true", "1", "null", "\"\"", "\u{a7}", "\"\u{a7}\\n\""]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 12, 4, |inner| {
        let member = (select(NAMES.to_vec()), inner.clone());
        prop_oneof![
            4 => proptest::collection::vec(member, 0..4).prop_map(|members| {
                let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>();
                format!("{{{}}}", members.join(","))
            }),
            1 => proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// A body as it is sent.
fn sent() -> impl Strategy<Value = Vec<u8>> {
    let damaged = |damage: u8, body: String, at: Index| match damage {
        0 => body.char_indices().map(|(place, _)| place).nth(at.index(body.chars().count())).map_or_else(
            Vec::new,
            // never within the mark
            |place| body.as_bytes()[..place].to_vec(),
        ),
        1 => format!("{{\"private_metadata\":[\"{}\"]}}", HERE.repeat(2_000)).into_bytes(),
        2 => format!("{{\"password\":\"{HERE}\",\"password\":{body}}}").into_bytes(),
        3 => format!("\u{feff}{body}").into_bytes(),
        4 => [body.as_bytes(), b"\"\xff"].concat(),
        5 => format!("password={HERE}&{body}").into_bytes(),
        6 => format!("{body}{HERE}").into_bytes(),
        7 => format!("{}{body}", "[".repeat(70)).into_bytes(),
        _ => body.into_bytes(),
    };
    (0..20_u8, body(), any::<Index>()).prop_map(move |(damage, body, at)| damaged(damage, body, at))
}

fn plan() -> impl Strategy<Value = Plan> {
    let ways = (select(vec![Way::WithLength, Way::InChunks, Way::Http2, Way::Http2]), 0..12_u8);
    let parts = ("[0-9A-Za-z]{20}", any::<Index>(), select(LINES.to_vec()), subsequence(HEADERS.to_vec(), 0..7));
    (parts, prop_oneof![sent(), Just(Vec::new())], ways).prop_map(
        |((secret, form, line, headers), body, (way, leaves))| {
            let forms = forms(&secret);
            let carried = &forms[form.index(forms.len())];
            let filled = |text: &str| text.replace(HERE, carried);
            let named = String::from_utf8_lossy(&body).contains(&format!("{HERE}\":"));
            // what is not UTF-8 has no more than one place to fill
            let body = match String::from_utf8(body) {
                Ok(body) => filled(&body).into_bytes(),
                Err(error) => [filled(&String::from_utf8_lossy(error.as_bytes())).as_bytes(), b"\xff"].concat(),
            };
            let headers = headers.iter().map(|(name, value)| (filled(name).to_lowercase(), filled(value))).collect();
            let line = filled(line);
            Plan { secret, line, headers, body, way, leaves: leaves == 0, named }
        },
    )
}

/// So many requests.
pub(super) fn plans(count: usize) -> Vec<Plan> {
    let mut runner = TestRunner::default();
    let strategy = plan();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a request").current()).collect()
}

impl Plan {
    /// The request in HTTP/1.1; of one who leaves, the first part.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n", self.line);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let mut bytes = text.into_bytes();
        let length = self.body.len();
        if self.way == Way::InChunks {
            bytes.extend(format!("transfer-encoding: chunked\r\n\r\n{length:x};{}\r\n", self.secret).bytes());
            bytes.extend(&self.body);
            bytes.extend(b"\r\n0\r\n\r\n".iter().take(if length == 0 { 4 } else { 7 }));
        } else {
            bytes.extend(format!("content-length: {length}\r\n\r\n").bytes());
            bytes.extend(&self.body);
        }
        if self.leaves {
            bytes.truncate(bytes.len().saturating_sub(length / 2 + 1));
        }
        bytes
    }
}
