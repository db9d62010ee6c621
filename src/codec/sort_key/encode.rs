//! Encodes stored values of either form in one pass, without a tree.

use crate::codec::js_string::{json::unescape_first, units};
use crate::codec::kinds::sort;
use crate::codec::value::exact::{Event, ExactReader};
use crate::codec::value::json::{
    expect, malformed, parse_number, skip_number, skip_string, skip_word,
};
use crate::codec::value::{Form, MAX_DEPTH};
use crate::error::Error;

/// Bytes of a key that are looked at before it is cut.
pub const MAX_ENCODED: usize = 256 << 10;

/// Why encoding ends early.
pub(super) enum Stop {
    /// What is there passes [`MAX_ENCODED`].
    Full,
    /// The value is malformed.
    Broken(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

pub(super) type Step<T = ()> = Result<T, Stop>;

/// The key of one value. What is in `out` only ever grows, so that it is full exactly where the whole key would be too long,
/// whatever the form.
#[derive(Default)]
pub(super) struct Encoder {
    pub out: Vec<u8>,
    depth: usize,
}

/// An element of a Set, an entry of a Map, a property: where it begins and ends in the output. Sorted by the bytes up to `middle`.
struct Part {
    from: usize,
    middle: usize,
    until: usize,
}

impl Encoder {
    /// Whether the value, at whose key this is, is one that is not cut but given up.
    pub fn is_container(&self) -> bool {
        self.out.first().is_some_and(|kind| *kind >= sort::ARRAY)
    }

    /// Encodes the one value.
    pub fn value(&mut self, form: Form<'_>) -> Step {
        match form {
            Form::Json(text) => {
                let mut rest = text;
                self.json(&mut rest)?;
                if !rest.is_empty() {
                    return Err(malformed().into());
                }
            }
            Form::Exact(node) => {
                let mut reader = ExactReader::new(node);
                let event = reader.next()?.ok_or_else(broken)?;
                self.exact(&mut reader, event)?;
                if reader.next()?.is_some() {
                    return Err(broken());
                }
            }
        }
        self.room().map(drop)
    }

    /// How many bytes may follow before it is full, at least one.
    pub fn room(&self) -> Step<usize> {
        match (MAX_ENCODED + 1).saturating_sub(self.out.len()) {
            0 => Err(Stop::Full),
            room => Ok(room),
        }
    }

    fn kind(&mut self, kind: u8) -> Step {
        self.out.push(kind);
        self.room().map(drop)
    }

    /// One byte of what is escaped.
    pub fn escaped(&mut self, byte: u8) {
        match byte {
            0 | 1 => self.out.extend([1, byte + 1]),
            _ => self.out.push(byte),
        }
    }

    /// Copies bytes up to one that `is_special`; the bytes from there.
    fn plain<'a>(&mut self, bytes: &'a [u8], is_special: fn(u8) -> bool) -> Step<&'a [u8]> {
        let ahead = bytes.get(..self.room()?).unwrap_or(bytes);
        let special = ahead.iter().position(|&byte| is_special(byte));
        let (plain, rest) = bytes.split_at(special.unwrap_or(ahead.len()));
        self.out.extend_from_slice(plain);
        Ok(rest)
    }

    fn content(&mut self, mut rest: &[u8]) -> Step {
        self.out.push(sort::BYTES);
        while !rest.is_empty() {
            rest = self.plain(rest, |byte| byte < 2)?;
            if let Some((&byte @ 0..2, after)) = rest.split_first() {
                self.escaped(byte);
                rest = after;
            }
        }
        self.kind(sort::END)
    }

    /// A text in WTF-8, as CESU-8 and without its end.
    pub fn text(&mut self, mut rest: &[u8]) -> Step {
        while !rest.is_empty() {
            rest = self.plain(rest, |byte| !matches!(byte, 2..0xF0))?;
            let Some((code, after)) = units::decode(rest) else {
                break;
            };
            match code {
                0 | 1 => self.escaped(code as u8),
                0x1_0000.. => {
                    let above = code - 0x1_0000;
                    units::encode(0xD800 | above >> 10, &mut self.out);
                    units::encode(0xDC00 | above & 0x3FF, &mut self.out);
                }
                _ => units::encode(code, &mut self.out),
            }
            rest = after;
        }
        Ok(())
    }

