//! What a plain list answers, for tests over whatever keyspace.

use bytes::Bytes;
use std::cmp::Ordering;
use std::rc::Rc;

use super::planned_testing::Question;
use super::projection::Projection;
use super::{After, Collection, FindSpec, Mark, Query};
use crate::codec::js_string::JsString;
use crate::codec::order::Order as Place;
use crate::codec::value::compare::{equal, order};
use crate::codec::value::testing::stored;
use crate::codec::value::{Form, Value};
use crate::models::query::Path;

/// Documents with their places, in order.
pub struct Listed(pub Vec<(Place, Bytes)>);

/// A question about documents that are there, and the answer.
pub struct Asked {
    pub query: Query,
    pub spec: FindSpec,
    sort: Vec<(&'static str, bool)>,
    shown: Vec<(Place, Bytes)>,
}

/// What was found.
pub struct Found {
    pub docs: Vec<Bytes>,
    pub places: Vec<Place>,
    pub mark: Option<Mark>,
}

impl Listed {
    fn value(&self, doc: &[u8], field: &str) -> Value {
        let found = Path::from(&field.into()).find(Form::of(doc).unwrap());
        let found = found.unwrap().map(Value::of_form);
        found.transpose().unwrap().unwrap_or(Value::Undefined)
    }

    fn key(&self, doc: &[u8], sort: &[(&str, bool)]) -> Vec<Value> {
        let fields = sort.iter();
        fields.map(|(field, _)| self.value(doc, field)).collect()
    }

    /// What a plain list gives.
    fn expected(
        &self,
        query: &Query,
        sort: &[(&str, bool)],
        after: Option<&(Vec<Value>, Place)>,
    ) -> Vec<(Place, Bytes)> {
        let matching = self.0.iter();
        let matching = matching.filter(|(_, doc)| query.matches(doc).unwrap());
        let mut all: Vec<_> = matching.cloned().collect();
        let compared = |a: &[Value], b: &[Value]| {
            let mut orders = a.iter().zip(b).zip(sort).map(|((a, b), (_, down))| {
                let order = order(a, b);
                if *down { order.reverse() } else { order }
            });
            orders
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        all.sort_by(|(x, a), (y, b)| {
            compared(&self.key(a, sort), &self.key(b, sort)).then(x.cmp(y))
        });
        if let Some((key, at)) = after {
            all.retain(|(place, doc)| {
                compared(&self.key(doc, sort), key)
                    .then(place.cmp(at))
                    .is_gt()
            });
        }
        all
    }
    /// What a plain list answers.
    pub fn ask(&self, question: &Question) -> Asked {
        let Question {
            skip, limit, page, ..
        } = *question;
        let sort = question.sort.clone();
        let query = Query::compile(&stored(&question.query, true), Rc::new(())).unwrap();
        let whole = self.expected(&query, &sort, None);
        let after = question.after.and_then(|(at, of_result, by_mark)| {
            let among = if of_result { &whole } else { &self.0 };
            let (place, doc) = among.get(at.index(among.len().max(1)))?.clone();
            Some((place, doc, by_mark))
        });
        let behind = after
            .as_ref()
            .map(|(place, doc, _)| (self.key(doc, &sort), *place));
        let shown = self.expected(&query, &sort, behind.as_ref()).into_iter();
        let most = limit.map_or(usize::MAX, |limit| limit as usize);
        let shown = shown.skip(skip as usize).take(most).collect();
        let after = after.map(|(place, doc, by_mark)| {
            let values = self.key(&doc, &sort);
            let mark = by_mark.then(|| Mark {
                place,
                floor: place,
                values: values.clone(),
            });
            let id = match mark {
                Some(_) => JsString::default(),
                None => Collection::id_of(&doc).unwrap(),
            };
            Rc::new(After {
                id,
                values: if mark.is_some() { Vec::new() } else { values },
                mark,
            })
        });
        let names = |fields: &Vec<&str>| fields.iter().map(|field| (*field).into()).collect();
        let spec = FindSpec {
            sort: sort
                .iter()
                .map(|(field, down)| ((*field).into(), *down))
                .collect(),
            fields: question.fields.as_ref().map(names),
            skip,
            limit,
            after,
            page,
            places: true,
        };
        Asked {
            query,
            spec,
            sort,
            shown,
        }
    }

    /// Whether what was found is that; else what is wrong.
    pub fn check(&self, asked: &Asked, found: &Found) -> Result<(), String> {
        let expected = asked.shown.iter().map(|(_, doc)| match &asked.spec.fields {
            Some(fields) => Projection::new(fields).apply(doc).unwrap(),
            None => doc.clone(),
        });
        let expected: Vec<_> = expected.collect();
        let places: Vec<_> = asked.shown.iter().map(|(place, _)| *place).collect();
        let (docs, wanted) = (decoded(&found.docs), decoded(&expected));
        if docs != wanted || found.places != places {
            return Err(format!(
                "found {docs} at {:?}, not {wanted} at {places:?}",
                found.places
            ));
        }
        let is_marked = match (&found.mark, asked.shown.last()) {
            (None, None) => true,
            (Some(mark), Some((place, doc))) => {
                let key = self.key(doc, &asked.sort);
                let mut values = mark.values.iter().zip(&key);
                mark.place == *place
                    && mark.values.len() == key.len()
                    && values.all(|(a, b)| equal(a, b))
            }
            _ => false,
        };
        is_marked
            .then_some(())
            .ok_or_else(|| format!("the mark is {:?}", found.mark))
    }
}

fn decoded(all: &[Bytes]) -> String {
    let all: Vec<_> = all.iter().map(|doc| Value::decode(doc).unwrap()).collect();
    format!("{all:?}")
}
