//! A secret, and the disguises in which it could still leave.

use std::collections::HashMap;

/// A part of a secret so long is as good as the secret.
const WINDOW: usize = 8;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Every form of `secret` as a whole, the ones in which requests carry it.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<String>();
    let base64 = base64(secret.as_bytes());
    vec![
        secret.to_owned(),
        secret.to_lowercase(),
        secret.to_uppercase(),
        secret.chars().rev().collect(),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
        each(|byte| format!("\\u{{{byte:x}}}")),
        base64.replace('+', "-").replace('/', "_"),
        base64,
    ]
}

/// Finds parts of many secrets, in any disguise, in one pass over a text.
pub(super) struct Finder {
    /// The begin of a part, the rest of it, and whose it is.
    parts: HashMap<[u8; WINDOW], Vec<(Vec<u8>, usize)>>,
}

impl Finder {
    pub(super) fn of<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let mut finder = Self { parts: HashMap::new() };
        for (whose, secret) in secrets.enumerate() {
            for window in secret.as_bytes().windows(WINDOW) {
                let window = std::str::from_utf8(window).expect("ASCII");
                // but those in base64, which have no begin of their own: see below
                forms(window).iter().take(10).for_each(|form| finder.add(form, whose));
            }
            for shift in 0..3 {
                // the letters that the secret alone decides, wherever it lies in what was encoded
                let encoded = base64(&[&vec![0; shift], secret.as_bytes()].concat());
                let known = &encoded.as_bytes()[(shift * 4).div_ceil(3)..(shift + secret.len()) * 4 / 3];
                // of eight bytes ten letters tell, wherever they lie
                for window in known.windows(WINDOW + 2) {
                    let window = std::str::from_utf8(window).expect("ASCII");
                    finder.add(window, whose);
                    finder.add(&window.replace('+', "-").replace('/', "_"), whose);
                }
            }
        }
        finder
    }

    fn add(&mut self, part: &str, whose: usize) {
        let (begin, rest) = part.as_bytes().split_at(WINDOW);
        self.parts.entry(begin.try_into().expect("eight")).or_default().push((rest.to_vec(), whose));
    }

    /// Where `text` holds a part of a secret, and whose.
    pub(super) fn find(&self, text: &str) -> Option<(usize, usize)> {
        text.as_bytes().windows(WINDOW).enumerate().find_map(|(at, window)| {
            let parts = self.parts.get(window)?;
            let after = &text.as_bytes()[at + WINDOW..];
            parts.iter().find(|(rest, _)| after.starts_with(rest)).map(|(_, whose)| (at, *whose))
        })
    }
}

fn base64(bytes: &[u8]) -> String {
    let groups = bytes.chunks(3).map(|group| {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        let letters = (0..=group.len()).map(|place| char::from(BASE64[bits >> (18 - 6 * place) & 63]));
        letters.collect::<String>()
    });
    groups.collect()
}

#[test]
fn a_part_is_found_in_every_disguise_and_nothing_else_is() {
    let secret = "Zq7kWm2xVt9hRj4nLp8c";
    let finder = Finder::of(["1111111111111111111X", secret].into_iter());
    for form in forms(secret) {
        assert_eq!(finder.find(&format!("...{form}...")), Some((3, 1)), "{form}");
    }
    for before in ["", "a", "ab"] {
        assert!(finder.find(&base64(format!("{before}{secret}and more").as_bytes())).is_some());
    }
    let part = |length: usize| secret.chars().skip(5).take(length).collect::<String>();
    assert_eq!(finder.find(&format!("a {} b", part(8))), Some((2, 1)));
    assert_eq!(finder.find(&part(7)), None);
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
}
