//! The command line: what can be asked for, and which part of the program answers.

mod args;
pub mod banner;
mod certificates;
mod check;
mod client_facts;
mod columns;
mod console;
mod contract;
mod contract_folder;
mod decision_log;
mod decisions;
mod explain;
mod health;
mod listeners;
mod load;
mod panics;
mod policies;
mod policy_files;
mod replay;
mod report;
mod run;
mod selftest;
mod tail;
mod test;
mod verify_log;

use crate::config;
use crate::diagnostic::Diagnostic;
use crate::policy;
use args::{Args, Command, SchemaOf};
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Fine = 0,
    /// Something outside failed: a port is taken, a certificate cannot be read.
    Trouble = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration or a policy is broken.
    Broken = 3,
    /// `explain`: the request would be refused. `test`: a case fails. `replay`: a decision would change. `contract diff`: a policy is affected. `selftest`: something got through. `verify-log`: a line is not as written.
    Refused = 4,
}

/// Why a command could not do what it was asked.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Something outside failed; one line for people.
    Trouble(String),
    /// The command line makes no sense; one line for people.
    Usage(String),
    /// The configuration or policies are broken; everything wrong with them.
    Broken(Vec<Diagnostic>),
}

/// Runs the program with the arguments and environment it was started with.
pub fn main() -> ExitCode {
    let exit = match parse(std::env::args_os().collect()) {
        Ok(args) => dispatch(args).unwrap_or_else(|failure| report(&failure)),
        Err(error) => console::usage(&error).unwrap_or_else(|failure| report(&failure)),
    };
    ExitCode::from(exit as u8)
}

/// Without any argument, as in a fresh clone, the command is `run`.
fn parse(mut given: Vec<OsString>) -> Result<Args, clap::Error> {
    if given.len() <= 1 {
        given = vec![OsString::from("portcullis"), OsString::from("run")];
    }
    let matches = Args::command().try_get_matches_from(given)?;
    let mut args = Args::from_arg_matches(&matches)?;
    if let (Command::Run(run), Some((_, matches))) = (&mut args.command, matches.subcommand()) {
        run.remember_origins(matches);
    }
    Ok(args)
}

fn dispatch(args: Args) -> Result<Exit, Failure> {
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Test(args) => test::test(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Report(args) => report::report(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Health(args) => health::health(&args),
        Command::Tail(args) => tail::tail(&args),
        Command::Contract(command) => contract::contract(&command),
        Command::Selftest(args) => selftest::selftest(&args),
        Command::VerifyLog(args) => verify_log::verify_log(&args),
        Command::Schema { of } => {
            console::say(&format!("{:#}", schema(of)))?;
            Ok(Exit::Fine)
        }
    }
}

fn schema(of: SchemaOf) -> serde_json::Value {
    match of {
        SchemaOf::Gateway => config::schema(),
        SchemaOf::Policy => policy::policy_schema(),
        SchemaOf::RequestLimit => policy::limit_schema(),
        SchemaOf::Waiver => policy::waiver_schema(),
        SchemaOf::PolicyTest => crate::policy_test::schema(),
        SchemaOf::ContractOverlay => crate::contract::overlay::schema(),
    }
}

fn report(failure: &Failure) -> Exit {
    match failure {
        Failure::Trouble(message) => {
            console::complain(message);
            Exit::Trouble
        }
        Failure::Usage(message) => {
            console::complain(message);
            Exit::Usage
        }
        Failure::Broken(mistakes) => {
            console::mistakes(mistakes);
            Exit::Broken
        }
    }
}
