//! What the actors found, as text. Any JSON object will do: single values become
//! a list, objects and arrays become tables.

use comfy_table::Table;
use serde_json::{Map, Value};

use super::table;
use super::units::{Bytes, count};

/// All of it; empty if there is nothing.
pub(super) fn to_text(findings: &Map<String, Value>) -> String {
    let mut parts = Vec::new();
    let single: Vec<_> = findings.iter().filter(|(_, value)| is_single(value)).collect();
    if !single.is_empty() {
        let mut list = table(&[], &[1]);
        for (key, value) in single {
            list.add_row([title(key), single_text(value), remark(key, value)]);
        }
        // `table` knew no columns yet.
        if let Some(column) = list.column_mut(1) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        parts.push(list.trim_fmt());
    }
    parts.extend(findings.iter().filter_map(|(key, value)| section(key, value)));
    parts.join("\n\n")
}

/// An object or an array, under its key.
fn section(key: &str, value: &Value) -> Option<String> {
    let title = title(key);
    let empty = || Some(format!(" {title}: none"));
    match value {
        Value::Object(object) if object.is_empty() => empty(),
        Value::Array(items) if items.is_empty() => empty(),
        Value::Object(object) => {
            let rows: Vec<_> =
                object.iter().map(|(key, value)| vec![Value::from(key.as_str()), value.clone()]).collect();
            Some(rows_text(&[&title, ""], &rows))
        }
        Value::Array(items) if items.iter().all(Value::is_object) => Some(objects_text(&title, items)),
        Value::Array(items) => {
            let rows: Vec<_> = items
                .iter()
                .map(|item| match item {
                    Value::Array(cells) => cells.clone(),
                    other => vec![other.clone()],
                })
                .collect();
            let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
            let mut header = vec![""; columns];
            header[0] = &title;
            Some(rows_text(&header, &rows))
        }
        _ => None,
    }
}

/// An array of objects: a column for each key, in the order in which they come up.
fn objects_text(title: &str, items: &[Value]) -> String {
    let objects: Vec<_> = items.iter().filter_map(Value::as_object).collect();
    let mut keys: Vec<&String> = Vec::new();
    for key in objects.iter().flat_map(|object| object.keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let titles: Vec<String> = keys.iter().map(|key| self::title(key)).collect();
    let header: Vec<&str> = titles.iter().map(String::as_str).collect();
    let rows: Vec<Vec<Value>> = objects
        .iter()
        .map(|object| keys.iter().map(|key| object.get(*key).cloned().unwrap_or_default()).collect())
        .collect();
    format!(" {title}\n{}", rows_text(&header, &rows))
}

/// Rows of cells; columns of numbers are aligned to the right.
fn rows_text(header: &[&str], rows: &[Vec<Value>]) -> String {
    let is_number = |column: &usize| {
        let mut cells =
            rows.iter().filter_map(|row| row.get(*column)).filter(|cell| !cell.is_null()).peekable();
        cells.peek().is_some() && cells.all(Value::is_number)
    };
    let right: Vec<usize> = (0..header.len()).filter(is_number).collect();
    let mut table: Table = table(header, &right);
    for row in rows {
        table.add_row(row.iter().map(single_text));
    }
    table.trim_fmt()
}

fn is_single(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

/// A value in one cell.
fn single_text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), count),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// Beside a large number of bytes, the same in a unit that suits it.
fn remark(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(bytes) if bytes >= 10_000 && (key == "bytes" || key.ends_with("_bytes")) => {
            Bytes(bytes).to_string()
        }
        _ => String::new(),
    }
}

fn title(key: &str) -> String {
    printable(&key.replace('_', " "))
}

/// Text from a log may hold what a terminal obeys.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            printable.extend(letter.escape_default());
        } else {
            printable.push(letter);
        }
    }
    printable
}
