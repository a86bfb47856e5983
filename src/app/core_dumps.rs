//! No core dumps: the memory of the process has credentials of callers and bodies with passwords.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Has the kernel write no core dump of this process, and lets no other process of the user read its memory.
// both: a handler of core dumps that is a pipe ignores the limit. A failure is no reason not to start
pub(super) fn forbid() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
