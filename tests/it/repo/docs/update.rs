//! Compares a page with the program, or brings the page up to date.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Tests run at the same time, and several may update one page.
static PAGES: Mutex<()> = Mutex::new(());

fn is_updating() -> bool {
    std::env::var("PORTCULLIS_DOCS").is_ok_and(|mode| mode == "update")
}

/// Fails if the page shows something else than `actual`, or replaces it in update mode. `documented` is a part of the page.
pub(super) fn settle(path: &str, documented: &str, actual: &str) {
    if documented == actual {
        return;
    }
    assert!(
        is_updating(),
        "{path} shows\n{documented}\nbut it is\n{actual}\n(PORTCULLIS_DOCS=update rewrites the page)"
    );
    let _guard = PAGES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(documented), "{path} changed while it was read");
    fs::write(file, text.replacen(documented, actual, 1)).unwrap();
}
