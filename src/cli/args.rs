//! The command line as a whole. Each verb has its own arguments beside it; doc comments become the help texts.

use super::check::CheckArgs;
use super::config_args::ConfigArgs;
use super::console::ColorWhen;
use super::contract::ContractVerb;
use super::explain::ExplainArgs;
use super::health::HealthArgs;
use super::replay::ReplayArgs;
use super::report::ReportArgs;
use super::run::RunArgs;
use super::schema::SchemaArgs;
use super::selftest::SelftestArgs;
use super::tail::TailArgs;
use super::test::TestArgs;
use super::verify_log::VerifyLogArgs;
use clap::{Parser, Subcommand};

/// A reverse-proxy policy gateway between your backend services and Clerk's Backend API
///
/// Without a command: `run`.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 80)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// When to colour output
    ///
    /// `auto`: on a terminal, unless NO_COLOR, CLICOLOR=0 or TERM=dumb is set.
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    color: ColorWhen,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run the gateway: check requests and forward those that are allowed
    Run(RunArgs),
    /// Check configuration and policies, and show what would be enforced
    Check(CheckArgs),
    /// Run the tests of policies, and show what they cover
    Test(TestArgs),
    /// Explain why a request would be allowed or refused
    Explain(ExplainArgs),
    /// Summarize a decision log: which policies are safe to promote to `Deny`
    Report(ReportArgs),
    /// Judge the requests of a decision log again, by other policies
    Replay(ReplayArgs),
    /// Probe a running gateway, for exec probes
    Health(HealthArgs),
    /// Watch the decisions of a running gateway
    Tail(TailArgs),
    /// Show, compare or import Clerk's API contract
    #[command(subcommand)]
    Contract(ContractVerb),
    /// Send attacks to a running gateway, and report which ones passed
    Selftest(SelftestArgs),
    /// Verify that a chained decision log was not changed
    VerifyLog(VerifyLogArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema(SchemaArgs),
}
