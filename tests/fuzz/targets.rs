//! The list of the decoders.

use super::{
    archives, contents, definitions, documents, queries, records, sealed, segments, texts, values,
};

/// A decoder.
pub struct Target {
    pub name: &'static str,
    /// A valid input.
    pub make: fn(&mut fastrand::Rng) -> Vec<u8>,
    /// Decodes, asserts what must hold of anything that decodes, and encodes it again; `None` when the
    /// input is refused.
    pub decode: fn(&[u8]) -> Option<Vec<u8>>,
    /// Makes the checks of a forged input right; nothing where there are none.
    pub seal: fn(&mut [u8]),
    /// Whether a check finds every cut and every flipped bit.
    pub checked: bool,
    /// What it may take of memory for each byte of the input.
    pub bytes_per_byte: usize,
}

impl Target {
    fn new(
        name: &'static str,
        make: fn(&mut fastrand::Rng) -> Vec<u8>,
        decode: fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Self {
        Self {
            name,
            make,
            decode,
            seal: |_| {},
            checked: false,
            bytes_per_byte: 64,
        }
    }

    fn sealed(self, seal: fn(&mut [u8])) -> Self {
        Self {
            seal,
            checked: true,
            ..self
        }
    }

    fn taking(self, bytes_per_byte: usize) -> Self {
        Self {
            bytes_per_byte,
            ..self
        }
    }
}

/// All of them.
pub fn all() -> Vec<Target> {
    // An empty run takes one byte where it is stored and a Vec in memory, a null one byte and a Value,
    // and what grows is there twice for a moment.
    let (lists, trees) = (150, 450);
    // A run of equal bytes is compressed 255 times, and decoded into cells that say where they are.
    let pages = 600;
    vec![
        Target::new("head", records::a_head, records::head).sealed(records::seal),
        Target::new("root", records::a_root, records::root)
            .sealed(records::seal)
            .taking(lists),
        Target::new("directory", records::a_directory, records::directory).sealed(records::seal),
        Target::new("frame", records::a_frame, records::frame)
            .sealed(records::seal)
            .taking(lists),
        // As of pages.
        Target::new("catalog", records::a_catalog, records::catalog_records).taking(pages),
        Target::new("piece", records::a_piece, records::piece).sealed(records::seal),
        Target::new("key table", sealed::a_table, sealed::table),
        Target::new("tags", records::some_tags, records::tag_list),
        Target::new("marks", segments::a_mark_list, segments::mark_list),
        Target::new("fields", records::some_fields, records::fields),
        Target::new("segment", segments::a_segment, segments::segment)
            .sealed(segments::seal)
            .taking(pages),
        Target::new("page", segments::a_page, segments::page).taking(8),
        Target::new("exact value", values::an_exact_value, values::exact).taking(trees),
        Target::new("json value", values::a_json_value, values::json).taking(trees),
        Target::new("sort key", values::a_sort_key, values::sort_key).taking(2 * trees),
        Target::new("two values", queries::two_values, queries::compared).taking(4 * trees),
        Target::new("document", documents::a_document, documents::document).taking(2 * trees),
        Target::new("end of a page", documents::an_end, documents::end).taking(trees),
        Target::new("data version", definitions::a_version, definitions::version),
        Target::new("definition", definitions::a_record, definitions::record).taking(lists),
        Target::new("index entry", definitions::an_entry, definitions::entry).taking(lists),
        Target {
            seal: archives::seal,
            ..Target::new("archive", archives::a_stream, archives::stream)
        },
        Target::new(
            "beginning of an archive",
            archives::a_beginning,
            archives::beginning,
        ),
        Target::new("end of an archive", archives::an_end, archives::end),
        // A run of equal bytes, again.
        Target::new("content of a chunk", archives::a_content, archives::content).taking(pages),
        Target::new("content", contents::a_content, contents::content),
        Target::new("time of a content", contents::a_time, contents::time),
        Target::new("tuple", texts::a_tuple, texts::tuple),
        Target::new("key of a model", texts::a_key, texts::key),
        Target::new("order", texts::an_order, texts::order),
        Target::new("json string", texts::a_quoted, texts::quoted),
        Target::new("wtf-8", texts::a_wtf8, texts::wtf8),
    ]
}
