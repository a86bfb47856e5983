//! Policies, limits and waivers: loading, judging, linting, testing.

mod body_schemas;
mod checked_policies;
mod decisions;
mod documents;
mod limit_waivers;
mod lint_bypass;
mod lint_shadowed;
mod params;
mod policy_tests;
mod removals;
mod request_limits;
mod waivers;
