//! Collects the errors of a configuration, each at the place of its setting.

use super::overrides::Override;
use super::read_error::describe;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Source, duration, field};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A value and its origin: a flag, a variable, or a place in the file.
pub(super) struct Setting<'a> {
    pub(super) value: &'a str,
    pointer: String,
    origin: Option<&'a str>,
}

impl<'a> Setting<'a> {
    pub(super) fn in_file(value: &'a str, pointer: impl Into<String>) -> Self {
        Self { value, pointer: pointer.into(), origin: None }
    }

    pub(super) fn new(value: &'a str, pointer: &str, over: Option<&'a Override>) -> Self {
        match over {
            Some(over) => Self { value: &over.value, origin: Some(&over.origin), ..Self::in_file(value, pointer) },
            None => Self::in_file(value, pointer),
        }
    }
}

/// Collects errors. An invalid value is replaced by a valid one, so that the rest can still be checked.
pub(super) struct SettingsChecker<'a> {
    source: &'a Source,
    folder: &'a Path,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl<'a> SettingsChecker<'a> {
    pub(super) const fn new(source: &'a Source, folder: &'a Path) -> Self {
        Self { source, folder, errors: Vec::new(), warnings: Vec::new() }
    }

    /// `gateway`, or the errors in the order of the file.
    pub(super) fn finish<T>(self, gateway: T) -> Result<T, Vec<Diagnostic>> {
        let mut errors = self.errors;
        errors.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
        if errors.is_empty() { Ok(gateway) } else { Err(errors) }
    }
}

impl SettingsChecker<'_> {
    pub(super) fn refuse(&mut self, given: &Setting<'_>, what: &str, help: &str) {
        let error = match given.origin {
            // an override has no place in the file: its flag or variable stands in for the file
            Some(origin) => Diagnostic::of_file(Path::new(origin), format!("`{origin}` {what}")),
            None => self.source.at(&given.pointer, format!("{} {what}", field(&given.pointer))),
        };
        self.errors.push(error.with_help(help));
    }

    /// Adds a warning at `pointer`.
    pub(super) fn warn(&mut self, pointer: &str, what: &str, help: &str) {
        let warning = self.source.at(pointer, format!("{} {what}", field(pointer)));
        self.warnings.push(warning.with_help(help));
    }

    /// The warnings so far.
    pub(super) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings)
    }

    pub(super) fn duration(&mut self, pointer: &str, value: &str) -> Duration {
        let given = Setting::in_file(value, pointer);
        duration::parse(value).map_err(|what| self.refuse(&given, what, duration::HELP)).unwrap_or_default()
    }

    /// As [`Self::duration`], which may be zero.
    pub(super) fn duration_or_zero(&mut self, pointer: &str, value: &str) -> Duration {
        let given = Setting::in_file(value, pointer);
        duration::parse_or_zero(value).map_err(|what| self.refuse(&given, what, duration::HELP)).unwrap_or_default()
    }

    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }

    // checked here and not when the file is read: all missing files are reported with the other errors
    pub(super) fn existing_path(&mut self, written: &str, pointer: String) -> PathBuf {
        let path = self.path(written);
        if let Err(error) = path.metadata() {
            let what = format!("cannot be read: {}", describe(&error));
            self.refuse(
                &Setting::in_file(written, pointer),
                &what,
                "paths are relative to the file they are written in",
            );
        }
        path
    }
}