    /// A text as JSON has it, with its quotes.
    fn quoted(&mut self, text: &[u8]) -> Step {
        let inner = text.get(1..text.len().saturating_sub(1));
        let mut rest = inner.ok_or_else(malformed)?;
        let mut one = Vec::new();
        while !rest.is_empty() {
            // A character that this cuts in two begins behind what there is room for.
            let ahead = rest.get(..self.room()? + 3).unwrap_or(rest);
            let escape = ahead.iter().position(|&byte| byte == b'\\');
            let (plain, after) = rest.split_at(escape.unwrap_or(ahead.len()));
            self.text(plain)?;
            rest = after;
            if escape.is_some() {
                one.clear();
                rest = unescape_first(rest, &mut one)?;
                self.text(&one)?;
            }
        }
        self.kind(sort::END)
    }

    fn date(&mut self, time: f64) {
        // (-0 is 0.)
        let bits = (time + 0.0).to_bits();
        let sortable = match (time.is_nan(), time < 0.0) {
            (true, _) => 0,
            (false, true) => !bits,
            (false, false) => bits | 1 << 63,
        };
        self.out.push(sort::DATE);
        self.out.extend(sortable.to_be_bytes());
    }

    fn json(&mut self, rest: &mut &[u8]) -> Step {
        match rest.first() {
            Some(b'"') => {
                let text = skip_string(rest)?;
                self.out.push(sort::STRING);
                self.quoted(text)
            }
            Some(b'{') => self.json_object(rest),
            Some(b'[') => {
                self.begin(sort::ARRAY)?;
                expect(rest, b'[')?;
                let mut first = true;
                while rest.first() != Some(&b']') {
                    if !std::mem::take(&mut first) {
                        expect(rest, b',')?;
                    }
                    self.out.push(sort::ITEM);
                    self.json(rest)?;
                }
                expect(rest, b']')?;
                self.end()
            }
            Some(b'-' | b'0'..=b'9') => self.number(parse_number(skip_number(rest))?),
            Some(b't') => skip_word(rest, b"true").map(|_| self.kind(sort::TRUE))?,
            Some(b'f') => skip_word(rest, b"false").map(|_| self.kind(sort::FALSE))?,
            _ => skip_word(rest, b"null").map(|_| self.kind(sort::NULL))?,
        }
    }

    fn json_object(&mut self, rest: &mut &[u8]) -> Step {
        self.begin(sort::OBJECT)?;
        expect(rest, b'{')?;
        let mut parts = Vec::new();
        while rest.first() != Some(&b'}') {
            if !parts.is_empty() {
                expect(rest, b',')?;
            }
            let from = self.out.len();
            self.out.push(sort::NAME);
            let name = skip_string(rest)?;
            self.quoted(name)?;
            let middle = self.out.len();
            expect(rest, b':')?;
            self.json(rest)?;
            parts.push(self.part(from, middle));
        }
        expect(rest, b'}')?;
        self.names_first(parts)
    }

    fn exact(&mut self, reader: &mut ExactReader<'_>, event: Event<'_>) -> Step {
        match event {
            Event::Undefined => self.kind(sort::UNDEFINED),
            Event::Null => self.kind(sort::NULL),
            Event::Bool(false) => self.kind(sort::FALSE),
            Event::Bool(true) => self.kind(sort::TRUE),
            Event::Number(number) => self.number(number),
            Event::BigInt {
                negative,
                magnitude,
            } => self.bigint(negative, magnitude),
            Event::String(text) => {
                self.out.push(sort::STRING);
                self.text(text.as_bytes())?;
                self.kind(sort::END)
            }
            Event::Date(time) => {
                self.date(time);
                self.room().map(drop)
            }
            Event::Bytes(_, content)
            | Event::Blob { content, .. }
            | Event::File { content, .. } => self.content(content),
            Event::Attached(attached) => {
                self.out.push(sort::ATTACHED);
                self.out.extend(attached.id.0);
                self.room().map(drop)
            }
            Event::BlobRef(cited) => {
                self.out.push(sort::BLOB_REF);
                self.out.extend(cited.hash);
                self.room().map(drop)
            }
            Event::Array(_) => {
                self.begin(sort::ARRAY)?;
                while let Some(item) = item(reader)? {
                    self.out.push(sort::ITEM);
                    self.exact(reader, item)?;
                }
                self.end()
            }
            Event::Set(_) => self.unordered(reader, sort::SET),
            Event::Map(_) => self.unordered(reader, sort::MAP),
            Event::Object(_) => self.object(reader),
            Event::Key(_) | Event::End => Err(broken()),
        }
    }

