//! Signed checkpoints, and lines that are made without the key.

use super::{Log, marker, numbered, put, verified};
use crate::decision_log::checkpoint::{CheckpointKey, CheckpointSigner};
use crate::decision_log::marker::MarkerEvent;
use crate::decision_log::verify::Verifier;

/// A private key that can be used more than once.
struct SigningKey(rcgen::KeyPair);

impl SigningKey {
    fn new() -> Self {
        Self(rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
    }

    fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::from_pem(self.0.serialize_pem().as_bytes()).unwrap()
    }

    fn public(&self) -> CheckpointKey {
        CheckpointKey::from_pem(self.0.public_key_pem().as_bytes()).unwrap()
    }
}

/// Why the log is not what the holder of the key wrote; `None` if it is.
fn forgery(log: &Log, key: &SigningKey) -> Option<String> {
    let mut verifier = Verifier::with_keys(vec![key.public()]);
    let broken = log.lines().iter().find_map(|line| verifier.verify_line(line).err());
    broken.map(|why| why.to_string()).or_else(|| verifier.signatures().unsigned_end().map(|lines| lines.to_string()))
}

#[test]
fn checkpoints_prove_the_lines_before_them() {
    let key = SigningKey::new();
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open().signed_by(key.signer());
    put(&mut file, &numbered("abc", 1..=1500));
    let mut verifier = Verifier::with_keys(vec![key.public()]);
    log.lines().iter().for_each(|line| verifier.verify_line(line).unwrap());
    // after the first line, and after a thousand more
    assert_eq!((verifier.lines(), verifier.signatures().last_checkpoint()), (1502, Some((1003, 499))));
    assert_eq!(forgery(&log, &key), None);
    put(&mut file, &marker(MarkerEvent::Shutdown, "abc", 1500));
    assert!(log.lines().last().unwrap().contains("\"event\":\"checkpoint\""));
    assert_eq!((forgery(&log, &key), verified(&log).numbering().missing()), (None, 0));
    // read without a key, the lines are what they are
    assert_eq!((log.sound(), verified(&log).signatures().last_checkpoint()), (1504, None));
}

#[test]
fn one_who_makes_lines_without_the_key_is_found() {
    let key = SigningKey::new();
    let unsigned = Log::new(1 << 20, 1, true);
    put(&mut unsigned.open(), &numbered("abc", 1..=2));
    assert!(forgery(&unsigned, &key).unwrap().starts_with("the last 2 lines are not signed"));
    // signed by another
    let other = Log::new(1 << 20, 1, true);
    put(&mut other.open().signed_by(SigningKey::new().signer()), &numbered("abc", 1..=2));
    assert!(forgery(&other, &key).unwrap().starts_with("the checkpoint is not signed by the key"));
    // appended after the last checkpoint: more lines, a longer time or an end that the gateway would have signed
    for (added, count) in [
        (numbered("abd", 1..=1002), 1002),
        (numbered("abd", 1..=1).replace("T08:30", "T08:36"), 1),
        (marker(MarkerEvent::Shutdown, "abd", 0), 1),
        (marker(MarkerEvent::Heartbeat, "abd", 0), 1),
    ] {
        let log = Log::new(1 << 20, 1, true);
        put(&mut log.open().signed_by(key.signer()), &numbered("abc", 1..=1));
        assert_eq!(forgery(&log, &key), None);
        put(&mut log.open(), &added);
        let unsigned = forgery(&log, &key).unwrap();
        let last = if count == 1 { "the last line is".to_owned() } else { format!("the last {count} lines are") };
        assert!(unsigned.starts_with(&last), "{unsigned}");
    }
}

#[test]
fn a_checkpoint_follows_each_start_and_each_rotation_keeps_the_chain() {
    let (key, log) = (SigningKey::new(), Log::new(3000, 9, true));
    for run in ["abc", "abd", "abe"] {
        put(&mut log.open().signed_by(key.signer()), &(numbered(run, 1..=9) + &marker(MarkerEvent::Shutdown, run, 9)));
    }
    assert!(log.files().len() > 2, "{:?}", log.files());
    assert_eq!((forgery(&log, &key), log.sound()), (None, 36));
    assert_eq!(log.lines().iter().filter(|line| line.contains("checkpoint")).count(), 6);
}
