//! What a range of a store holds, as it is handed out.

use js_sys::{Array, Float64Array};
use wasm_bindgen::prelude::*;

use crate::bindings::collect::Collector;
use crate::bindings::outcome;
use crate::codec::marks::{NEVER, expiry_of};
use crate::engine::access::{Attempt, Reads};
use crate::error::Result;
use crate::models::kv::{KeyRangeSpec, Kv, Scan};

/// The progress of a `KvPort::range`.
pub(super) struct Listing {
    what: u8,
    kv: Kv,
    scan: Scan,
    out: Collector,
    until_ms: Vec<f64>,
    counted: u64,
}

impl Listing {
    pub fn new(what: u8, kv: &Kv, spec: &KeyRangeSpec) -> Result<Self> {
        let scan = Scan::new(kv, spec)?;
        Ok(Self {
            what,
            kv: kv.clone(),
            scan: if what == 2 { scan.page() } else { scan },
            out: Collector::default(),
            until_ms: Vec::new(),
            counted: 0,
        })
    }

    pub fn step(&mut self, r: &mut dyn Reads) -> Attempt<JsValue> {
        let Self {
            what,
            kv,
            scan,
            out,
            until_ms,
            counted,
        } = self;
        let values = matches!(what, 1 | 2);
        scan.step(r, values, &mut |key, stored| {
            *counted += 1;
            match what {
                0 => out.string(kv.key_text(key)?.as_js()),
                3 => Ok(()),
                4 => {
                    until_ms.push(match expiry_of(stored) {
                        NEVER => f64::INFINITY,
                        at_ms => at_ms as f64,
                    });
                    out.string(kv.key_text(key)?.as_js())
                }
                _ => out.pair(kv.key_text(key)?.as_js(), stored),
            }
        })?;
        Ok(match what {
            3 => outcome::count(*counted)?,
            4 => {
                let both = Array::new();
                both.push(&out.finish()?);
                both.push(&Float64Array::from(&until_ms[..]));
                both.into()
            }
            _ => out.finish()?,
        })
    }
}
