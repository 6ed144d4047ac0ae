//! The part of a JSON Feed that is read, taken from the text without building the rest.
//!
//! A value costs many times the bytes it is written with, so ten megabytes of `[],[],` in a field
//! that nobody reads would cost hundreds.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Authors of an item that are looked at: the ten bytes of one can cost more than a kilobyte.
const AUTHORS: usize = 4;

/// A JSON Feed without what is not read of it.
#[derive(Debug, PartialEq)]
pub struct Pruned {
    /// The feed; `Null` if the document is no object.
    pub feed: Value,
    /// How many items there are, those that were left out among them.
    pub items: usize,
}

/// Reads `text`, and builds its first `most` items and what else is read of a feed.
///
/// A list or object where a feed has a text or number becomes `null`; so does `items` if it is no list.
///
/// # Errors
/// As `serde_json` has it: the text is not one JSON value.
pub fn pruned(text: &str, most: usize) -> serde_json::Result<Pruned> {
    let mut items = 0;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let feed = Part { place: Place::Feed, most, items: &mut items }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Pruned { feed, items })
}

/// Where in a feed a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Feed,
    Items,
    Item,
    Authors,
    Author,
    Text,
}

impl Place {
    /// The place of an object's field; `None` if it is not read.
    fn of_field(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Feed, "items") => Some(Self::Items),
            (Self::Item, "authors") => Some(Self::Authors),
            (Self::Item, "author") => Some(Self::Author),
            (Self::Feed, "version" | "title" | "home_page_url" | "feed_url" | "next_url")
            | (
                Self::Item,
                "id" | "url" | "external_url" | "title" | "summary" | "content_html" | "content_text"
                | "date_published" | "date_modified",
            )
            | (Self::Author, "name" | "url") => Some(Self::Text),
            _ => None,
        }
    }
}

struct Part<'a> {
    place: Place,
    most: usize,
    items: &'a mut usize,
}

impl Part<'_> {
    fn at(&mut self, place: Place) -> Part<'_> {
        Part { place, most: self.most, items: self.items }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let (element, most) = match self.place {
            Place::Items => (Place::Item, self.most),
            Place::Authors => (Place::Author, AUTHORS),
            _ => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Value::Null);
            }
        };
        let (mut kept, mut count) = (Vec::new(), 0);
        while kept.len() < most {
            let Some(value) = list.next_element_seed(self.at(element))? else { break };
            kept.push(value);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        if self.place == Place::Items {
            *self.items = kept.len() + count;
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            match self.place.of_field(&name) {
                Some(place) => drop(fields.insert(name, object.next_value_seed(self.at(place))?)),
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        // An object where a list or a text should be has no field that is read, and is nothing.
        let is_object = matches!(self.place, Place::Feed | Place::Item | Place::Author);
        Ok(if is_object { Value::Object(fields) } else { Value::Null })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_read_is_not_built() {
        #[track_caller]
        fn case(text: &str, feed: Value, items: usize) {
            assert_eq!(pruned(text, 2).unwrap(), Pruned { feed, items }, "{text}");
        }
        case(
            r#"{"version":"v","x":[[[]]],"items":[{"id":7,"y":{"z":[1]},"title":null},3]}"#,
            json!({"version": "v", "items": [{"id": 7, "title": null}, 3]}),
            2,
        );
        case(r#"{"items":[1,2,3,{"id":4}]}"#, json!({"items": [1, 2]}), 4);
        case(
            r#"{"items":{"0":1},"title":["t"],"version":{}}"#,
            json!({"items": null, "title": null, "version": null}),
            0,
        );
        case(
            r#"{"items":[{"author":{"name":"a","avatar":"x"},"authors":[{"name":-1.5},null,[2]]}]}"#,
            json!({"items": [{"author": {"name": "a"}, "authors": [{"name": -1.5}, null, null]}]}),
            1,
        );
        case("[[1],{}]", Value::Null, 0);
        case("true", json!(true), 0);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in ["", "{", "{\"items\":[1,2,3", "{} x", "{\"x\":[1,}"] {
            assert!(pruned(text, 2).is_err(), "{text}");
        }
    }
}
