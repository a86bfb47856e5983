//! What the names in an expression stand for while one policy judges one request.

use super::expression::environment;
use super::json::Body;
use super::request::Facts;
use super::rewrite::{BODY_MEMBER, PRESENT_BODY};
use crate::contract::Operation;
use crate::document::Document;
use crate::policy::Attributes;
use cel::Context;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use std::sync::Arc;

/// What the names in an expression stand for. `variables` are gone by now: loading put their expressions in their place.
pub(in crate::policy) struct Scope<'a> {
    body: Body,
    present_body: Body,
    request: Facts<'a>,
    client: Facts<'a>,
    instance: Facts<'a>,
    params: &'a (dyn Val + 'static),
}

impl<'a> Scope<'a> {
    /// The scope of one policy, whose parameters are `params`.
    pub(in crate::policy) fn new(
        document: Option<&Arc<Document>>,
        operation: &'a Operation,
        attributes: &'a Attributes<'a>,
        params: &'a (dyn Val + 'static),
    ) -> Self {
        Self {
            body: Body::new(document.cloned(), true),
            present_body: Body::new(document.cloned(), false),
            request: Facts::Request { attributes, operation: &operation.id, api_version: &operation.api_version },
            client: Facts::Client(attributes),
            instance: Facts::Instance(attributes),
            params,
        }
    }

    /// In which expressions are evaluated.
    pub(in crate::policy) fn context(&self) -> Context<'_, '_> {
        let mut context = Context::with_env(environment().clone());
        context.set_variable_resolver(self);
        context
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(member) = variable.strip_prefix(BODY_MEMBER).filter(|member| !member.contains('.')) {
            return self.body.member(member).ok().map(CowVal::Owned);
        }
        let value: &'b (dyn Val + 'b) = match variable {
            "body" => &self.body,
            PRESENT_BODY => &self.present_body,
            "request" => &self.request,
            "client" => &self.client,
            "instance" => &self.instance,
            "params" => self.params,
            _ => return None,
        };
        Some(CowVal::Borrowed(value))
    }
}
