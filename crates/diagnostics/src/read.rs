//! Reading a TOML text field by field. Nothing stops at the first problem: a field that is wrong
//! reads as nothing, its problem is kept, and reading goes on.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use leasehold_units::{Day, Instant, Ratio, Seconds, Watts, Zone};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Problem, Source, quantity};

/// The rule that every text breaks which is not TOML.
const SYNTAX: &str = "toml-syntax";

/// The rule that a table breaks which lacks a key.
const MISSING: &str = "missing-key";

/// Years of days and instants. Sums with the longest lengths that a file may name stay far inside
/// the calendar.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2999;

/// Most digits after the point of shares and decimals.
const FRACTION_DIGITS_MAX: usize = 9;

/// A parsed text and the problems found in it so far.
pub struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    problems: RefCell<Vec<Problem>>,
}

/// A table of a document, being read.
pub struct Table<'a> {
    document: &'a Document<'a>,
    fields: &'a DeTable<'a>,
    /// Where it is; for the root, the start of the text.
    pub span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
    finished: Cell<bool>,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<'a> Document<'a> {
    /// Parses `source`; what is not TOML is among the problems.
    pub fn parse(source: &'a Source) -> Self {
        let (root, errors) = DeTable::parse_recoverable(&source.text);
        Self { root, problems: RefCell::new(errors.into_iter().map(syntax_problem).collect()) }
    }

    /// The outermost table.
    pub fn root(&'a self) -> Table<'a> {
        Table::new(self, self.root.get_ref(), 0..0)
    }

    /// Adds a problem.
    pub fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// Whether anything is wrong so far.
    pub fn is_clean(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// All problems, in order of their place. Where the text is not TOML, what seems to be missing
    /// may only be unreadable, so that is left out until the rest is mended; and so is what follows
    /// from a broken value.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        let broken: Vec<usize> =
            problems.iter().filter(|p| p.rule == SYNTAX).map(|p| p.span.start).collect();
        if !broken.is_empty() {
            problems.retain(|p| {
                p.rule == SYNTAX || (p.rule != MISSING && !broken.contains(&p.span.start))
            });
        }
        problems.sort_by_key(|problem| (problem.span.start, problem.rule));
        problems.dedup();
        problems
    }
}

impl<'a> Table<'a> {
    fn new(document: &'a Document<'a>, fields: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let (known, finished) = (RefCell::default(), Cell::new(false));
        Self { document, fields, span, known, finished }
    }

    /// The document that it is in.
    pub const fn document(&self) -> &'a Document<'a> {
        self.document
    }

    /// Whether `key` is there. Counts as known from here on.
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Reports every key that was never asked for, with the nearest one that was. Call it once all
    /// fields are read.
    pub fn finish(&self) {
        if self.finished.replace(true) {
            return;
        }
        let known = self.known.borrow();
        for (key, _) in self.fields.iter() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let message = format!("unknown key `{name}`");
            let mut sorted: Vec<&str> = known.clone();
            sorted.sort_unstable();
            let expected = format!("one of {}", sorted.join(", "));
            let problem = Problem::new("unknown-key", key.span(), message, expected);
            self.document.report(match nearest(name, known.iter().copied()) {
                Some(other) => problem.with_help(format!("did you mean `{other}`?")),
                None => problem,
            });
        }
    }

    /// Reports a problem at `span`.
    pub fn report(&self, rule: &'static str, span: Range<usize>, message: String, expected: &str) {
        self.document.report(Problem::new(rule, span, message, expected));
    }

    /// A text that `read` makes something of; `expected` says what it must be.
    pub fn text<T>(
        &self,
        key: &'static str,
        rule: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Field<T>> {
        self.text_or_help(key, rule, expected, |text| read(text).ok_or(None))
    }

    /// A text that `read` makes something of, or advice if there is any; `expected` says what it
    /// must be.
    pub fn text_or_help<T>(
        &self,
        key: &'static str,
        rule: &'static str,
        expected: &str,
        read: impl Fn(&str) -> Result<T, Option<String>>,
    ) -> Option<Field<T>> {
        let value = self.get(key)?;
        let span = value.span();
        let found = value.get_ref();
        let Some(text) = found.as_str() else {
            let message = format!("`{key}` is {}", kind(found));
            self.report(rule, span, message, expected);
            return None;
        };
        let help = match read(text) {
            Ok(value) => return Some(Field { value, span }),
            Err(help) => help,
        };
        let problem = Problem::new(rule, span, format!("`{key}` is {text:?}"), expected);
        self.document.report(Problem { help, ..problem });
        None
    }

    /// Any text.
    pub fn string(&self, key: &'static str) -> Option<Field<String>> {
        self.text(key, "not-a-text", "a text in quotes", |text| Some(text.to_owned()))
    }

    /// A name, made by `new`.
    pub fn name<T, E>(
        &self,
        key: &'static str,
        new: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Field<T>> {
        let expected =
            "a name: 1 to 64 of letters, digits, `-`, `_`, `.`, starting with a letter or digit";
        self.text(key, "not-a-name", expected, |text| new(text).ok())
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Field<T>> {
        let list: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let expected = format!("one of {}", list.join(", "));
        self.text_or_help(key, "not-a-choice", &expected, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, value)| *value)
                .ok_or_else(|| did_you_mean(text, words.iter().map(|w| w.0)))
        })
    }

    /// A time zone of the IANA database, by name.
    pub fn zone(&self, key: &'static str) -> Option<Field<Zone>> {
        self.text_or_help(key, "not-a-time-zone", "an IANA time zone", |name| {
            let names = Zone::names();
            Zone::named(name).map_err(|_| did_you_mean(name, names.iter().map(String::as_str)))
        })
    }

    /// Power in whole watts.
    pub fn watts(&self, key: &'static str) -> Option<Field<Watts>> {
        let expected = "a power of whole watts such as \"8.4 kW\" or \"300 MW\"";
        self.text(key, "not-a-power", expected, quantity::watts)
    }

    /// Power in whole watts from `least` to `most`.
    pub fn watts_within(
        &self,
        key: &'static str,
        least: Watts,
        most: Watts,
    ) -> Option<Field<Watts>> {
        let (from, to) = (quantity::spelled_watts(least), quantity::spelled_watts(most));
        let expected = format!("a power of whole watts from \"{from}\" to \"{to}\"");
        let within = |power: &Watts| (least..=most).contains(power);
        self.text(key, "not-a-power", &expected, |text| quantity::watts(text).filter(within))
    }

    /// A length of time.
    pub fn seconds(&self, key: &'static str) -> Option<Field<Seconds>> {
        let expected = "a length of whole seconds such as \"90 s\", \"10 min\", \"8 h\" or \"2 d\"";
        self.text(key, "not-a-duration", expected, quantity::seconds)
    }

    /// A share such as `"99.5%"`, as 0 to 1; more than 100 % is a problem, and so are more than
    /// nine digits after the point, with which sums of shares could leave 128 bits.
    pub fn percent(&self, key: &'static str) -> Option<Field<Ratio>> {
        let within = |text: &str| {
            let number = text.split_once('%').map_or(text, |(number, _)| number);
            let fine = fraction_digits(number) <= FRACTION_DIGITS_MAX;
            quantity::percent(text).filter(|share| fine && *share <= Ratio::ONE)
        };
        self.text(key, "not-a-share", "a share from \"0%\" to \"100%\", such as \"99.5%\"", within)
    }

    /// A plain decimal in quotes.
    pub fn decimal(&self, key: &'static str) -> Option<Field<Ratio>> {
        self.text(key, "not-a-decimal", "a decimal in quotes such as \"1.2\"", quantity::decimal)
    }

    /// A plain decimal in quotes from `least` to `most`, with at most nine digits after the point,
    /// so that products with it stay inside 128 bits.
    pub fn decimal_within(
        &self,
        key: &'static str,
        least: Ratio,
        most: Ratio,
    ) -> Option<Field<Ratio>> {
        let expected = format!("a decimal in quotes from \"{least}\" to \"{most}\"");
        self.text(key, "not-a-decimal", &expected, |text| {
            let fine = fraction_digits(text) <= FRACTION_DIGITS_MAX;
            quantity::decimal(text).filter(|number| fine && (least..=most).contains(number))
        })
    }

    /// A whole number from `least` to `most`.
    pub fn integer(&self, key: &'static str, least: u64, most: u64) -> Option<Field<u64>> {
        let value = self.get(key)?;
        let span = value.span();
        let found = value.get_ref();
        let number = found
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        match number.filter(|number| (least..=most).contains(number)) {
            Some(value) => Some(Field { value, span }),
            None => {
                let shown = shown(found);
                let expected = format!("a whole number from {least} to {most}");
                self.report("not-a-count", span, format!("`{key}` is {shown}"), &expected);
                None
            }
        }
    }

    /// A civil day, written as a TOML date.
    pub fn day(&self, key: &'static str) -> Option<Field<Day>> {
        let value = self.get(key)?;
        let span = value.span();
        let found = value.get_ref();
        let day =
            found.as_datetime().filter(|stamp| stamp.time.is_none() && stamp.offset.is_none());
        let day = day.and_then(|stamp| stamp.to_string().parse::<Day>().ok());
        match day.filter(|day| YEARS.contains(&day.year())) {
            Some(value) => Some(Field { value, span }),
            None => {
                let shown = shown(found);
                let expected = "a day without quotes, such as 2026-05-01";
                self.report("not-a-day", span, format!("`{key}` is {shown}"), expected);
                None
            }
        }
    }

    /// Whether `key` is a date without a time.
    pub fn is_day(&self, key: &'static str) -> bool {
        let stamp = self.get(key).and_then(|value| value.get_ref().as_datetime());
        stamp.is_some_and(|stamp| stamp.time.is_none())
    }

    /// An instant, written as a TOML date and time with an offset.
    pub fn instant(&self, key: &'static str) -> Option<Field<Instant>> {
        let value = self.get(key)?;
        let span = value.span();
        let found = value.get_ref();
        let stamp = found.as_datetime().filter(|stamp| stamp.offset.is_some());
        let stamp = stamp.filter(|stamp| {
            stamp
                .date
                .is_some_and(|date| i16::try_from(date.year).is_ok_and(|y| YEARS.contains(&y)))
        });
        match stamp.and_then(|stamp| Instant::from_rfc3339(&stamp.to_string())) {
            Some(value) => Some(Field { value, span }),
            None => {
                let shown = shown(found);
                let expected = "an instant without quotes, such as 2026-06-10T14:00:00-05:00";
                self.report("not-an-instant", span, format!("`{key}` is {shown}"), expected);
                None
            }
        }
    }

    /// A list of texts; what is none is reported and left out.
    pub fn strings(&self, key: &'static str) -> Option<Vec<Field<String>>> {
        let value = self.get(key)?;
        let Some(array) = value.get_ref().as_array() else {
            let message = format!("`{key}` is {}", kind(value.get_ref()));
            self.report(
                "not-a-list",
                value.span(),
                message,
                "a list of texts such as [\"a\", \"b\"]",
            );
            return None;
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Field { value: text.to_owned(), span: item.span() }),
                None => {
                    let message = format!("`{key}` has {} in it", kind(item.get_ref()));
                    self.report("not-a-text", item.span(), message, "a text in quotes");
                }
            }
        }
        Some(texts)
    }

    /// A table.
    pub fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(fields) => Some(Table::new(self.document, fields, self.key_span(key))),
            None => {
                let message = format!("`{key}` is {}", kind(value.get_ref()));
                self.report("not-a-table", value.span(), message, &format!("a table [{key}]"));
                None
            }
        }
    }

    /// A list of tables; empty where the key is absent.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let mut tables = Vec::new();
        let items = value.get_ref().as_array();
        for item in items.into_iter().flat_map(|array| array.iter()) {
            if let Some(fields) = item.get_ref().as_table() {
                tables.push(Table::new(self.document, fields, item.span()));
            }
        }
        let all = items.is_some_and(|array| array.iter().count() == tables.len());
        if !all {
            let message = format!("`{key}` is {}", kind(value.get_ref()));
            self.report("not-a-table", value.span(), message, &format!("tables [[{key}]]"));
        }
        tables
    }

    /// A list of tables with one in it at least; `expected` says what each is.
    pub fn some_tables(&self, key: &'static str, expected: &str) -> Vec<Table<'a>> {
        let value = self.get(key).map(|value| value.get_ref());
        if value.is_none_or(|value| value.as_array().is_some_and(|array| array.is_empty())) {
            let message = format!("`{key}` is missing");
            let expected = format!("at least one [[{key}]]: {expected}");
            self.report(MISSING, self.span.clone(), message, &expected);
        }
        self.tables(key)
    }

    /// `field`, or a problem that says it is missing.
    pub fn required<T>(&self, key: &'static str, field: Option<T>, expected: &str) -> Option<T> {
        if field.is_none() && !self.fields.contains_key(key) {
            let message = format!("`{key}` is missing");
            self.report(MISSING, self.span.clone(), message, &format!("`{key}`: {expected}"));
        }
        field
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        self.fields.get(key)
    }

    /// Where `key` itself stands; the table, if it is not there.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let found = self.fields.iter().find(|(name, _)| name.get_ref() == key);
        found.map_or(self.span.clone(), |(name, _)| name.span())
    }
}

fn syntax_problem(error: toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().trim();
    if message.starts_with("duplicate key") {
        return Problem::new("duplicate-key", span, "a key is given twice", "each key once");
    }
    if message.starts_with("string values must be quoted") {
        return Problem::new(SYNTAX, span, "a text stands without quotes", "a text in quotes");
    }
    let (message, expected) = message.split_once(", expected ").unwrap_or((message, "TOML 1.0"));
    Problem::new(SYNTAX, span, message, expected)
}

/// The word of `known` that `word` is most likely a misspelling of, if any is near.
fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let near = known
        .map(|other| (strsim::damerau_levenshtein(word, other), other))
        .min()
        .filter(|(distance, other)| *distance <= 1 + other.len() / 3 && *distance < other.len());
    near.map(|(_, other)| other)
}

/// Advice that names the word of `known` that `word` is most likely a misspelling of, if any is.
pub fn did_you_mean<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    nearest(word, known).map(|other| format!("did you mean {other:?}?"))
}

fn fraction_digits(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, part)| part.trim_end().len())
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Datetime(stamp) => stamp.to_string(),
        other => kind(other).to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number without a unit or quotes",
        DeValue::Float(_) => "a number without a unit or quotes",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
