//! The arguments of `explain`. Comments here become the help texts.

use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;

/// What is left out where the whole request is given in another way.
const FLAGS: [&str; 4] = ["method", "headers", "body", "body_file"];

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("request").required(true).args(["path", "http", "curl", "decision"]))]
pub(in crate::cli) struct ExplainArgs {
    /// The path, with its query if it has one
    #[arg(long, value_name = "PATH")]
    pub(super) path: Option<String>,
    /// The HTTP method, such as POST
    #[arg(long, value_name = "METHOD", default_value = "PATCH")]
    pub(super) method: String,
    /// A header as `Name: value`; may be given more than once
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    pub(super) headers: Vec<String>,
    /// The body; without a `Content-Type` it is taken for `application/json`
    #[arg(long, value_name = "JSON", conflicts_with = "body_file")]
    pub(super) body: Option<String>,
    /// A file with the body; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) body_file: Option<PathBuf>,
    /// A file with a request as HTTP/1.1 has it: request line, headers, an empty line, body; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = FLAGS)]
    pub(super) http: Option<PathBuf>,
    /// A `curl` command line, quoted as for a shell; `-` for standard input. Nothing is sent
    #[arg(long, value_name = "COMMAND", conflicts_with_all = FLAGS)]
    pub(super) curl: Option<String>,
    /// The id of a refusal, which the running gateway is asked for, or of any decision in a decision log
    // without `--client`: the decision has the client that sent the request
    #[arg(long, value_name = "ID", conflicts_with_all = FLAGS, conflicts_with = "client")]
    pub(super) decision: Option<String>,
    /// The decision log that has it, and files of it that were rotated, in place of the running gateway
    #[arg(long, value_name = "FILE", requires = "decision", num_args = 1..)]
    pub(super) log: Vec<PathBuf>,
    /// The gateway's admin listener, in place of the configuration's `admin.listen`
    #[arg(long, value_name = "URL", requires = "decision", conflicts_with = "log")]
    pub(super) admin: Option<String>,
    /// What is known of the client, by the names of policies, such as `spiffeId=spiffe://example.org/billing`; may be
    /// given more than once
    #[arg(long = "client", value_name = "NAME=VALUE")]
    pub(super) client: Vec<String>,
    /// How much is shown
    #[arg(long, value_enum, default_value = "rules")]
    pub(super) level: DetailLevel,
    /// Print it as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// How much of an explanation is shown; each level contains the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum DetailLevel {
    /// The result, the violations, and what would change a refusal
    Decision,
    /// Adds route, API version, environment, schema, and the result of each policy
    Rules,
    /// Adds the value of each part of each expression. Fields of the request are shown, except secrets
    Full,
}