    /// The elements of a Set, or the entries of a Map, sorted.
    fn unordered(&mut self, reader: &mut ExactReader<'_>, kind: u8) -> Step {
        self.begin(kind)?;
        let mut parts = Vec::new();
        while let Some(first) = item(reader)? {
            let from = self.out.len();
            self.out.push(sort::ITEM);
            self.exact(reader, first)?;
            if kind == sort::MAP {
                let second = reader.next()?.ok_or_else(broken)?;
                self.exact(reader, second)?;
            }
            parts.push(self.part(from, self.out.len()));
        }
        let (start, was) = self.sort(&mut parts);
        for part in &parts {
            self.out.extend(slice(&was, start, part.from, part.until));
        }
        self.end()
    }

    fn object(&mut self, reader: &mut ExactReader<'_>) -> Step {
        self.begin(sort::OBJECT)?;
        let mut parts = Vec::new();
        while let Some(name) = item(reader)? {
            let Event::Key(name) = name else {
                return Err(broken());
            };
            let value = reader.next()?.ok_or_else(broken)?;
            if value == Event::Undefined {
                continue;
            }
            let from = self.out.len();
            self.out.push(sort::NAME);
            self.text(name.as_bytes())?;
            self.kind(sort::END)?;
            let middle = self.out.len();
            self.exact(reader, value)?;
            parts.push(self.part(from, middle));
        }
        self.names_first(parts)
    }

    /// Puts the properties of an object in order: first all names, then all values.
    fn names_first(&mut self, mut parts: Vec<Part>) -> Step {
        let (start, was) = self.sort(&mut parts);
        for part in &parts {
            self.out.extend(slice(&was, start, part.from, part.middle));
        }
        self.out.push(sort::END);
        for part in &parts {
            self.out.extend(slice(&was, start, part.middle, part.until));
        }
        self.depth -= 1;
        self.room().map(drop)
    }

    /// Sorts the parts and takes their bytes out: these, and where they began.
    fn sort(&mut self, parts: &mut [Part]) -> (usize, Vec<u8>) {
        let start = parts.first().map_or(self.out.len(), |part| part.from);
        let was = self.out.split_off(start);
        parts.sort_by(|a, b| {
            let bytes = |part: &Part| slice(&was, start, part.from, part.middle);
            bytes(a).cmp(bytes(b))
        });
        (start, was)
    }

    fn part(&self, from: usize, middle: usize) -> Part {
        Part {
            from,
            middle,
            until: self.out.len(),
        }
    }

    fn begin(&mut self, kind: u8) -> Step {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(broken());
        }
        self.kind(kind)
    }

    fn end(&mut self) -> Step {
        self.depth -= 1;
        self.kind(sort::END)
    }
}

/// The next element of the innermost container; `None` at its end.
fn item<'a>(reader: &mut ExactReader<'a>) -> Step<Option<Event<'a>>> {
    match reader.next()? {
        Some(Event::End) => Ok(None),
        Some(event) => Ok(Some(event)),
        None => Err(broken()),
    }
}

/// What stood there when the bytes `was` began at `start`.
fn slice(was: &[u8], start: usize, from: usize, until: usize) -> &[u8] {
    was.get(from - start..until - start).unwrap_or_default()
}

fn broken() -> Stop {
    Stop::Broken(Error::corrupt("a stored value is malformed"))
}
