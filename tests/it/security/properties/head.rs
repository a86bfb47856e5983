//! A head that hyper gets to read says in one way how far its body goes, to whoever reads it.

use portcullis::head::{BodyFraming, examine};

/// Holds for any bytes.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(Some(head)) = examine(bytes, 32_768) else { return };
    let text = String::from_utf8_lossy(bytes.get(..head.length).expect("a head within the bytes"));
    assert!(text.ends_with("\r\n\r\n"), "a head that does not end");
    // a lenient server takes either character for the end of a line
    let lines = text.split(['\r', '\n']).skip(1).filter(|line| !line.is_empty());
    let framings: Vec<(bool, &str)> = lines.filter_map(framing).collect();
    match (framings.as_slice(), head.framing) {
        ([], BodyFraming::Length(0)) => {}
        ([(false, length)], BodyFraming::Length(ours)) => {
            assert_eq!(length.parse(), Ok(ours), "another length");
            assert!(length.bytes().all(|byte| byte.is_ascii_digit()), "a length that is no number to some");
        }
        ([(true, coding)], BodyFraming::Chunked) => assert!(coding.eq_ignore_ascii_case("chunked"), "another coding"),
        (found, ours) => panic!("{found:?} was read as {ours:?}"),
    }
}

/// Whether a line frames the body in chunks, and what it says; none where it is no framing. Blanks around a name count for
/// nothing, nor does its case.
fn framing(line: &str) -> Option<(bool, &str)> {
    let (name, value) = line.split_once(':')?;
    match name.trim().to_ascii_lowercase().as_str() {
        "transfer-encoding" => Some((true, value.trim())),
        "content-length" => Some((false, value.trim())),
        _ => None,
    }
}
