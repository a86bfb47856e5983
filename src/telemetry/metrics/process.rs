//! Metrics of the process, by the names of Prometheus' client libraries. They are read from `/proc` at a scrape, and are absent on
//! systems without it.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rustix::process::{Resource, getrlimit};
use std::fmt;
use std::fs;

/// Reads `/proc` at each scrape; it has no state.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessMetrics;

/// What `/proc/self/stat` has of a process (proc(5)).
#[derive(Clone, Copy, Debug, PartialEq)]
struct ProcessStat {
    /// CPU time of all threads, in seconds.
    cpu: f64,
    threads: i64,
    /// Seconds from the boot of the machine to the start of the process.
    start: f64,
    /// Address space, in bytes.
    virtual_memory: i64,
    /// Memory that is in RAM, in bytes.
    resident_memory: i64,
}

impl ProcessStat {
    fn read() -> Option<Self> {
        let ticks = rustix::param::clock_ticks_per_second();
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?, ticks, rustix::param::page_size())
    }

    /// `None` if `stat` is not in the form of proc(5). `ticks` are those of a second, `page` is the size of a page in bytes.
    #[expect(clippy::cast_precision_loss, reason = "times are exact to the microsecond for centuries")]
    fn parse(stat: &str, ticks: u64, page: usize) -> Option<Self> {
        // the name of the program is in parentheses, and may hold spaces and parentheses
        let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
        // proc(5) counts from 1, and the first two are before these
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |of: u64| of as f64 / ticks as f64;
        Some(Self {
            cpu: seconds(field(14)? + field(15)?),
            threads: i64::try_from(field(20)?).ok()?,
            start: seconds(field(22)?),
            virtual_memory: i64::try_from(field(23)?).ok()?,
            resident_memory: i64::try_from(field(24)?.saturating_mul(page as u64)).ok()?,
        })
    }
}

/// When the machine was started, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

fn open_descriptors() -> Option<i64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    // without the one by which they are counted
    i64::try_from(open.saturating_sub(1)).ok()
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(process) = ProcessStat::read() else { return Ok(()) };
        let cpu = encoder.encode_descriptor(
            "process_cpu",
            "CPU time of the process.",
            Some(&Unit::Seconds),
            MetricType::Counter,
        )?;
        ConstCounter::new(process.cpu).encode(cpu)?;
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: Option<i64>| {
            let Some(value) = value else { return Ok(()) };
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        let bytes = Some(&Unit::Bytes);
        gauge("process_resident_memory", "Memory of the process in RAM.", bytes, Some(process.resident_memory))?;
        gauge("process_virtual_memory", "Address space of the process.", bytes, Some(process.virtual_memory))?;
        gauge("process_open_fds", "Open file descriptors.", None, open_descriptors())?;
        let most = getrlimit(Resource::Nofile).current.and_then(|most| i64::try_from(most).ok());
        gauge("process_max_fds", "Most open file descriptors.", None, most)?;
        gauge("process_threads", "Threads of the process.", None, Some(process.threads))?;
        let Some(boot) = boot_time() else { return Ok(()) };
        let start = encoder.encode_descriptor(
            "process_start_time",
            "When the process was started, since 1970.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        ConstGauge::new(boot + process.start).encode(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_found_behind_any_name() {
        let stat = "42 (a ) (b) S 1 42 42 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 7 0 1200 8192 3 18446744073709551615";
        let expected = ProcessStat { cpu: 3.0, threads: 7, start: 12.0, virtual_memory: 8192, resident_memory: 12288 };
        assert_eq!(ProcessStat::parse(stat, 100, 4096), Some(expected));
        for text in
            ["", "42 (a", "42 (a) S 1 2 3", "42 (a) S 1 42 42 0 -1 4194304 9 0 0 0 x 50 0 0 20 0 7 0 1200 8192 3"]
        {
            assert_eq!(ProcessStat::parse(text, 100, 4096), None, "{text}");
        }
    }

    #[test]
    fn this_process_has_lived_and_has_files() {
        let stat = ProcessStat::read().unwrap();
        assert!(stat.threads > 0 && stat.resident_memory > 1 << 20 && stat.virtual_memory >= stat.resident_memory);
        let started = boot_time().unwrap() + stat.start;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        // a machine whose clock was set since its boot is off by that
        assert!(started > 0.0 && started < now + 86_400.0, "{started} {now}");
        assert!(open_descriptors().unwrap() >= 3);
    }
}
