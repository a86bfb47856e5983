//! The command line as a whole. Each verb has its own arguments beside it; doc comments become the help texts.

use super::check::CheckArgs;
use super::completions::CompletionsArgs;
use super::config_args::ConfigArgs;
use super::console::ColorWhen;
use super::contract::ContractVerb;
use super::explain::ExplainArgs;
use super::health::HealthArgs;
use super::init::InitArgs;
use super::man::ManArgs;
use super::prove::ProveArgs;
use super::reload::ReloadArgs;
use super::replay::ReplayArgs;
use super::report::ReportArgs;
use super::run::RunArgs;
use super::schema::SchemaArgs;
use super::selftest::SelftestArgs;
use super::status::StatusArgs;
use super::tail::TailArgs;
use super::test::TestArgs;
use super::verify_log::VerifyLogArgs;
use super::version::VersionArgs;
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
    /// `auto`: on a terminal, unless `NO_COLOR`, CLICOLOR=0 or TERM=dumb is set.
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
    // optional: a first try without arguments runs the quickstart, see `parse`
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run the gateway: check requests and forward those that are allowed
    #[command(
        after_help = "Examples:\n  portcullis run\n  portcullis run --upstream https://api.clerk.com\n  portcullis run --config config/gateway.yaml\n\nExit codes:\n  0 stopped by a signal, 1 cannot start, 2 usage, 3 invalid configuration or policy"
    )]
    Run(RunArgs),
    /// Check configuration and policies, and show what would be enforced
    #[command(
        after_help = "Examples:\n  portcullis check\n  portcullis check --strict policies/my-policy.yaml\n\nExit codes:\n  0 valid, 1 failed, 2 usage, 3 invalid configuration or policy"
    )]
    Check(CheckArgs),
    /// Run the tests of policies, and show what they cover
    #[command(
        after_help = "Examples:\n  portcullis test\n  portcullis test policies/my-policy.yaml --coverage-threshold 100\n\nExit codes:\n  0 all pass, 1 failed, 2 usage, 3 invalid file, 4 a case fails"
    )]
    Test(TestArgs),
    /// Explain why a request would be allowed or refused
    #[command(
        after_help = "Examples:\n  portcullis explain --path /v1/users/user_1 --body '{\"locale\":\"en\"}'\n  portcullis explain --decision 735a854788e207d1 --log decisions.jsonl\n\nExit codes:\n  0 allowed, 1 failed, 2 usage, 3 invalid configuration, 4 refused"
    )]
    Explain(ExplainArgs),
    /// Summarize a decision log: which policies are safe to promote to `Deny`
    #[command(
        after_help = "Examples:\n  portcullis report --log decisions.jsonl\n\nExit codes:\n  0 done, 1 failed, 2 usage, 3 invalid configuration"
    )]
    Report(ReportArgs),
    /// Judge the requests of a decision log again, by other policies
    #[command(
        after_help = "Examples:\n  portcullis replay --log decisions.jsonl --policies new\n\nExit codes:\n  0 done, 1 failed, 2 usage, 3 invalid policy,\n  4 a decision would change, with --fail-on-change"
    )]
    Replay(ReplayArgs),
    /// Prove that a change of policies is stricter, looser or equal, and show requests
    #[command(
        after_help = "Examples:\n  portcullis prove policies new\n  portcullis prove policies new --fail-on looser,undecided\n\nExit codes:\n  0 done, 1 failed, 2 usage, 3 invalid policy,\n  4 a verdict is one of those of --fail-on"
    )]
    Prove(ProveArgs),
    /// Probe a running gateway, for exec probes
    #[command(
        after_help = "Examples:\n  portcullis health\n  portcullis health --ready\n\nExit codes:\n  0 healthy, 1 not healthy or not reachable, 2 usage, 3 invalid configuration"
    )]
    Health(HealthArgs),
    /// Show what a running gateway enforces, since when, and what takes a restart
    #[command(
        after_help = "Examples:\n  portcullis status\n  portcullis status --json\n\nExit codes:\n  0 shown, 1 not reachable, 2 usage, 3 invalid configuration"
    )]
    Status(StatusArgs),
    /// Have a running gateway load its files at once, and show the result
    #[command(
        after_help = "Examples:\n  portcullis reload\n  portcullis reload --config config/gateway.yaml\n\nExit codes:\n  0 the files are in force, 1 not reachable, 2 usage,\n  3 they are not: a file is invalid, or a rule would be lost"
    )]
    Reload(ReloadArgs),
    /// Watch the decisions of a running gateway
    #[command(
        after_help = "Examples:\n  portcullis tail\n  portcullis tail --decision deny --verbose\n\nExit codes:\n  0 the reader left, 1 not reachable, 2 usage"
    )]
    Tail(TailArgs),
    /// Show, compare or import Clerk's API contract
    #[command(
        subcommand,
        after_help = "Examples:\n  portcullis contract show UpdateUser\n  portcullis contract diff 2025-11-10 2026-05-12\n\nExit codes:\n  0 done, 1 failed, 2 usage, 3 invalid file, 4 diff: a policy is affected"
    )]
    Contract(ContractVerb),
    /// Send attacks to a running gateway, and report which ones passed
    #[command(
        after_help = "Examples:\n  portcullis selftest --target http://127.0.0.1:8787 \\\n      --upstream-listen 127.0.0.1:9000\n\nExit codes:\n  0 no attack passed, 1 failed, 2 usage, 4 an attack passed"
    )]
    Selftest(SelftestArgs),
    /// Verify that a chained decision log was not changed
    #[command(
        after_help = "Examples:\n  portcullis verify-log decisions.jsonl\n\nExit codes:\n  0 unchanged, 1 failed, 2 usage, 4 changed"
    )]
    VerifyLog(VerifyLogArgs),
    /// Print the JSON Schema of a kind of file, for editors
    #[command(
        after_help = "Examples:\n  portcullis schema policy > policies/policy.schema.json\n\nExit codes:\n  0 done, 1 failed, 2 usage"
    )]
    Schema(SchemaArgs),
    /// Serve an editor: errors, completion and more while a policy is written
    ///
    /// A language server (LSP) on standard input and output.
    #[command(
        after_help = "Examples:\n  portcullis lsp\n  portcullis lsp --config config/gateway.yaml\n\nExit codes:\n  0 shut down, 1 the editor went away, 2 usage"
    )]
    Lsp,
    /// Write the built-in configuration, policies and tests to a folder
    #[command(
        after_help = "Examples:\n  portcullis init gateway\n\nExit codes:\n  0 written, 1 failed or a file exists, 2 usage"
    )]
    Init(InitArgs),
    /// Print the completion script of a shell
    #[command(
        after_help = "Examples:\n  portcullis completions bash > ~/.bash_completion\n\nExit codes:\n  0 done, 1 failed, 2 usage"
    )]
    Completions(CompletionsArgs),
    /// Write the manual pages to a folder
    #[command(
        after_help = "Examples:\n  portcullis man /usr/local/share/man/man1\n\nExit codes:\n  0 written, 1 failed, 2 usage"
    )]
    Man(ManArgs),
    /// Print the version, the target and the features of this build
    #[command(
        after_help = "Examples:\n  portcullis version\n  portcullis version --json\n\nExit codes:\n  0 done, 1 failed, 2 usage"
    )]
    Version(VersionArgs),
}
