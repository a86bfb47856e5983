//! A request as the upstream received it, parsed leniently: like Go's `net/http`, and more leniently where that is strict.

/// A request as a lenient server reads it.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) method: String,
    pub(super) target: String,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Defects that strict servers refuse and lenient servers accept.
    pub(super) faults: Vec<&'static str>,
}

/// A parsed request with its length in bytes; `None` if it is incomplete.
pub(super) struct ParsedRequest {
    pub(super) length: Option<usize>,
    pub(super) arrival: Arrival,
}

enum Framing {
    Chunked,
    Length(usize),
}

/// Parses the first request of `bytes`; `None` if its head is incomplete.
// an incomplete body counts, since some servers act on a request before its body ends
pub(super) fn parse_request(bytes: &[u8]) -> Option<ParsedRequest> {
    // empty lines before a request are ignored, as RFC 9112, section 2.2 asks of servers
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let head = head_of(bytes.get(start..)?)?;
    let mut arrival = read_head(head);
    let begin = start + head.len();
    let rest = bytes.get(begin..).unwrap_or_default();
    let end = match framing(&mut arrival) {
        Framing::Chunked => unchunk(rest, &mut arrival.body),
        Framing::Length(length) => {
            arrival.body = rest.get(..length.min(rest.len())).unwrap_or_default().to_vec();
            (rest.len() >= length).then_some(length)
        }
    };
    Some(ParsedRequest { length: end.map(|end| begin + end), arrival })
}

/// The head with the empty line that ends it; lines may end with a bare line feed.
fn head_of(bytes: &[u8]) -> Option<&[u8]> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let empty = |rest: &[u8]| {
        let line = [&b"\r\n"[..], b"\n"].into_iter().find(|line| rest.starts_with(line));
        line.map(<[u8]>::len)
    };
    ends.filter_map(|at| Some(at + empty(bytes.get(at..)?)?)).find_map(|end| bytes.get(..end))
}

fn read_head(head: &[u8]) -> Arrival {
    let text = String::from_utf8_lossy(head);
    let mut faults = Vec::new();
    if text.matches('\n').count() != text.matches("\r\n").count() {
        faults.push("a bare line feed in the head");
    }
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    // split at any number of spaces, as lenient servers do
    let mut words = lines.next().unwrap_or_default().split(' ').filter(|word| !word.is_empty());
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(words.next(), Some("HTTP/1.0" | "HTTP/1.1")) {
        faults.push("a version other than HTTP/1.0 and HTTP/1.1");
    }
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        // obsolete line folding (RFC 9112, section 5.2), which some servers still unfold
        if let Some((_, value)) = fields.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
            faults.push("a folded line in the head");
            value.push_str(line);
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.trim() != name {
            faults.push("white space around the name of a header");
        }
        fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Arrival { method: method.to_owned(), target: target.to_owned(), fields, body: Vec::new(), faults }
}

impl Arrival {
    /// The values of all fields of this name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(found, _)| found == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }
}

fn framing(arrival: &mut Arrival) -> Framing {
    let codings = arrival.all("transfer-encoding").join(",").to_ascii_lowercase();
    let lengths: Vec<String> = arrival.all("content-length").into_iter().map(str::to_owned).collect();
    if !codings.is_empty() && codings != "chunked" {
        arrival.faults.push("a transfer coding other than chunked");
    }
    if !codings.is_empty() && !lengths.is_empty() {
        arrival.faults.push("both `Content-Length` and `Transfer-Encoding`");
    }
    if lengths.len() > 1 || lengths.iter().any(|length| length.bytes().any(|byte| !byte.is_ascii_digit())) {
        arrival.faults.push("more than one `Content-Length`, or one that is not a number");
    }
    // chunked wins over a length, as in Go; the defect is recorded above either way
    if codings.contains("chunked") {
        return Framing::Chunked;
    }
    let digits =
        // a sign or trailing text, which strict parsers refuse
        |text: &String| text.trim_start_matches('+').split(|it: char| !it.is_ascii_digit()).next()?.parse().ok();
    Framing::Length(lengths.iter().find_map(digits).unwrap_or_default())
}

/// Decodes a chunked body. Returns its length in bytes; `None` if it is incomplete.
fn unchunk(bytes: &[u8], body: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let line = rest.iter().position(|byte| *byte == b'\n')?;
        let size = String::from_utf8_lossy(rest.get(..line)?).into_owned();
        // prefixes that number parsers of some languages accept
        let size = size.trim().trim_start_matches("0x").trim_start_matches('+');
        let digits = size.split(|it: char| !it.is_ascii_hexdigit()).next().unwrap_or_default();
        let size = usize::from_str_radix(digits, 16).unwrap_or_default();
        at += line + 1;
        if size == 0 {
            let rest = bytes.get(at..)?;
            let end = head_of(rest).map(<[u8]>::len);
            return rest.starts_with(b"\r\n").then_some(at + 2).or_else(|| Some(at + end?));
        }
        let data = bytes.get(at..)?;
        // what there is of an incomplete chunk counts, as a server may act on it
        body.extend_from_slice(data.get(..size.min(data.len())).unwrap_or_default());
        at = at.checked_add(size)?;
        let rest = bytes.get(at..)?;
        at += [&b"\r\n"[..], b"\n"].into_iter().find(|line| rest.starts_with(line)).map_or(0, <[u8]>::len);
    }
}

#[cfg(test)]
mod tests {
    use super::parse_request;

    #[test]
    fn requests_are_taken_one_by_one_whatever_ends_their_lines() {
        let bytes = b"\r\nPATCH /a HTTP/1.1\nContent-Length: 2\n\n{}GET /b HTTP/1.1\r\n\r\n";
        let first = parse_request(bytes).unwrap();
        assert_eq!((first.arrival.method.as_str(), first.arrival.body.as_slice()), ("PATCH", &b"{}"[..]));
        assert_eq!(first.arrival.faults, ["a bare line feed in the head"]);
        let second = parse_request(&bytes[first.length.unwrap()..]).unwrap();
        assert_eq!((second.arrival.target.as_str(), second.length), ("/b", Some(19)));
    }

    #[test]
    fn half_a_body_counts() {
        let part = parse_request(b"PATCH /a HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}").unwrap();
        assert_eq!((part.length, part.arrival.body.as_slice()), (None, &b"{}"[..]));
        let chunks = parse_request(b"PATCH /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;a\r\n{}\r\n").unwrap();
        assert_eq!((chunks.length, chunks.arrival.body.as_slice()), (None, &b"{}"[..]));
        let whole = b"PATCH /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(parse_request(whole).unwrap().length, Some(whole.len()));
    }
}
