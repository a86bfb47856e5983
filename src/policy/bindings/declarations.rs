//! What is known of requests when a policy is compiled: the operations and environments that it matches decide the types.

use super::attribute::{Attribute, Namespace, ROOTS, is_credential};
use super::format;
use crate::cel::{
    AttributeId, Declarations, Format, Kinds, Lookups, NamespaceId, Objection, Rejection, Root, Type, ValueSchema,
};
use crate::contract::Operation;
use crate::contract::credential::Environment;
use crate::contract::field_tree::FieldTree;
use crate::policy::MatchedEnvironment;
use crate::policy::reads::Reads;
use crate::suggest::nearest;
use http::HeaderName;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Beyond 2^53 not every whole number is a `double`; no user id comes near it.
const MAX_UID: f64 = 9_007_199_254_740_992.0;

/// The declarations for the expressions of one policy.
pub(in crate::policy) struct RequestDeclarations<'c> {
    /// The operations that the policy matches, in every version.
    operations: &'c [Arc<Operation>],
    /// The operations by which fields have their types, if they declare them.
    typed_by: &'c [Arc<Operation>],
    /// The environments that it matches.
    environments: BTreeSet<Environment>,
    /// Whether a field that no operation declares may be anything, in place of an error.
    takes_undeclared: bool,
}

impl ValueSchema for FieldTree {
    fn kinds(&self) -> Kinds {
        // JSON Schema without `type` allows every type
        if self.types().is_empty() {
            return Kinds::JSON;
        }
        self.types().iter().map(|name| Kinds::of_json_type(name)).fold(Kinds::NONE, Kinds::or)
    }

    fn member(&self, name: &str) -> Option<&dyn ValueSchema> {
        Self::member(self, name).map(|member| member as &dyn ValueSchema)
    }

    fn names(&self) -> Vec<&str> {
        Self::names(self).collect()
    }

    fn elements(&self) -> Option<&dyn ValueSchema> {
        Self::elements(self).map(|elements| elements as &dyn ValueSchema)
    }
}

impl<'c> RequestDeclarations<'c> {
    /// Declarations for requests to `operations` in `environments`; in every environment if there are none.
    pub(in crate::policy) fn new(operations: &'c [Arc<Operation>], environments: &[MatchedEnvironment]) -> Self {
        let of_credentials = environments.iter().map(|it| match it {
            MatchedEnvironment::OfCredential(environment) => Some(*environment),
            MatchedEnvironment::Named(_) => None,
        });
        // in one that has a name, requests have keys of either kind
        let environments: Option<BTreeSet<_>> = of_credentials.collect();
        let environments = environments.filter(|environments| !environments.is_empty());
        let environments = environments.unwrap_or([Environment::Production, Environment::Development].into());
        Self { operations, typed_by: operations, environments, takes_undeclared: false }
    }

    /// Declarations for requests to one operation, in one environment, by a policy that was compiled for several. A field that the
    /// operation does not declare may be anything, or is absent if there is no body.
    pub(in crate::policy) fn of_one(operation: &'c Arc<Operation>, environment: Environment) -> Self {
        Self {
            takes_undeclared: true,
            ..Self::new(std::slice::from_ref(operation), &[MatchedEnvironment::OfCredential(environment)])
        }
    }

    /// The same, with the types of fields as in `operations` alone.
    #[must_use]
    pub(in crate::policy) fn with_types_of(self, operations: &'c [Arc<Operation>]) -> Self {
        Self { typed_by: operations, ..self }
    }

    pub(in crate::policy) fn bodies(&self) -> impl Iterator<Item = &'c FieldTree> {
        bodies(self.operations)
    }

    /// The names of the parameters in the paths of the operations.
    pub(in crate::policy) fn parameters(&self) -> BTreeSet<&'c str> {
        self.operations.iter().flat_map(|operation| operation.parameters()).collect()
    }

    /// Whether a matched operation declares the field of the body called `name` in any version.
    ///
    /// # Errors
    ///
    /// None does. Returns the field that was probably meant.
    pub(in crate::policy) fn check_field(&self, name: &str) -> Result<(), Option<&'c str>> {
        // an unknown operation is reported by itself, and does not make its fields wrong
        if self.operations.is_empty() || self.bodies().any(|body| body.member(name).is_some()) {
            return Ok(());
        }
        let names: BTreeSet<&str> = self.bodies().flat_map(FieldTree::names).collect();
        Err(nearest(name, names.into_iter()))
    }

    fn field_type(&self, name: &str) -> Result<Type<'_>, Rejection<'_>> {
        if self.takes_undeclared && self.bodies().all(|body| body.member(name).is_none()) {
            // a body that the contract does not describe is not read
            let has_body = self.operations.iter().any(|operation| operation.body.is_some());
            return Ok(Type::of(if has_body { Kinds::JSON } else { Kinds::NONE }));
        }
        self.check_field(name).map_err(|meant| {
            Rejection::Denied(Objection {
                message: format!("`{name}` is not a field of any operation that this policy matches"),
                help: meant.map(|meant| format!("did you mean `{meant}`?")),
            })
        })?;
        if self.operations.is_empty() {
            return Ok(Type::ANY);
        }
        let declared = |operations: &'c [Arc<Operation>]| -> Vec<&dyn ValueSchema> {
            bodies(operations).filter_map(|body| body.member(name)).map(|field| field as &dyn ValueSchema).collect()
        };
        let own = declared(self.typed_by);
        let schemas = if own.is_empty() { declared(self.operations) } else { own };
        // a field that is absent reads as `null`
        Ok(Type::from_schemas(schemas).or_null())
    }

    /// The first secret field that `reads` touches, by name.
    fn secret(&self, reads: &Reads) -> Option<&'c str> {
        let fields = self.bodies().flat_map(|body| body.names().map(move |name| (name, body.member(name))));
        let secrets = fields.filter(|(_, field)| field.is_some_and(FieldTree::holds_secret));
        secrets.map(|(name, _)| name).filter(|name| reads.touch_field(name)).min()
    }
}

