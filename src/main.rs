//! The `portcullis` program: everything is in the library, this only turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::cli::main()
}
