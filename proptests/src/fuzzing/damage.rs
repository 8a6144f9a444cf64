//! Damage to a saved state: single values of the tree, or single bytes of the string, that it is written as.

use serde_json::Value;

/// How many bytes say one edit.
pub(super) const BYTES: usize = 4;

/// Changes one value: which one the first two bytes say, and how the others.
pub(super) fn damage(value: &mut Value, edit: &[u8]) {
    let [high, low, how, with] = edit else { return };
    let which = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(mut which) = which.checked_rem(count(value)) else { return };
    if let Some(victim) = find(value, &mut which) {
        change(victim, *how, *with);
    }
}

/// Changes one byte, takes it out, or puts one in: which one the first two bytes say, and how the others.
pub(super) fn overwrite(compact: &mut Vec<u8>, edit: &[u8]) {
    let [high, low, how, with] = edit else { return };
    let which = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(at) = which.checked_rem(compact.len()) else { return };
    match how % 8 {
        0 => drop(compact.remove(at)),
        1 => compact.insert(at, *with),
        2 => compact[at] ^= 1 << (with % 8),
        3 => compact.truncate(at),
        _ => compact[at] = *with,
    }
}

/// How many values there are in the tree, the root included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The `which`-th value, from above and from the left.
fn find<'a>(value: &'a mut Value, which: &mut usize) -> Option<&'a mut Value> {
    let Some(left) = which.checked_sub(1) else { return Some(value) };
    *which = left;
    match value {
        Value::Array(values) => values.iter_mut().find_map(|value| find(value, which)),
        Value::Object(fields) => fields.values_mut().find_map(|value| find(value, which)),
        _ => None,
    }
}

fn change(victim: &mut Value, how: u8, with: u8) {
    let at = |len: usize| usize::from(with).checked_rem(len);
    match victim {
        Value::Number(number) => *victim = other_number(number.as_u64().unwrap_or(0), how, with),
        Value::Bool(is) => *is = !*is,
        Value::Array(values) => match (how % 3, at(values.len())) {
            (0, Some(at)) => drop(values.remove(at)),
            (1, Some(at)) => values.push(values[at].clone()),
            (2, Some(at)) => values.swap(0, at),
            _ => *victim = Value::Null,
        },
        Value::Object(fields) => match (how % 2, at(fields.len())) {
            (0, Some(at)) => {
                let name = fields.keys().nth(at).cloned().unwrap_or_default();
                fields.remove(&name);
            }
            _ => *victim = Value::Null,
        },
        Value::Null => *victim = other_number(0, how, with),
        Value::String(_) => *victim = Value::Null,
    }
}

fn other_number(number: u64, how: u8, with: u8) -> Value {
    match how % 8 {
        0 => number.wrapping_add(1),
        1 => number.wrapping_sub(1),
        2 => u64::from(with),
        3 => u32::MAX.into(),
        4 => u64::MAX,
        5 => 1 << (with % 64),
        6 => number ^ (1 << (with % 64)),
        _ => return Value::Null,
    }
    .into()
}
