//! `--curl`: the request that a `curl` command line would send, without sending it.

use super::input::{MOST_BYTES, header_of, read};
use super::shell_words::{self, ShellCommand};
use crate::cli::exit::CommandError;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use std::path::Path;

/// Options that change nothing of the request.
const IDLE: [&str; 26] = [
    "-k",
    "--insecure",
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-i",
    "--include",
    "--show-headers",
    "-v",
    "--verbose",
    "-f",
    "--fail",
    "--fail-with-body",
    "-L",
    "--location",
    "-N",
    "--no-buffer",
    "-#",
    "--progress-bar",
    "--no-progress-meter",
    "--compressed",
    "--http1.1",
    "--http2",
    "-4",
    "-6",
];

/// Options with a value that change nothing of the request.
const IDLE_WITH_VALUE: [&str; 9] =
    ["-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout", "--retry", "--cacert"];

/// The options that were read so far.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of `curl`")]
struct CurlCommand {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<String>,
    /// What `-d` and its like give, joined.
    data: Option<Vec<u8>>,
    is_json: bool,
    authorization: Option<&'static str>,
    to_query: bool,
    head_only: bool,
    /// Whether brackets and braces in the URL are no patterns.
    is_literal: bool,
}

/// The request that `command` would send (`-`: the command on standard input), with notes on how it was read.
pub(super) fn request(command: &str) -> Result<(Request<Bytes>, Vec<&'static str>), CommandError> {
    let text = match command {
        "-" => String::from_utf8(read(Path::new("-"), "--curl")?).map_err(|_| wrong("the command is not UTF-8"))?,
        written => written.to_owned(),
    };
    let ShellCommand { words, has_more, has_variables } = shell_words::command(&text).map_err(wrong)?;
    let notes = [
        (has_variables, "the command has shell variables or commands in it, which were taken verbatim"),
        (has_more, "the command was read up to the first shell operator outside of quotes, such as `|`, `>` or `&`"),
    ];
    let notes = notes.into_iter().filter_map(|(is_so, note)| is_so.then_some(note)).collect();
    Ok((parse(words.into_iter())?.request()?, notes))
}

fn wrong(message: impl Into<String>) -> CommandError {
    CommandError::Usage(format!("`--curl`: {}", message.into()))
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<CurlCommand, CommandError> {
    // a shell sets variables for the command that are written before it
    let program = words.find(|word| !is_assignment(word));
    // the file name: a pasted line may have the path of the program
    if program.is_none_or(|word| Path::new(&word).file_name().is_none_or(|name| name != "curl")) {
        return Err(wrong("the command does not begin with `curl`"));
    }
    let mut command = CurlCommand::default();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            command.address(word)?;
        } else if word.starts_with("--") {
            command.option(&word, &mut || words.next())?;
        } else {
            command.cluster(&word, &mut words)?;
        }
    }
    Ok(command)
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

impl CurlCommand {
    fn address(&mut self, url: String) -> Result<(), CommandError> {
        if self.url.replace(url).is_some() {
            return Err(wrong("more than one URL, or a word without its option"));
        }
        Ok(())
    }

    /// Short options written together, such as `-sXPATCH`: the first with a value has the rest for it.
    fn cluster(&mut self, word: &str, words: &mut impl Iterator<Item = String>) -> Result<(), CommandError> {
        let mut letters = word.chars().skip(1);
        while let Some(letter) = letters.next() {
            let rest: String = letters.clone().collect();
            let mut took_rest = false;
            self.option(&format!("-{letter}"), &mut || {
                took_rest = !rest.is_empty();
                if took_rest { Some(rest.clone()) } else { words.next() }
            })?;
            if took_rest {
                break;
            }
        }
        Ok(())
    }

    fn option(&mut self, name: &str, value: &mut dyn FnMut() -> Option<String>) -> Result<(), CommandError> {
        let mut value = || value().ok_or_else(|| wrong(format!("`{name}` lacks its value")));
        match name {
            "-X" | "--request" => self.method = Some(value()?),
            "--url" => self.address(value()?)?,
            "-H" | "--header" => self.headers.push(value()?),
            "-A" | "--user-agent" => self.headers.push(format!("user-agent: {}", value()?)),
            "-e" | "--referer" => self.headers.push(format!("referer: {}", value()?)),
            "-b" | "--cookie" => self.cookie(&value()?)?,
            "-u" | "--user" => {
                value()?;
                // user and password are not read: all that matters is that they are no key
                self.authorization = Some("Basic -");
            }
            "-d" | "--data" | "--data-ascii" => self.data(&value()?, Data::Lines)?,
            "--data-binary" => self.data(&value()?, Data::Bytes)?,
            "--data-raw" => self.data(&value()?, Data::Raw)?,
            "--json" => {
                self.is_json = true;
                self.data(&value()?, Data::Json)?;
            }
            "-G" | "--get" => self.to_query = true,
            "-g" | "--globoff" => self.is_literal = true,
            "-I" | "--head" => self.head_only = true,
            _ if IDLE.contains(&name) => {}
            _ if IDLE_WITH_VALUE.contains(&name) => drop(value()?),
            // what follows `=` or a letter could be a value
            _ => {
                let name = name.split('=').next().unwrap_or_default().escape_default();
                return Err(wrong(format!("`{name}` is an option that is not read here")));
            }
        }
        Ok(())
    }

