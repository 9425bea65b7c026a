//! Bytes to text, as CPython's tokenizer decides it: a byte order mark, PEP 263, else UTF-8.

use std::borrow::Cow;
use std::sync::Arc;

use encoding_rs::Encoding;

use crate::error::{SourceError, SourceErrorKind};

/// UTF-8's byte order mark.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// A text, and how its file spells it.
pub(crate) struct Decoded {
    pub(crate) content: String,
    pub(crate) encoding: Arc<str>,
    pub(crate) mark: bool,
}

/// What a declared name stands for.
enum Codec {
    Utf8,
    Ascii,
    Latin1,
    Other(&'static Encoding),
}

/// Decodes a source file; `path` is for the error.
pub(crate) fn decode(bytes: &[u8], path: &Arc<str>) -> Result<Decoded, SourceError> {
    let mark = bytes.starts_with(MARK);
    let body = if mark { &bytes[MARK.len()..] } else { bytes };
    let declared = declaration(body);
    let codec = match &declared {
        None => Codec::Utf8,
        Some((name, line)) => codec(name).filter(|codec| !mark || matches!(codec, Codec::Utf8)).ok_or_else(|| {
            let detail = if mark { format!("{name} with a UTF-8 byte order mark") } else { name.clone() };
            SourceError::whole(path, SourceErrorKind::UnknownEncoding, detail).at(*line, 1)
        })?,
    };
    let content = match &codec {
        Codec::Utf8 => String::from_utf8(body.to_vec()).map_err(|error| {
            let kind = if declared.is_some() { SourceErrorKind::NotDecodable } else { SourceErrorKind::NotUtf8 };
            undecodable(body, error.utf8_error().valid_up_to(), kind, path)
        })?,
        Codec::Ascii => {
            if let Some(at) = body.iter().position(|byte| !byte.is_ascii()) {
                return Err(undecodable(body, at, SourceErrorKind::NotDecodable, path));
            }
            String::from_utf8_lossy(body).into_owned()
        }
        Codec::Latin1 => encoding_rs::mem::decode_latin1(body).into_owned(),
        Codec::Other(encoding) => match encoding.decode_without_bom_handling_and_without_replacement(body) {
            Some(text) => text.into_owned(),
            None => return Err(undecodable(body, bad_byte(encoding, body), SourceErrorKind::NotDecodable, path)),
        },
    };
    let encoding = declared.map_or_else(|| Arc::from("utf-8"), |(name, _)| Arc::from(name));
    Ok(Decoded { content, encoding, mark })
}

/// The bytes that a text has in a file of this encoding; `None` where a character has no bytes there.
///
/// `encoding` and `mark` are those of the [`crate::Text`] that was read.
#[must_use]
pub fn encode<'text>(content: &'text str, encoding: &str, mark: bool) -> Option<Cow<'text, [u8]>> {
    let bytes = match codec(encoding)? {
        Codec::Utf8 => Cow::Borrowed(content.as_bytes()),
        Codec::Ascii => content.is_ascii().then_some(Cow::Borrowed(content.as_bytes()))?,
        Codec::Latin1 => {
            let bytes = content.chars().map(|char| u8::try_from(u32::from(char)).ok());
            Cow::Owned(bytes.collect::<Option<Vec<u8>>>()?)
        }
        Codec::Other(encoding) => {
            let (bytes, _, lossy) = encoding.encode(content);
            (!lossy).then_some(bytes)?
        }
    };
    Some(if mark { Cow::Owned([MARK, &bytes].concat()) } else { bytes })
}

/// The declared encoding and its line. CPython looks at the second line only when the first is blank or a comment.
fn declaration(bytes: &[u8]) -> Option<(String, u32)> {
    let (first, rest) = line(bytes);
    let (second, _) = line(rest);
    for (text, number) in [(first, 1), (second, 2)] {
        let text = text.trim_ascii_start();
        if let Some(comment) = text.strip_prefix(b"#") {
            if let Some(name) = cookie(comment) {
                return Some((name, number));
            }
        } else if !text.is_empty() {
            return None;
        }
    }
    None
}

