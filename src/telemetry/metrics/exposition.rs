//! Reads the metrics back from their `OpenMetrics` text.
//!
//! `prometheus-client` shows values only as text, or by a protocol compiler at build time. Reading its text is little, and
//! whatever else shows metrics so shows what `/metrics` does.

/// The samples of one metric, and what they are.
#[derive(Debug, Default, PartialEq)]
pub(in crate::telemetry) struct Family<'t> {
    /// Without the suffix that a sample of it has.
    pub(in crate::telemetry) name: &'t str,
    pub(in crate::telemetry) help: &'t str,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub(in crate::telemetry) kind: &'t str,
    /// `seconds`, `bytes` or nothing.
    pub(in crate::telemetry) unit: &'t str,
    pub(in crate::telemetry) samples: Vec<Sample<'t>>,
}

/// One line with a value.
#[derive(Debug, PartialEq)]
pub(in crate::telemetry) struct Sample<'t> {
    /// The line up to its exemplar.
    pub(in crate::telemetry) line: &'t str,
    /// What the name has beyond its family's, such as `_total` or `_bucket`.
    pub(in crate::telemetry) suffix: &'t str,
    pub(in crate::telemetry) labels: Vec<(&'t str, String)>,
    pub(in crate::telemetry) value: &'t str,
    pub(in crate::telemetry) exemplar: Option<Exemplar<'t>>,
}

/// A request that stands for those of its bucket.
#[derive(Debug, PartialEq)]
pub(in crate::telemetry) struct Exemplar<'t> {
    pub(in crate::telemetry) labels: Vec<(&'t str, String)>,
    pub(in crate::telemetry) value: &'t str,
    /// When it was, in seconds since 1970.
    pub(in crate::telemetry) time: Option<&'t str>,
}

/// Every family of `text`, in its order. A line that is none of the format's is left out.
pub(in crate::telemetry) fn families(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = told(line, "# HELP ") {
            families.push(Family { name, help, ..Family::default() });
        }
        let Some(family) = families.last_mut() else { continue };
        if let Some((_, kind)) = told(line, "# TYPE ") {
            family.kind = kind;
        } else if let Some((_, unit)) = told(line, "# UNIT ") {
            family.unit = unit;
        } else if let Some(sample) = sample(line, family.name) {
            family.samples.push(sample);
        }
    }
    families
}

fn told<'t>(line: &'t str, what: &str) -> Option<(&'t str, &'t str)> {
    line.strip_prefix(what)?.split_once(' ')
}

fn sample<'t>(line: &'t str, family: &str) -> Option<Sample<'t>> {
    let after = line.strip_prefix(family)?;
    let (suffix, _) = after.split_once(['{', ' '])?;
    let (labels, rest) = labels(after.strip_prefix(suffix)?)?;
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, self::exemplar(exemplar)),
        None => (rest, None),
    };
    let length = line.len() - rest.len() + value.len();
    Some(Sample { line: line.get(..length)?, suffix, labels, value: value.trim(), exemplar })
}

fn exemplar(text: &str) -> Option<Exemplar<'_>> {
    let (labels, rest) = labels(text)?;
    let (value, time) = match rest.trim().split_once(' ') {
        Some((value, time)) => (value, Some(time)),
        None => (rest.trim(), None),
    };
    Some(Exemplar { labels, value, time })
}

/// The labels at the begin of `text`, if there are any, and what comes after them.
fn labels(text: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut labels = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Some((labels, text)) };
    loop {
        rest = rest.strip_prefix(',').unwrap_or(rest);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((name, value));
        rest = after;
    }
}

/// The text up to the quotation mark that ends it, and what comes after that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some((value, letters.as_str())),
            '\\' => value.push(match letters.next()? {
                'n' => '\n',
                other => other,
            }),
            letter => value.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exemplar, Family, Sample, families};

    const TEXT: &str = "# HELP a_seconds How long.
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_sum 0.5
a_seconds_bucket{le=\"0.1\",of=\"x\"} 1 # {trace_id=\"ab\"} 0.05 12.5
# HELP b Said \"so\".
# TYPE b counter
b_total{why=\"a\\\"b\\\\c\\nd} # e\",empty=\"\"} 7
# EOF
";

    #[test]
    fn a_family_has_what_the_text_says_of_it() {
        let [first, second] = &families(TEXT)[..] else { panic!("two families") };
        assert_eq!(
            (first.name, first.help, first.kind, first.unit),
            ("a_seconds", "How long.", "histogram", "seconds")
        );
        let exemplar = Exemplar { labels: vec![("trace_id", String::from("ab"))], value: "0.05", time: Some("12.5") };
        let bucket = Sample {
            line: "a_seconds_bucket{le=\"0.1\",of=\"x\"} 1",
            suffix: "_bucket",
            labels: vec![("le", String::from("0.1")), ("of", String::from("x"))],
            value: "1",
            exemplar: Some(exemplar),
        };
        assert_eq!(first.samples[1], bucket);
        assert_eq!((first.samples[0].suffix, first.samples[0].value), ("_sum", "0.5"));
        let labels = vec![("why", String::from("a\"b\\c\nd} # e")), ("empty", String::new())];
        assert_eq!((&second.samples[0].labels, second.samples[0].value), (&labels, "7"));
    }

    #[test]
    fn what_is_none_of_the_format_is_left_out() {
        let text = "a 1\n# HELP a x\n# TYPE a gauge\na\na{\na{b=\"\na{b} 1\nother 1\na 2\n";
        let [Family { samples, .. }] = &families(text)[..] else { panic!("one family") };
        assert_eq!(samples.iter().map(|sample| sample.value).collect::<Vec<_>>(), ["2"]);
    }
}
