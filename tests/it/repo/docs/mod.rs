//! The documentation is true: README.md and every page of `docs/` is followed as a reader would follow it. Its files load,
//! its commands print what it shows, its tables are those of the code and its links lead somewhere.
//!
//! With `PORTCULLIS_DOCS=update` in the environment, what the program prints today is written into the pages instead of
//! being compared with them. Read the diff before you commit it.

mod decision_log;
mod examples;
mod links;
mod live;
mod page;
mod policies;
mod style;
mod tables;
mod telemetry;
mod update;
mod workspace;
