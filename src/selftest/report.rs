//! What came of the corpus, for people and for programs.

use super::case::{AttackCase, CaseExpectation, CaseProtocol};
use super::verdict::Verdict;
use serde::Serialize;
use std::fmt;

/// What came of the corpus.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SelftestReport {
    /// The protocols that the gateway speaks, in each of which it was tried.
    pub protocols: Vec<CaseProtocol>,
    /// Cases that were fired.
    pub cases: usize,
    /// Those of them that have to pass.
    pub controls: usize,
    /// What got through and must not have.
    pub holes: Vec<CaseFinding>,
    /// Controls that did not arrive as they were sent.
    pub broken: Vec<CaseFinding>,
    /// Attacks of which nothing got through, but the client was not told so with a status of 4xx.
    pub odd: Vec<CaseFinding>,
}

/// Something to say of a case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseFinding {
    /// The case's name.
    pub case: String,
    /// Where the case comes from.
    pub source: String,
    /// What happened.
    pub what: String,
}

impl SelftestReport {
    /// Whether the gateway let nothing through, and everything that it should.
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
