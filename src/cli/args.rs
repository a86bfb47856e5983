//! The arguments. Comments here become the help texts.

use super::contract::ContractCommand;
use super::explain::ExplainArgs;
use super::replay::ReplayArgs;
use super::report::ReportArgs;
use super::test::TestArgs;
use crate::config::DEFAULT_ADMIN_LISTEN;
use crate::config::overrides::{Override, Overrides};
use crate::telemetry::watch::DecisionKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as ArgGroup, Parser, Subcommand, ValueEnum};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A reverse-proxy policy gateway between your backend services and Clerk's Backend API
///
/// Without a command: `run` with config/quickstart.yaml.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve: judge requests and forward those that may pass
    Run(RunArgs),
    /// Load configuration and policies, report everything wrong with them, and tell what would be enforced
    Check(CheckArgs),
    /// Run the cases written beside policies, and tell what of the policies they show
    Test(TestArgs),
    /// Tell what would become of a request, and why
    Explain(ExplainArgs),
    /// Tell what policies said by a decision log: which can be promoted to `Deny`, which are dead
    Report(ReportArgs),
    /// Judge the requests of a decision log again by other policies, and tell what would change
    Replay(ReplayArgs),
    /// Ask a running gateway whether it is well; for exec probes
    Health(HealthArgs),
    /// Watch the decisions of a running gateway as they are made, until Ctrl-C
    Tail(TailArgs),
    /// Look at Clerk's contract: what is in force, what changed, what no policy governs; bring in a newer one
    #[command(subcommand)]
    Contract(ContractCommand),
    /// Fire a corpus of attacks at a running gateway, this one or any other, and tell what got through
    Selftest(SelftestArgs),
    /// Tell whether the files of a chained decision log are as they were written
    VerifyLog(VerifyLogArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema {
        /// The kind of file
        of: SchemaOf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SchemaOf {
    /// The configuration file
    Gateway,
    /// A policy file
    Policy,
    /// A limit in a policy file: how many requests may pass, by who sends them
    RequestLimit,
    /// What lets through, until a day, what a policy would refuse
    Waiver,
    /// Cases that policies must decide as expected: the NAME.test.yaml beside NAME.yaml
    PolicyTest,
    /// What the vendor's specs get wrong: the overlay.yaml beside contract files
    ContractOverlay,
}

#[derive(Debug, ArgGroup)]
pub(super) struct ConfigArgs {
    /// The configuration file; config/quickstart.yaml where none is named and that file is there
    #[arg(long, value_name = "FILE", env = "PORTCULLIS_CONFIG", hide_env_values = true)]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, ArgGroup)]
pub(super) struct CheckArgs {
    /// Policy files or folders, in place of those that the configuration names
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Take warnings for errors
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, ArgGroup)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Address to listen on, in place of the file's `listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Where requests go: a URL or `embedded`, in place of the file's `upstream.url`
    #[arg(long, value_name = "URL", env = "PORTCULLIS_UPSTREAM", hide_env_values = true)]
    upstream: Option<String>,
    /// Address of the admin listener or `off`, in place of the file's `admin.listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_ADMIN_LISTEN", hide_env_values = true)]
    admin_listen: Option<String>,
    /// Those of the above that came from the environment.
    #[arg(skip)]
    from_environment: Vec<&'static str>,
}

#[derive(Debug, ArgGroup)]
pub(super) struct SelftestArgs {
    /// The gateway, such as `http://127.0.0.1:8787`; it is tried over HTTP/1.1, and over HTTP/2 where it speaks it
    #[arg(long, value_name = "URL")]
    pub(super) target: String,
    /// PEM file with the authorities to trust for a gateway at `https://`, in place of the platform's
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Where to listen as the upstream that the gateway is configured with
    #[arg(long, value_name = "ADDRESS")]
    pub(super) upstream_listen: SocketAddr,
    /// Print the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ArgGroup)]
pub(super) struct VerifyLogArgs {
    /// Files of one log, in any order: the one that is written, and those before it
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, ArgGroup)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Address of the gateway's admin listener, in place of the file's `admin.listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_ADMIN_LISTEN", hide_env_values = true)]
    pub(super) admin_listen: Option<String>,
    /// Ask whether it is ready for requests, and not only whether it lives
    #[arg(long)]
    pub(super) ready: bool,
}

#[derive(Debug, ArgGroup)]
pub(super) struct TailArgs {
    /// The gateway's admin listener
    #[arg(long, value_name = "URL", default_value_t = format!("http://{DEFAULT_ADMIN_LISTEN}"))]
    pub(super) admin: String,
    /// Only these decisions; `warn` and `audit` are what a rule did that refused nothing
    #[arg(long, value_name = "DECISION", value_delimiter = ',', value_parser = DecisionKind::ALL.map(DecisionKind::as_str))]
    pub(super) decision: Vec<String>,
    /// Only where a rule of these policies did not hold
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) policy: Vec<String>,
    /// Only these operations, such as `UpdateUser`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) operation: Vec<String>,
    /// Tell below each line what every rule found, with its hint, and the ids by which logs and traces know the request
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// Print the lines as the gateway sends them: one JSON object each
    #[arg(long, conflicts_with = "verbose")]
    pub(super) json: bool,
}

/// The arguments that override the file: name, flag, variable.
const OVERRIDES: [(&str, &str, &str); 3] = [
    ("listen", "--listen", "PORTCULLIS_LISTEN"),
    ("upstream", "--upstream", "PORTCULLIS_UPSTREAM"),
    ("admin_listen", "--admin-listen", "PORTCULLIS_ADMIN_LISTEN"),
];

impl RunArgs {
    /// Keeps which values came from the environment, so that an error names what the person wrote.
    pub(super) fn remember_origins(&mut self, matches: &ArgMatches) {
        let from_environment = |name: &str| matches.value_source(name) == Some(ValueSource::EnvVariable);
        self.from_environment =
            OVERRIDES.iter().map(|(name, ..)| *name).filter(|name| from_environment(name)).collect();
    }

    /// What is given in place of the file's values.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.over("listen", self.listen.as_ref()),
            upstream: self.over("upstream", self.upstream.as_ref()),
            admin_listen: self.over("admin_listen", self.admin_listen.as_ref()),
        }
    }

    fn over(&self, name: &str, value: Option<&String>) -> Option<Override> {
        let (_, flag, variable) = OVERRIDES.iter().find(|(known, ..)| *known == name)?;
        let origin = if self.from_environment.contains(&name) { variable } else { flag };
        Some(Override { origin: Cow::Borrowed(origin), value: value?.clone() })
    }
}
