//! TOML values with the place where they stand, so that an error can point at it.

use std::ops::Range;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::settings::Named;

/// `file:line:column`.
pub(crate) type Place = Arc<str>;

/// A TOML file and its name.
pub(crate) struct Document<'text> {
    name: &'text str,
    content: &'text str,
}

impl<'text> Document<'text> {
    pub(crate) fn new(name: &'text str, content: &'text str) -> Document<'text> {
        Document { name, content }
    }

    pub(crate) fn parse(&self) -> anyhow::Result<Spanned<DeTable<'text>>> {
        DeTable::parse(self.content).map_err(|error| {
            let place = self.place(error.span().unwrap_or_default());
            anyhow!("{place}: not TOML: {}", error.message())
        })
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let before = &self.content[..self.content.floor_char_boundary(span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Arc::from(format!("{}:{line}:{column}", self.name))
    }

    /// A list of text.
    pub(crate) fn names(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> anyhow::Result<Vec<Named>> {
        let Some(array) = value.get_ref().as_array() else {
            bail!("{}: `{}` is a list of text", self.place(value.span()), key.get_ref())
        };
        let mut names = Vec::new();
        for item in array.iter() {
            let place = self.place(item.span());
            match item.get_ref().as_str() {
                Some(name) => names.push(Named { name: Arc::from(name), place }),
                None => bail!("{place}: `{}` is a list of text", key.get_ref()),
            }
        }
        Ok(names)
    }

    /// A table, in the order in which it is written.
    pub(crate) fn table<'value, 'toml>(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &'value Spanned<DeValue<'toml>>,
    ) -> anyhow::Result<Vec<(&'value Spanned<DeString<'toml>>, &'value Spanned<DeValue<'toml>>)>> {
        let Some(table) = value.get_ref().as_table() else {
            bail!("{}: `{}` is a table", self.place(value.span()), key.get_ref())
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Ok(entries)
    }

    /// A table without places.
    pub(crate) fn plain(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> anyhow::Result<toml::Table> {
        let mut plain = toml::Table::new();
        for (key, value) in self.table(key, value)? {
            plain.insert(key.get_ref().to_string(), plain_value(value.get_ref()));
        }
        Ok(plain)
    }
}

fn plain_value(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Integer)
        }
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Float)
        }
        DeValue::Boolean(value) => toml::Value::Boolean(*value),
        DeValue::Datetime(time) => toml::Value::Datetime(*time),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(|item| plain_value(item.get_ref())).collect()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.get_ref().to_string(), plain_value(value.get_ref())));
            toml::Value::Table(entries.collect())
        }
    }
}
