//! Answers as tables: which members of an answer are columns, and how their values are written.

use serde_json::Value;

use crate::output::{Align, Rows, grouped};

/// A column: a member of each row.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What it is called in tables.
    header: &'static str,
    /// The member; of an inner object with a point: `notice.by`. This is its name in CSV.
    member: &'static str,
    kind: Kind,
    is_wide: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    GpuHours,
    Power,
}

/// A column of words.
pub const fn text(header: &'static str, member: &'static str) -> Column {
    Column { header, member, kind: Kind::Text, is_wide: false }
}

/// A column of counts or amounts.
pub const fn number(header: &'static str, member: &'static str) -> Column {
    Column { header, member, kind: Kind::Number, is_wide: false }
}

/// A column of GPU-seconds, shown as GPU-hours.
pub const fn gpu_hours(header: &'static str, member: &'static str) -> Column {
    Column { header, member, kind: Kind::GpuHours, is_wide: false }
}

/// A column of watts, shown in the unit that suits.
pub const fn power(header: &'static str, member: &'static str) -> Column {
    Column { header, member, kind: Kind::Power, is_wide: false }
}

impl Column {
    /// The same, in wide tables only.
    pub const fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }
}

/// How much of the columns is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// What matters most.
    Narrow,
    /// All.
    Wide,
}

/// `rows` for reading.
pub fn table(columns: &[Column], rows: &[Value], width: Width) -> String {
    let shown: Vec<&Column> =
        columns.iter().filter(|column| width == Width::Wide || !column.is_wide).collect();
    let headers: Vec<_> = shown.iter().map(|column| (column.header, column.align())).collect();
    let mut table = Rows::new(&headers);
    for row in rows {
        table.push(shown.iter().map(|column| column.shown(row)).collect());
    }
    table.to_table()
}

/// `rows` for spreadsheets: every column, values as they are.
pub fn csv(columns: &[Column], rows: &[Value]) -> String {
    let headers: Vec<_> = columns.iter().map(|column| (column.member, Align::Left)).collect();
    let mut table = Rows::new(&headers);
    for row in rows {
        table.push(columns.iter().map(|column| plain(&column.value(row))).collect());
    }
    table.to_csv()
}

/// One thing for reading, a line for each column that has a value.
pub fn card(columns: &[Column], thing: &Value) -> String {
    let lines: Vec<(&str, String)> = columns
        .iter()
        .map(|column| (column.header, column.shown(thing)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

impl Column {
    const fn align(&self) -> Align {
        match self.kind {
            Kind::Text => Align::Left,
            Kind::Number | Kind::GpuHours | Kind::Power => Align::Right,
        }
    }

    fn value(&self, row: &Value) -> Value {
        self.member.split('.').fold(row.clone(), |value, member| value[member].clone())
    }

    fn shown(&self, row: &Value) -> String {
        let value = plain(&self.value(row));
        let count = value.parse::<u128>().ok();
        // Nobody may send a line that a terminal takes for more than text.
        let value: String =
            value.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        match (self.kind, count) {
            (Kind::GpuHours, Some(seconds)) => grouped(tenths(seconds)),
            (Kind::Power, Some(watts)) => watt(watts),
            (Kind::Number | Kind::GpuHours | Kind::Power, _) if !value.is_empty() => grouped(value),
            _ => value,
        }
    }
}

/// GPU-seconds in hours, rounded half up to a tenth.
fn tenths(seconds: u128) -> String {
    let tenths = (seconds + 180) / 360;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Watts with up to three digits behind the point.
pub fn watt(watts: u128) -> String {
    let (factor, unit) = match watts {
        0..1_000 => return format!("{watts} W"),
        1_000..1_000_000 => (1, "kW"),
        _ => (1_000, "MW"),
    };
    let thousandths = (watts + factor / 2) / factor;
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A value as text: of a list its members, of an object its members with their names.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(all) => {
            let parts = all.iter().map(|(name, value)| format!("{name}={}", plain(value)));
            parts.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_become_tables() {
        let columns = [
            text("lease", "lease"),
            number("GPUs", "gpus"),
            gpu_hours("GPU-hours", "used"),
            power("limit", "watts"),
            text("notice by", "notice.by").wide(),
        ];
        let rows = [
            json!({ "lease": "a", "gpus": 4096, "used": "5400", "watts": 300_000_000, "notice": { "by": "tenant" } }),
            json!({ "lease": "b\u{1b}[2J", "gpus": null, "used": "-1", "watts": 8_400, "notice": null }),
        ];
        insta::assert_snapshot!(table(&columns, &rows, Width::Wide), @r#"
        lease   GPUs  GPU-hours   limit  notice by
        ──────────────────────────────────────────
        a      4,096        1.5  300 MW  tenant
        b�[2J                -1  8.4 kW
        "#);
        insta::assert_snapshot!(csv(&columns, &rows[..1]), @r#"
        lease,gpus,used,watts,notice.by
        a,4096,5400,300000000,tenant
        "#);
        insta::assert_snapshot!(card(&columns, &rows[0]), @r#"
        lease      a
        GPUs       4,096
        GPU-hours  1.5
        limit      300 MW
        notice by  tenant
        "#);
        assert!(!table(&columns, &rows, Width::Narrow).contains("notice"));
    }

    #[test]
    fn watts_are_shown_in_the_unit_that_suits() {
        for (watts, text) in
            [(0, "0 W"), (999, "999 W"), (8_400, "8.4 kW"), (149_990_400, "149.99 MW")]
        {
            assert_eq!(watt(watts), text);
        }
    }
}
