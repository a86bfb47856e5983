//! `portcullis run`: run the gateway until a signal stops it.

use super::banner::Banner;
use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app::{self, Configuration, RunSettings};
use crate::config::overrides::{Override, Overrides};
use crate::files::FileView;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use std::borrow::Cow;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Address to listen on, in place of the file's `listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Where requests go: a URL or `embedded`, in place of the file's `upstream.url`
    #[arg(long, value_name = "URL", env = "PORTCULLIS_UPSTREAM", hide_env_values = true)]
    upstream: Option<String>,
    /// Address of the admin listener or `off`, in place of the file's `admin.listen`
    #[arg(long, value_name = "ADDRESS", env = "PORTCULLIS_ADMIN_LISTEN", hide_env_values = true)]
    admin_listen: Option<String>,
    /// Take over from the gateway that waits at this Unix socket, without a refused connection, and wait there for the next
    ///
    /// If there is no gateway, this one starts as usual.
    #[arg(long, value_name = "PATH")]
    takeover: Option<PathBuf>,
    /// Those of the above that came from the environment.
    #[arg(skip)]
    from_environment: Vec<&'static str>,
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

/// What the variables alone give in place of the file's values. An empty one is as unset.
pub(super) fn environment_overrides() -> Overrides {
    let over = |name: &str| {
        let (.., variable) = OVERRIDES.iter().find(|(known, ..)| *known == name)?;
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
        Some(Override { origin: Cow::Borrowed(variable), value })
    };
    Overrides { listen: over("listen"), upstream: over("upstream"), admin_listen: over("admin_listen") }
}

pub(super) fn run(args: &RunArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let overrides = args.overrides();
    let configuration = Configuration::load_with_policy_errors(&FileView::default(), config.file(), &overrides)?;
    let tested = app::compile_tested_policies(&configuration)?;
    console::warn(&app::start_warnings(&configuration.gateway, &tested.texts));
    console::warn(&app::secret_file_warnings(&configuration.gateway));
    let settings = RunSettings { is_terminal: console::is_terminal_on_stderr(), takeover: args.takeover.clone() };
    app::run(&configuration, tested, &settings, |started| {
        // on standard error: standard output is the access log's
        console::note(&format!("{}\n", Banner(started)));
    })?;
    Ok(Exit::Ok)
}
