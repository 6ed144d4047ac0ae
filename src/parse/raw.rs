//! An entry as its feed has it, as a small JSON object.

use crate::text::clipped;
use feed_rs::model::{self, Person, Text};
use serde_json::{Map, Value, json};

/// The longest body kept, in bytes.
const BODY: usize = 8 * 1024;
/// The longest other text kept, in bytes.
const FIELD: usize = 1024;
/// How many links, authors or categories are kept.
const SEVERAL: usize = 8;

/// The fields of `entry` that are there, clipped: at most about 50 KiB in all.
pub fn object(entry: &model::Entry) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| *value != json!([]) && *value != json!("")) {
            fields.insert(name.to_owned(), value);
        }
    };
    put("id", Some(field(&entry.id)));
    put("title", entry.title.as_ref().map(|title| field(&title.content)));
    put("links", Some(entry.links.iter().take(SEVERAL).map(link).collect()));
    put("published", entry.published.map(|time| json!(time.to_rfc3339())));
    put("updated", entry.updated.map(|time| json!(time.to_rfc3339())));
    put("authors", Some(entry.authors.iter().take(SEVERAL).map(person).collect()));
    put("categories", Some(entry.categories.iter().take(SEVERAL).map(|category| field(&category.term)).collect()));
    put("summary", entry.summary.as_ref().map(body));
    let content = entry.content.as_ref().and_then(|content| content.body.as_deref());
    put("content", content.map(|content| json!(clipped(content, BODY))));
    Value::Object(fields)
}

fn field(text: &str) -> Value {
    json!(clipped(text, FIELD))
}

fn body(text: &Text) -> Value {
    json!(clipped(&text.content, BODY))
}

fn link(link: &model::Link) -> Value {
    object_of([("href", Some(&link.href)), ("rel", link.rel.as_ref()), ("type", link.media_type.as_ref())])
}

fn person(person: &Person) -> Value {
    object_of([("name", person.name.as_ref()), ("email", person.email.as_ref()), ("uri", person.uri.as_ref())])
}

fn object_of<const N: usize>(fields: [(&str, Option<&String>); N]) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), field(text?)))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_entry_stays_small() {
        let huge = "ü".repeat(100_000);
        let person =
            Person { name: Some(huge.clone()), email: Some(huge.clone()), uri: Some(huge.clone()), role: None };
        let category = |term: &str| model::Category {
            term: term.to_owned(),
            scheme: None,
            label: None,
            subcategories: Vec::new(),
        };
        let link = model::Link {
            href: huge.clone(),
            target: None,
            rel: Some(huge.clone()),
            media_type: Some(huge.clone()),
            href_lang: None,
            title: None,
            length: None,
        };
        let entry = model::Entry {
            id: huge.clone(),
            content: Some(model::Content { body: Some(huge.clone()), ..model::Content::default() }),
            links: vec![link; 100],
            authors: vec![person; 100],
            categories: vec![category(&huge); 100],
            ..model::Entry::default()
        };
        assert!(object(&entry).to_string().len() < 80 * 1024);
        assert_eq!(object(&model::Entry::default()), json!({}));
    }
}
