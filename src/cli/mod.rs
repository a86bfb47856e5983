//! The command line: one verb a file, its arguments beside it. Only this room prints.

mod admin_address;
mod admin_client;
mod args;
mod banner;
mod bounded_lines;
mod check;
mod client_facts;
mod completions;
mod config_args;
mod console;
mod contract;
mod decisions;
mod enforcement;
mod exit;
mod explain;
mod health;
mod init;
mod log_reader;
mod lsp;
mod man;
mod outcome_text;
mod page;
mod printable;
mod prove;
mod reload;
mod replay;
mod report;
mod run;
mod sarif;
mod schema;
mod selftest;
mod status;
mod table;
mod tail;
mod test;
mod verify_log;
mod version;

pub use exit::{CommandError, Exit};

use args::{Args, Verb};
use clap::{Command, CommandFactory, FromArgMatches, ValueEnum};
use console::ColorWhen;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Runs the program with the arguments and the environment of the process.
pub fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    console::set_color(color_when(&given));
    let exit = match parse(given) {
        Ok(args) => dispatch(args).unwrap_or_else(|error| console::report(&error)),
        Err(error) => console::usage(&error).unwrap_or_else(|error| console::report(&error)),
    };
    ExitCode::from(exit as u8)
}

/// The value of `--color`. Not by clap, whose own errors and help texts are coloured, too.
fn color_when(given: &[OsString]) -> ColorWhen {
    let texts: Vec<_> = given.iter().take_while(|argument| *argument != "--").filter_map(|it| it.to_str()).collect();
    let mut values = texts.iter().enumerate().filter_map(|(position, text)| match text.strip_prefix("--color=") {
        Some(value) => Some(value),
        None => texts.get(position + 1).copied().filter(|_| *text == "--color"),
    });
    values.next_back().and_then(|value| ColorWhen::from_str(value, false).ok()).unwrap_or_default()
}

/// Without a command, as in a first try, it is `run`.
fn parse(mut given: Vec<OsString>) -> Result<Args, clap::Error> {
    let command = ignore_empty_variables(Args::command());
    let mut matches = command.clone().try_get_matches_from(&given)?;
    if matches.subcommand().is_none() {
        // parsed again and not defaulted, because the variables of `run` are read by its parser
        given.push(OsString::from("run"));
        matches = command.try_get_matches_from(given)?;
    }
    let mut args = Args::from_arg_matches(&matches)?;
    if let (Some(Verb::Run(run)), Some((_, matches))) = (&mut args.verb, matches.subcommand()) {
        run.remember_origins(matches);
    }
    Ok(args)
}

/// An empty variable is as an unset one, as compose files and unit files write it.
fn ignore_empty_variables(command: Command) -> Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|argument| match argument.get_env() {
        Some(name) if is_empty(name) => argument.env(None::<&'static str>),
        _ => argument,
    });
    command.mut_subcommands(ignore_empty_variables)
}

fn dispatch(args: Args) -> Result<Exit, CommandError> {
    let config = &args.config;
    match args.verb {
        Some(Verb::Run(args)) => run::run(&args, config),
        Some(Verb::Check(args)) => check::check(&args, config),
        Some(Verb::Test(args)) => test::test(&args, config),
        Some(Verb::Explain(args)) => explain::explain(&args, config),
        Some(Verb::Report(args)) => report::report(&args, config),
        Some(Verb::Replay(args)) => replay::replay(&args, config),
        Some(Verb::Prove(args)) => prove::prove(&args, config),
        Some(Verb::Health(args)) => health::health(&args, config),
        Some(Verb::Status(args)) => status::status(&args, config),
        Some(Verb::Reload(args)) => reload::reload(&args, config),
        Some(Verb::Tail(args)) => tail::tail(&args),
        Some(Verb::Contract(verb)) => contract::contract(&verb, config),
        Some(Verb::Selftest(args)) => selftest::selftest(&args),
        Some(Verb::VerifyLog(args)) => verify_log::verify_log(&args),
        Some(Verb::Schema(args)) => schema::schema(&args),
        Some(Verb::Lsp) => lsp::lsp(config),
        Some(Verb::Init(args)) => init::init(&args),
        Some(Verb::Completions(args)) => completions::completions(&args),
        Some(Verb::Man(args)) => man::man(&args),
        Some(Verb::Version(args)) => version::version(&args),
        // never so: `parse` adds `run`, which the type does not show
        None => Err(CommandError::Usage("there is no command".to_owned())),
    }
}