fn bodies(operations: &[Arc<Operation>]) -> impl Iterator<Item = &FieldTree> {
    operations.iter().filter_map(|operation| Some(operation.body.as_ref()?.field_tree()))
}

/// Why the header called `name` cannot be read.
fn header_objection(name: &str) -> Option<Objection> {
    if is_credential(name) {
        let help = "`client` and `instance` identify the caller and the kind of its key";
        let message = format!("`{name}` holds credentials, which policies cannot read");
        return Some(Objection { message, help: Some(help.to_owned()) });
    }
    let message = || format!("`{}` is no name that a header can have", name.escape_debug());
    HeaderName::from_bytes(name.as_bytes()).is_err().then(|| Objection { message: message(), help: None })
}

impl Declarations for RequestDeclarations<'_> {
    fn roots(&self) -> &'static [(&'static str, Root)] {
        &ROOTS
    }

    fn attribute_type(&self, attribute: AttributeId) -> Type<'_> {
        let Some(attribute) = Attribute::from_id(attribute) else { return Type::ANY };
        match attribute {
            // a closed list, so that a comparison with any other text is an error when the policy is loaded
            Attribute::Method => Type::one_of(self.operations.iter().map(|operation| operation.method.as_ref())),
            Attribute::Path => Type::of(Kinds::STRING),
            Attribute::Operation => Type::one_of(self.operations.iter().map(|operation| operation.id.as_ref())),
            Attribute::ApiVersion => {
                Type::one_of(self.operations.iter().map(|operation| operation.api_version.as_ref()))
            }
            Attribute::Time => Type::of(Kinds::TIMESTAMP),
            Attribute::BodyItems => Type::of(Kinds::INT),
            Attribute::ClientIp
            | Attribute::ClientSpiffeId
            | Attribute::ClientCertSha256
            | Attribute::KeyFingerprint
            | Attribute::InstanceName
            | Attribute::EnvironmentName => Type::of(Kinds::STRING).or_null(),
            Attribute::ClientUnixUid => Type::of(Kinds::INT).or_null(),
            Attribute::ClientDnsNames => Type::list_of(Type::of(Kinds::STRING)),
            Attribute::Environment => Type::one_of(self.environments.iter().map(|environment| environment.as_str())),
        }
    }

    fn attribute_range(&self, attribute: AttributeId) -> Option<RangeInclusive<f64>> {
        (Attribute::from_id(attribute)? == Attribute::ClientUnixUid).then_some(0.0..=MAX_UID)
    }

    fn format_mismatch(&self, attribute: AttributeId, text: &str) -> Option<Format> {
        format::mismatch(Attribute::from_id(attribute)?, text)
    }

    fn entry_type(&self, namespace: NamespaceId, name: &str) -> Result<Type<'_>, Rejection<'_>> {
        match Namespace::from_id(namespace) {
            Some(Namespace::Body) => return self.field_type(name),
            Some(Namespace::Headers) => {
                if let Some(objection) = header_objection(name) {
                    return Err(Rejection::Denied(objection));
                }
            }
            Some(Namespace::Parameters) => {
                let known = self.parameters();
                if !known.is_empty() && !known.contains(name) {
                    let what = "is not a parameter of the path of any operation that this policy matches";
                    return Err(Rejection::Undeclared { what, known: known.into_iter().collect() });
                }
            }
            // any name: clients may send parameters that the contract does not list, and each gateway has its own labels
            Some(Namespace::Query | Namespace::Labels) | None => {}
        }
        Ok(self.any_entry_type(namespace))
    }

    fn any_entry_type(&self, namespace: NamespaceId) -> Type<'_> {
        match Namespace::from_id(namespace) {
            Some(Namespace::Headers | Namespace::Query | Namespace::Parameters | Namespace::Labels) => {
                Type::of(Kinds::STRING).or_null()
            }
            Some(Namespace::Body) | None => Type::of(Kinds::JSON),
        }
    }

    /// Names of headers compare without case (RFC 9110, section 5.1).
    fn canonical_name(&self, namespace: NamespaceId, name: &str) -> String {
        match Namespace::from_id(namespace) {
            Some(Namespace::Headers) => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        }
    }

    fn qualified_name(&self, name: &str) -> Option<String> {
        self.bodies().any(|body| body.member(name).is_some()).then(|| format!("body.{name}"))
    }

    fn foreign_word(&self, word: &str) -> Option<&'static str> {
        // habits from other engines: `object` is of Kubernetes, `input` of OPA
        match word {
            "object" | "user" | "payload" | "input" => Some("the body is `body`"),
            "now" => Some("the time of the request is `request.time`"),
            _ => None,
        }
    }

    /// A key or a cost ends up in test reports, and so may not be a secret.
    fn secret_objection(&self, what: &str, lookups: &Lookups) -> Option<Objection> {
        let secret = self.secret(&super::reads(lookups))?;
        Some(Objection {
            message: format!("the {what} may hold something of `{secret}`, which the contract marks as a secret"),
            help: Some(match what {
                "key" => "group by the caller, as in `client.spiffeId`; conditions may test a secret".to_owned(),
                _ => "conditions may test a secret".to_owned(),
            }),
        })
    }
}
