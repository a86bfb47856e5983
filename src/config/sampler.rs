//! The head sampler: the name that `OTEL_TRACES_SAMPLER` has for it, and a ratio after a colon.

use super::gateway::Sampler;
use std::fmt;

/// The help of an error about a sampler.
pub(super) const HELP: &str = "one of `always_on`, `always_off`, `traceidratio:<ratio>`, `parentbased_always_on`, \
                               `parentbased_always_off` or `parentbased_traceidratio:<ratio>`";

/// Parses a sampler. The error is the predicate of a message.
pub(super) fn parse(text: &str) -> Result<Sampler, &'static str> {
    let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
    let sampler = match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "parentbased_always_on" => Sampler::ParentBasedAlwaysOn,
        "parentbased_always_off" => Sampler::ParentBasedAlwaysOff,
        "traceidratio" => return ratio(argument).map(Sampler::TraceIdRatio),
        "parentbased_traceidratio" => return ratio(argument).map(Sampler::ParentBasedTraceIdRatio),
        _ => return Err("must be a sampler"),
    };
    if argument.is_some() { Err("must have no ratio with this sampler") } else { Ok(sampler) }
}

impl fmt::Display for Sampler {
    /// The text that [`parse`] accepts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlwaysOn => f.write_str("always_on"),
            Self::AlwaysOff => f.write_str("always_off"),
            Self::TraceIdRatio(ratio) => write!(f, "traceidratio:{ratio}"),
            Self::ParentBasedAlwaysOn => f.write_str("parentbased_always_on"),
            Self::ParentBasedAlwaysOff => f.write_str("parentbased_always_off"),
            Self::ParentBasedTraceIdRatio(ratio) => write!(f, "parentbased_traceidratio:{ratio}"),
        }
    }
}

fn ratio(argument: Option<&str>) -> Result<f64, &'static str> {
    let argument = argument.ok_or("must have a ratio, such as `traceidratio:0.1`")?;
    match argument.parse::<f64>() {
        // also excludes NaN, which `parse` accepts
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("must have a ratio from 0 to 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::config::gateway::Sampler;

    #[test]
    fn samplers_are_read() {
        for text in [
            "always_on",
            "always_off",
            "traceidratio:0.5",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio:0.1",
        ] {
            assert_eq!(parse(text).map(|sampler| sampler.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(parse("always_off"), Ok(Sampler::AlwaysOff));
        assert_eq!(parse("traceidratio:0.25"), Ok(Sampler::TraceIdRatio(0.25)));
        assert_eq!(parse("parentbased_traceidratio:1"), Ok(Sampler::ParentBasedTraceIdRatio(1.0)));
    }

    #[test]
    fn an_error_names_the_reason() {
        assert_eq!(parse("sometimes"), Err("must be a sampler"));
        assert_eq!(parse("always_on:1"), Err("must have no ratio with this sampler"));
        assert_eq!(parse("traceidratio"), Err("must have a ratio, such as `traceidratio:0.1`"));
        for text in ["traceidratio:1.1", "traceidratio:-0.1", "traceidratio:nan", "traceidratio:"] {
            assert_eq!(parse(text), Err("must have a ratio from 0 to 1"), "{text}");
        }
    }
}