    fn cookie(&mut self, value: &str) -> Result<(), CommandError> {
        if !value.contains('=') {
            return Err(wrong("`-b` with a file of cookies is not read here"));
        }
        self.headers.push(format!("{COOKIE}: {value}"));
        Ok(())
    }

    fn data(&mut self, value: &str, kind: Data) -> Result<(), CommandError> {
        let mut given = match value.strip_prefix('@').filter(|_| kind != Data::Raw) {
            Some(file) => read(Path::new(file), "--curl")?,
            None => value.as_bytes().to_vec(),
        };
        // `curl` strips line breaks and NUL from a file that `-d` names
        if kind == Data::Lines && value.starts_with('@') {
            given.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
        }
        if self.data.as_ref().map_or(0, Vec::len) + given.len() > MOST_BYTES {
            return Err(wrong(format!(
                "the data is longer than {} MiB, which no request to explain is",
                MOST_BYTES >> 20
            )));
        }
        match &mut self.data {
            Some(data) => {
                // `curl` joins the values of several `-d` by `&`, those of several `--json` by nothing
                if kind != Data::Json {
                    data.push(b'&');
                }
                data.extend_from_slice(&given);
            }
            None => self.data = Some(given),
        }
        Ok(())
    }

    fn request(mut self) -> Result<Request<Bytes>, CommandError> {
        let url = self.url.take().ok_or_else(|| wrong("there is no URL"))?;
        let (host, mut target) = split(&url)?;
        // brackets in the host are those of an IPv6 address
        let is_pattern = target.contains(['[', ']', '{', '}']) || host.contains(['{', '}']);
        if is_pattern && !self.is_literal {
            return Err(wrong(
                "`curl` makes several requests of a URL with `[...]` or `{...}`; give `-g` if it does not",
            ));
        }
        let data = self.data.take();
        let query = data.as_ref().filter(|_| self.to_query);
        if let Some(query) = query {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&String::from_utf8_lossy(query));
        }
        let body = data.filter(|_| !self.to_query);
        let method = match (&self.method, self.head_only, &body) {
            (Some(method), ..) => method,
            (None, true, _) => "HEAD",
            (None, false, Some(_)) => "POST",
            (None, false, None) => "GET",
        };
        let uri: Uri = target.parse().map_err(|_| wrong("the URL is none"))?;
        let mut request =
            Request::builder().method(method).uri(uri).body(Bytes::new()).map_err(|_| wrong("`-X` is not a method"))?;
        *request.headers_mut() = self.headers(&host, body.is_some())?;
        *request.body_mut() = body.unwrap_or_default().into();
        Ok(request)
    }

    /// What `curl` sends by itself, with what `-H` adds, replaces (`Name: value`) and takes away (`Name:`).
    fn headers(&self, host: &str, has_body: bool) -> Result<HeaderMap, CommandError> {
        let own = [
            (HOST, Some(host)),
            (USER_AGENT, Some("curl")),
            (ACCEPT, Some(if self.is_json { "application/json" } else { "*/*" })),
            (CONTENT_TYPE, has_body.then_some(if self.is_json { "application/json" } else { FORM })),
            (AUTHORIZATION, self.authorization),
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            headers.insert(name, HeaderValue::try_from(value).map_err(|_| wrong("the URL's host is none"))?);
        }
        let mut given: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for text in &self.headers {
            // `Name;` is how `curl` spells a header with an empty value
            let emptied = text.strip_suffix(';').filter(|name| !name.contains(':')).map(|name| format!("{name}:"));
            let is_emptied = emptied.is_some();
            let (name, value) =
                header_of(emptied.as_ref().unwrap_or(text)).ok_or_else(|| wrong("`-H` is not `Name: value`"))?;
            headers.remove(&name);
            if is_emptied || !value.is_empty() {
                given.push((name, value));
            }
        }
        headers.extend(given);
        Ok(headers)
    }
}

/// The media type that `curl` sends for data by default.
const FORM: &str = "application/x-www-form-urlencoded";

/// How data is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    /// Without the line breaks of a file.
    Lines,
    /// As it is.
    Bytes,
    /// As it is, and not the name of a file.
    Raw,
    /// As it is, and not joined to what was before by `&`.
    Json,
}

/// The host of a URL, and what is behind it, as far as it is sent.
fn split(url: &str) -> Result<(String, String), CommandError> {
    let rest = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return Err(wrong("the URL is neither http nor https")),
        // `curl` guesses http if a URL has no scheme
        None => url,
    };
    // a fragment is never sent (RFC 9110 section 7.1)
    let rest = rest.split('#').next().unwrap_or_default();
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(at);
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || authority.contains('@') {
        return Err(wrong("the URL has no host, or a user before it, which is not read here"));
    }
    // a query without a path is sent with the path `/`
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let path = target.split('?').next().unwrap_or_default();
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(wrong("`curl` takes `.` and `..` out of a path before it sends it; write the path that is left"));
    }
    Ok((host.to_owned(), target))
}
