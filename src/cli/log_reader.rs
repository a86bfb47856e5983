//! Opens a decision log to read: plain, compressed with gzip, or standard input. The one place where commands open one.

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;
/// The first byte of gzip (RFC 1952), with which no line of JSON begins.
const GZIP: u8 = 0x1f;
/// The end of the name of a compressed file.
const ENDING: &str = ".gz";

/// The text of a log. Compressed data that is damaged or cut off ends the text there, as the end of a plain file that is cut off
/// does; [`LogReader::damage`] reports it.
pub(super) struct LogReader(LogSource);

enum LogSource {
    Plain(Box<dyn BufRead>),
    Gzip(Box<BufReader<UntilDamage>>),
}

/// Decompressed bytes up to the first that cannot be decompressed.
struct UntilDamage {
    decoder: MultiGzDecoder<Box<dyn BufRead>>,
    damage: Option<&'static str>,
}

impl LogReader {
    /// Opens `file`; `-` is standard input.
    pub(super) fn open(file: &Path) -> io::Result<Self> {
        let mut bytes: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::with_capacity(BUFFER, File::open(file)?))
        };
        // by its first byte and not by its name: standard input has none, and files are renamed
        let is_gzip = bytes.fill_buf()?.first() == Some(&GZIP);
        if !is_gzip {
            return Ok(Self(LogSource::Plain(bytes)));
        }
        // several members: files that were put together with `cat`
        let decoder = MultiGzDecoder::new(bytes);
        Ok(Self(LogSource::Gzip(Box::new(BufReader::with_capacity(BUFFER, UntilDamage { decoder, damage: None })))))
    }

    /// Why the text ended before its end, once it was read so far.
    pub(super) fn damage(&self) -> Option<&'static str> {
        match &self.0 {
            LogSource::Plain(_) => None,
            LogSource::Gzip(text) => text.get_ref().damage,
        }
    }
}

impl Read for UntilDamage {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        self.damage = match self.decoder.read(buffer) {
            // the kinds by which the decoder reports data that is no gzip; others are of the file
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Some("its compressed data is cut off"),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                Some("its compressed data is damaged")
            }
            read => return read,
        };
        Ok(0)
    }
}

impl Read for LogReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            LogSource::Plain(text) => text.read(buffer),
            LogSource::Gzip(text) => text.read(buffer),
        }
    }
}

impl BufRead for LogReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.0 {
            LogSource::Plain(text) => text.fill_buf(),
            LogSource::Gzip(text) => text.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match &mut self.0 {
            LogSource::Plain(text) => text.consume(amount),
            LogSource::Gzip(text) => text.consume(amount),
        }
    }
}

/// `files` without those that are there in compressed form, too.
// the gateway removes a file only after its compressed form is on the disk: between the two, `decisions.jsonl*` has both
pub(super) fn without_copies(files: &[PathBuf]) -> Vec<PathBuf> {
    let has_copy = |file: &PathBuf| {
        let mut name = file.clone().into_os_string();
        name.push(ENDING);
        files.contains(&PathBuf::from(name))
    };
    files.iter().filter(|file| !has_copy(file)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::{LogReader, without_copies};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::fs;
    use std::io::{BufRead as _, Read as _, Write as _};
    use std::path::PathBuf;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Option<&'static str>) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log");
        fs::write(&file, bytes).expect("a file");
        let mut reader = LogReader::open(&file).expect("a log");
        let lines = reader.by_ref().lines().map(|line| line.expect("UTF-8")).collect();
        (lines, reader.damage())
    }

    #[test]
    fn a_log_reads_alike_whether_it_is_compressed_or_not() {
        let text: String = (0..50_000).map(|number| format!("{{\"number\":{number}}}\n")).collect();
        let expected: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(read(text.as_bytes()), (expected.clone(), None));
        assert_eq!(read(&gzip(&text)), (expected.clone(), None));
        let (first, second) = text.split_at(text.len() / 2);
        assert_eq!(read(&[gzip(first), gzip(second)].concat()), (expected, None));
        assert_eq!(read(b""), (Vec::new(), None));
    }

    #[test]
    fn what_is_before_the_damage_is_read() {
        let text: String = (0..50_000).map(|number| format!("{{\"number\":{number}}}\n")).collect();
        let whole = gzip(&text);
        let (lines, damage) = read(&whole[..whole.len() / 2]);
        assert!(lines.len() > 1_000 && lines[1_000] == r#"{"number":1000}"#, "{}", lines.len());
        assert_eq!(damage, Some("its compressed data is cut off"));
        let mut odd = whole.clone();
        let middle = odd.len() / 2;
        odd[middle..middle + 64].fill(0xff);
        let (lines, damage) = read(&odd);
        assert!(lines.len() > 1_000 && damage.is_some(), "{}", lines.len());
        let end = odd.len() - 8;
        let mut odd = whole;
        odd[end] ^= 1;
        assert_eq!(read(&odd).1, Some("its compressed data is damaged"), "a checksum that does not match");
        assert_eq!(read(b"\x1f\x8bnonsense").0.len(), 0);
    }

    #[test]
    fn a_file_and_its_compressed_form_are_read_once() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let all = files(&["a", "a.1", "a.1.gz", "a.2.gz", "-"]);
        assert_eq!(without_copies(&all), files(&["a", "a.1.gz", "a.2.gz", "-"]));
    }
}
