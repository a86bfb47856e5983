//! The memory limit of the container that this process is in, from its control groups.

use std::fs;
use std::path::{Path, PathBuf};

/// Limits from which on there is none: the kernel writes the largest multiple of a page below 2^63 for no limit in version 1.
const UNLIMITED: u64 = 1 << 60;

/// The memory limit in bytes of the control group of this process, or of the nearest one above it. `None` if there is none.
pub fn memory_limit() -> Option<usize> {
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = least_limit(&membership, Path::new("/sys/fs/cgroup"), &|file| fs::read_to_string(file).ok());
    limit.and_then(|limit| usize::try_from(limit).ok())
}

/// The least limit among the groups of `membership` (the text of `/proc/self/cgroup`) and those above them, below `root`.
fn least_limit(membership: &str, root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = membership.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, group) = (parts.next()?, parts.next()?, parts.next()?);
        let group = Path::new(group.trim_start_matches('/'));
        if controllers.is_empty() {
            return Some((root.to_owned(), group.to_owned(), "memory.max"));
        }
        let has_memory = controllers.split(',').any(|controller| controller == "memory");
        has_memory.then(|| (root.join("memory"), group.to_owned(), "memory.limit_in_bytes"))
    });
    let limits = groups.flat_map(|(root, group, file)| {
        // each group above counts, too. In a namespace of its own the group is the root, or a path that is not mounted
        let above: Vec<PathBuf> = group.ancestors().map(|group| root.join(group).join(file)).collect();
        above.into_iter().filter_map(|file| read(&file)?.trim().parse::<u64>().ok())
    });
    limits.filter(|limit| *limit < UNLIMITED).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(membership: &str, files: &[(&str, &str)]) -> Option<u64> {
        least_limit(membership, Path::new("/c"), &|asked| {
            files.iter().find(|(file, _)| Path::new(file) == asked).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_least_limit_of_the_group_and_those_above_it_counts() {
        let nested = [("/c/a/b/memory.max", "max\n"), ("/c/a/memory.max", "1000\n"), ("/c/memory.max", "4000\n")];
        assert_eq!(limit("0::/a/b\n", &nested), Some(1000));
        assert_eq!(limit("0::/\n", &[("/c/memory.max", "4000")]), Some(4000));
        assert_eq!(limit("0::/../other\n", &[("/c/memory.max", "4000")]), Some(4000));
    }

    #[test]
    fn version_1_is_read_and_its_word_for_no_limit() {
        let membership = "5:cpu,cpuacct:/x\n4:memory:/docker/1\n0::/\n";
        let file = "/c/memory/docker/1/memory.limit_in_bytes";
        assert_eq!(limit(membership, &[(file, "2000\n")]), Some(2000));
        assert_eq!(limit(membership, &[(file, "9223372036854771712\n")]), None);
        assert_eq!(limit("", &[]), None);
    }
}
