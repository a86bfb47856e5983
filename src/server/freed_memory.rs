//! Gives freed memory back to the system after a peak.

use std::hint::black_box;
use std::time::Duration;

/// Pause between two rounds.
const INTERVAL: Duration = Duration::from_secs(5);

/// Bytes of a block that the allocator takes from the system and not from its pages.
const BLOCK: usize = 1024 * 1024;

/// Gives back what the thread that runs this has freed, for as long as it is polled.
// mimalloc gives back what has been free for a second, but it looks for that only when a large block is freed. A gateway that is
// idle after an attack frees none, and would keep all that the attack took
pub(super) async fn give_back() {
    loop {
        pingora_timeout::sleep(INTERVAL).await;
        drop(black_box(Vec::<u8>::with_capacity(BLOCK)));
    }
}
