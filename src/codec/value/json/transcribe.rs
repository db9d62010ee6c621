//! Converts JSON text to the exact form without an intermediate tree, which would take thirty times the text.

use super::super::ExactWriter;
use super::number::parse_number;
use super::scan::{expect, malformed, skip_number, skip_string, skip_value};
use crate::codec::js_string::json::read_quoted;
use crate::error::Result;

/// Writes the value of a JSON text as one node.
///
/// # Errors
/// `Corrupt` if it is malformed, `NotStorable` if it is nested too deeply.
pub fn transcribe(text: &[u8], out: &mut ExactWriter) -> Result<()> {
    let mut rest = text;
    node(&mut rest, &mut counts(text)?.into_iter(), out)?;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(malformed())
    }
}

/// The number of items of each container, in the order in which they begin. The exact form puts it first.
fn counts(text: &[u8]) -> Result<Vec<u32>> {
    let mut counts = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' => {
                skip_string(&mut rest)?;
                continue;
            }
            b'[' | b'{' => {
                open.push(counts.len());
                counts.push(u32::from(!matches!(after.first(), Some(b']' | b'}'))));
            }
            b',' => {
                let innermost = open.last().and_then(|at| counts.get_mut(*at));
                *innermost.ok_or_else(malformed)? += 1;
            }
            b']' | b'}' => drop(open.pop()),
            _ => {}
        }
        rest = after;
    }
    Ok(counts)
}

fn node(
    rest: &mut &[u8],
    counts: &mut std::vec::IntoIter<u32>,
    out: &mut ExactWriter,
) -> Result<()> {
    match rest.first() {
        Some(b'"') => out.string(read_quoted(skip_string(rest)?)?.as_js()),
        Some(&open @ (b'[' | b'{')) => {
            let count = counts.next().ok_or_else(malformed)?;
            expect(rest, open)?;
            if open == b'[' {
                out.begin_array(count as usize)?;
            } else {
                out.begin_object(count as usize)?;
            }
            for at in 0..count {
                if at > 0 {
                    expect(rest, b',')?;
                }
                if open == b'{' {
                    out.key(read_quoted(skip_string(rest)?)?.as_js());
                    expect(rest, b':')?;
                }
                node(rest, counts, out)?;
            }
            expect(rest, if open == b'[' { b']' } else { b'}' })?;
            out.end();
        }
        Some(b'-' | b'0'..=b'9') => out.number(parse_number(skip_number(rest))?),
        Some(b'n') => {
            skip_value(rest)?;
            out.null();
        }
        _ => out.bool(skip_value(rest)? == b"true"),
    }
    Ok(())
}
