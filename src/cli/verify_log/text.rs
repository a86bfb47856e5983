//! The result of a verification for people.

use super::Verification;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;

/// How old the last entry of a log can be that is being written: two heartbeats, and time to write.
const FRESH: SignedDuration = SignedDuration::from_secs(150);

/// The end of a log that is not the end of a process.
pub(super) enum OpenEnd {
    /// The log may be in use.
    Fresh(String),
    /// It is too old for that.
    Stale(String),
}

pub(super) fn verification(verification: &Verification) -> String {
    let gaps = gaps(verification);
    let Some(broken) = &verification.broken else {
        let unsigned = verification.unsigned.as_ref().map(|why| format!("unsigned: {why}\n"));
        return gaps + &unsigned.unwrap_or_default() + &valid(verification);
    };
    let before = match verification.entries {
        0 => "there is no line before it".to_owned(),
        1 => "the line before it is unchanged".to_owned(),
        many => format!("the {many} lines before it are unchanged"),
    };
    format!("broken: {}:{}: {}\n{before}\n{gaps}", broken.file.display(), broken.line, broken.why).trim_end().to_owned()
}

/// A line for each place where decisions are missing; empty without one.
fn gaps(verification: &Verification) -> String {
    let mut text = match verification.missing_decisions {
        0 => return String::new(),
        1 => "incomplete: 1 decision is missing\n".to_owned(),
        many => format!("incomplete: {many} decisions are missing\n"),
    };
    let mut rest = verification.missing_decisions;
    for gap in &verification.gaps {
        rest = rest.saturating_sub(gap.count);
        // writing to a `String` cannot fail
        let _ = writeln!(text, "  {gap}");
    }
    if rest > 0 {
        let _ = writeln!(text, "  {rest} more are missing after these");
    }
    text
}

fn valid(verification: &Verification) -> String {
    let (Some(first), Some(last)) = (&verification.first, &verification.last) else {
        return "no entries, which proves nothing".to_owned();
    };
    let earlier = match first.sequence {
        1 => String::new(),
        number => format!("\nentries 1 to {} are not in these files", number - 1),
    };
    let signed = match verification.signed_to {
        None => String::new(),
        Some(signed) if signed == last.sequence => "\nsigned: all entries".to_owned(),
        Some(signed) => format!("\nsigned: the entries up to {signed}"),
    };
    let verdict = if verification.is_valid { "valid" } else { "the entries that there are" };
    format!(
        "{verdict}: {} entries, {} ({}) to {} ({}), unchanged{earlier}{signed}\n\
         last hash: {}\n\
         a chain cannot prove that nothing was cut off after it: store this hash elsewhere, and find it again next time",
        verification.entries,
        first.sequence,
        first.time.escape_debug(),
        last.sequence,
        last.time.escape_debug(),
        last.hash
    )
}

/// How a log ends whose last entry, from the time `last`, is not the end of a process.
pub(super) fn open_end(last: Timestamp, now: Timestamp) -> OpenEnd {
    let age = last.duration_until(now);
    let end = format!(
        "the log ends without a `shutdown` entry, and its last entry is {:#} old",
        SignedDuration::from_secs(age.as_secs().max(0))
    );
    if age <= FRESH {
        return OpenEnd::Fresh(format!("{end}: a gateway that runs writes one each minute"));
    }
    OpenEnd::Stale(format!(
        "{end}: the gateway writes one each minute, so that it crashed, cannot write, or the end was cut off"
    ))
}

#[cfg(test)]
mod tests {
    use super::{OpenEnd, open_end};
    use jiff::Timestamp;

    #[test]
    fn a_log_that_can_be_in_use_has_no_stale_end() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).expect("a time");
        let OpenEnd::Fresh(note) = open_end(at(0), at(149)) else { panic!("it can be in use") };
        assert!(note.contains("its last entry is 2m 29s old"), "{note}");
        // the clock of another machine may be ahead
        assert!(matches!(open_end(at(200), at(0)), OpenEnd::Fresh(_)));
        let OpenEnd::Stale(warning) = open_end(at(0), at(3_725)) else { panic!("it is old") };
        assert!(warning.contains("its last entry is 1h 2m 5s old"), "{warning}");
    }
}