/// The first line without its end, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else { return (bytes, &[]) };
    let rest = bytes[end..].strip_prefix(b"\r\n").unwrap_or(&bytes[end + 1..]);
    (&bytes[..end], rest)
}

/// `coding[:=][ \t]*([-_.a-zA-Z0-9]+)` in a comment.
fn cookie(comment: &[u8]) -> Option<String> {
    let mut rest = comment;
    loop {
        let at = rest.windows(6).position(|window| window == b"coding")?;
        rest = &rest[at + 6..];
        let Some(value) = rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"=")) else { continue };
        let name = value.trim_ascii_start();
        let named = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let name: Vec<u8> = name.iter().take_while(named).copied().collect();
        if !name.is_empty() {
            return String::from_utf8(name).ok();
        }
    }
}

/// Python's codec names in `encoding_rs`, which follows the web's.
fn codec(declared: &str) -> Option<Codec> {
    let name = declared.to_ascii_lowercase().replace('_', "-");
    let is = |plain: &str| name == plain || name.strip_prefix(plain).is_some_and(|rest| rest.starts_with('-'));
    if is("utf-8") || name == "utf8" || name == "u8" || name == "cp65001" {
        return Some(Codec::Utf8);
    }
    // The web reads these as windows-1252; Python does not.
    if is("latin-1")
        || is("iso-8859-1")
        || is("iso-latin-1")
        || matches!(&*name, "latin1" | "l1" | "iso8859-1" | "8859")
    {
        return Some(Codec::Latin1);
    }
    if matches!(&*name, "ascii" | "us-ascii" | "646") {
        return Some(Codec::Ascii);
    }
    let label = match &*name {
        "cp932" | "mskanji" | "ms-kanji" => "shift_jis".to_owned(),
        "cp936" | "ms936" => "gbk".to_owned(),
        "cp949" | "uhc" | "ms949" | "euckr" => "euc-kr".to_owned(),
        "cp950" | "big5-tw" => "big5".to_owned(),
        "eucjp" | "ujis" => "euc-jp".to_owned(),
        "mac-roman" | "macroman" => "macintosh".to_owned(),
        "mac-cyrillic" => "x-mac-cyrillic".to_owned(),
        other => match other.strip_prefix("cp125") {
            Some(page) => format!("windows-125{page}"),
            None => other.replace("iso8859-", "iso-8859-"),
        },
    };
    let encoding = Encoding::for_label(label.as_bytes())
        .or_else(|| Encoding::for_label(label.replace('-', "_").as_bytes()))
        .filter(|encoding| encoding.is_ascii_compatible() || *encoding == encoding_rs::ISO_2022_JP)?;
    Some(Codec::Other(encoding))
}

/// First byte of a sequence that `encoding` does not allow.
fn bad_byte(encoding: &'static Encoding, bytes: &[u8]) -> usize {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut chunk = [0_u8; 1024];
    let mut read = 0;
    loop {
        let (result, taken, _) = decoder.decode_to_utf8_without_replacement(&bytes[read..], &mut chunk, true);
        read += taken;
        match result {
            encoding_rs::DecoderResult::OutputFull => {}
            encoding_rs::DecoderResult::InputEmpty => return read,
            encoding_rs::DecoderResult::Malformed(bad, after) => {
                return read.saturating_sub(usize::from(bad) + usize::from(after));
            }
        }
    }
}

/// An error at a byte of the file. The column is left out: it would need the text that could not be made.
fn undecodable(bytes: &[u8], at: usize, kind: SourceErrorKind, path: &Arc<str>) -> SourceError {
    let before = &bytes[..at];
    let ends = before.iter().enumerate().filter(|&(index, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(index + 1) != Some(&b'\n'),
        _ => false,
    });
    let byte = bytes.get(at).copied().unwrap_or_default();
    let mut error = SourceError::whole(path, kind, format!("byte 0x{byte:02x} at offset {at}"));
    error.line = Some(ends.count() as u32 + 1);
    error
}
