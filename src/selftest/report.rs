//! The report of a selftest, for people and for programs.

use super::case::{AttackCase, CaseExpectation, CaseProtocol};
use super::verdict::Verdict;
use serde::Serialize;
use std::fmt;

/// The results of all cases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SelftestReport {
    /// The protocols that the gateway supports and was tested in.
    pub protocols: Vec<CaseProtocol>,
    /// The number of cases that were sent.
    pub cases: usize,
    /// The number of controls among them.
    pub controls: usize,
    /// Attacks that got through.
    pub holes: Vec<CaseFinding>,
    /// Controls that did not arrive unchanged.
    pub broken: Vec<CaseFinding>,
    /// Attacks that did not get through, but whose response was not a 4xx.
    pub odd: Vec<CaseFinding>,
}

/// A failed case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseFinding {
    /// The name of the case.
    pub case: String,
    /// The source of the case.
    pub source: String,
    /// What happened.
    pub what: String,
}

impl SelftestReport {
    /// Whether no attack got through and every control did.
    pub fn is_clean(&self) -> bool {
        self.holes.is_empty() && self.broken.is_empty()
    }

    pub(super) fn add(&mut self, case: &AttackCase, verdict: Option<Verdict>) {
        self.cases += 1;
        self.controls += usize::from(case.expect == CaseExpectation::Exact);
        let (findings, what) = match verdict {
            None => return,
            Some(Verdict::Hole(what)) => (&mut self.holes, what),
            Some(Verdict::Broken(what)) => (&mut self.broken, what),
            Some(Verdict::Odd(what)) => (&mut self.odd, what),
        };
        findings.push(CaseFinding { case: case.name.clone(), source: case.source.clone(), what });
    }
}

impl fmt::Display for SelftestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, findings) in [("HOLE", &self.holes), ("BROKEN", &self.broken), ("odd", &self.odd)] {
            for finding in findings {
                writeln!(f, "{word:<6} {} ({}): {}", finding.case, finding.source, finding.what)?;
            }
        }
        let attacks = self.cases - self.controls;
        write!(
            f,
            "{attacks} attacks, {} holes; {} controls, {} broken; over {}",
            self.holes.len(),
            self.controls,
            self.broken.len(),
            if self.protocols.contains(&CaseProtocol::Http2) { "HTTP/1.1 and HTTP/2" } else { "HTTP/1.1" },
        )
    }
}
