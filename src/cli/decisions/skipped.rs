//! What of a decision log is no entry.

use super::seen_numbers::SeenNumbers;
use serde_json::error::Category;
use std::path::Path;

/// What was in the files besides decisions, and what was not.
#[derive(Debug, Default)]
pub(in crate::cli) struct Skipped {
    /// Lines that are no JSON, or too long.
    pub(in crate::cli) damaged: u64,
    /// Where the first of them is.
    pub(in crate::cli) first_damaged: Option<String>,
    /// Entries of a form that this version does not know.
    pub(in crate::cli) unknown: u64,
    /// Where the first of them is.
    pub(in crate::cli) first_unknown: Option<String>,
    /// Compressed files that could be read in part only: which, to which line, and why.
    pub(in crate::cli) broken: Vec<String>,
    /// Entries that are a sample of the allowed requests.
    pub(in crate::cli) sampled: u64,
    /// About how many requests those represent.
    pub(in crate::cli) represented: f64,
    /// The numbers of the entries, by which missing ones are known.
    pub(in crate::cli) numbers: SeenNumbers,
}

impl Skipped {
    /// A line for people for each kind of skipped lines, and for missing decisions.
    pub(in crate::cli) fn summary(&self) -> Vec<String> {
        let line = |count: u64, what: &str, first: &Option<String>| {
            let first = first.as_ref()?;
            let (lines, are) = if count == 1 { ("line", "is") } else { ("lines", "are") };
            Some(format!("{count} {lines} {are} {what} and left out, the first at {first}"))
        };
        let damaged = line(self.damaged, "damaged", &self.first_damaged);
        let unknown = line(self.unknown, "of a form that this version does not know", &self.first_unknown);
        let sampled = (self.sampled > 0).then(|| {
            format!(
                "{} are a sample of the allowed requests (`decisionLog.sampleAllowed`) and represent about {:.0}; all counts are of \
                 entries of the log",
                self.sampled, self.represented
            )
        });
        let lines = damaged.into_iter().chain(unknown).chain(self.broken.iter().cloned()).chain(sampled);
        lines.chain(self.numbers.summary()).collect()
    }

    pub(super) fn add(&mut self, category: Category, file: &Path, line: u64) {
        let place = || format!("{}:{line}", file.display());
        let (count, first) = match category {
            // valid JSON of another shape: most likely of a newer version
            Category::Data => (&mut self.unknown, &mut self.first_unknown),
            Category::Io | Category::Syntax | Category::Eof => (&mut self.damaged, &mut self.first_damaged),
        };
        *count += 1;
        first.get_or_insert_with(place);
    }

    /// Adds an entry that was sampled at `rate`, if it has one.
    pub(super) fn add_sampled(&mut self, rate: Option<f64>) {
        // a share of the file, which may not be ours: another number has no meaning
        if let Some(rate) = rate.filter(|rate| *rate > 0.0 && *rate < 1.0) {
            self.sampled += 1;
            self.represented += rate.recip();
        }
    }

    /// Adds that nothing of `file` could be read after line `last`.
    pub(super) fn add_break(&mut self, file: &Path, last: u64, why: &str) {
        self.broken.push(format!("`{}` cannot be read beyond its line {last}: {why}", file.display()));
    }

    /// Adds what was skipped of what comes after.
    pub(super) fn merge(&mut self, later: Self) {
        self.damaged += later.damaged;
        self.unknown += later.unknown;
        self.first_damaged = self.first_damaged.take().or(later.first_damaged);
        self.first_unknown = self.first_unknown.take().or(later.first_unknown);
        self.broken.extend(later.broken);
        self.sampled += later.sampled;
        self.represented += later.represented;
        self.numbers.merge(&later.numbers);
    }
}
