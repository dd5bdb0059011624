//! The journal as rows, one a posting: everything that the other forms and the reports need.

use leasehold_units::{Currency, Day, LeaseId, Money, PartyId};

use crate::{Posting, Transaction};

/// The columns of `journal.csv`.
pub const JOURNAL_COLUMNS: [&str; 10] = [
    "transaction",
    "date",
    "document",
    "lease",
    "tenant",
    "account",
    "amount",
    "currency",
    "description",
    "due",
];

/// One row of `journal.csv` as text, in the order of [`JOURNAL_COLUMNS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow(pub [String; 10]);

/// Why rows are not a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A field that cannot be read.
    #[error("row {row}: {column} is {found:?}, expected {expected}")]
    Field {
        /// The row, counted from 1 below the header.
        row: usize,
        /// The column.
        column: &'static str,
        /// What it has.
        found: String,
        /// What it should have.
        expected: &'static str,
    },
    /// A transaction whose postings do not sum to zero.
    #[error("row {row}: the postings of the transaction that ends here do not sum to zero")]
    Unbalanced {
        /// The row, counted from 1 below the header.
        row: usize,
    },
}

/// `entries` as CSV, in the order in which they were entered: what is not there is empty, and
/// transactions are counted from 1.
pub fn to_csv(entries: &[Transaction]) -> String {
    let mut text = JOURNAL_COLUMNS.join(",") + "\n";
    for (number, entry) in (1_u64..).zip(entries) {
        for posting in &entry.postings {
            let document = entry.document_of(posting).unwrap_or_default();
            let lease = entry.lease.as_ref().map(ToString::to_string).unwrap_or_default();
            let due = entry.due.map(|due| due.to_string()).unwrap_or_default();
            let fields = [
                number.to_string(),
                entry.date.to_string(),
                document.to_owned(),
                lease,
                entry.tenant.to_string(),
                posting.account.clone(),
                posting.amount.to_string(),
                posting.amount.currency().to_string(),
                entry.description.clone(),
                due,
            ];
            text.push_str(&fields.map(|field| quoted(&field)).join(","));
            text.push('\n');
        }
    }
    text
}

/// The entries that `rows` are of.
///
/// # Errors
/// At the first row that cannot be read, or ends a transaction that does not balance.
pub fn entries_of(rows: &[JournalRow]) -> Result<Vec<Transaction>, RowError> {
    let mut entries: Vec<Transaction> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let begins = index == 0 || rows[index - 1].0[0] != row.0[0];
        if begins {
            entries.push(entry_of(row, index + 1)?);
        }
        let entry = entries.last_mut().expect("a transaction was begun");
        let posting = posting_of(row, index + 1, entry.document.as_deref())?;
        entry.postings.push(posting);
        let ends = rows.get(index + 1).is_none_or(|next| next.0[0] != row.0[0]);
        if ends && !entry.is_balanced() {
            return Err(RowError::Unbalanced { row: index + 1 });
        }
    }
    Ok(entries)
}

fn entry_of(row: &JournalRow, number: usize) -> Result<Transaction, RowError> {
    let [_, date, document, lease, tenant, _, _, _, description, due] = &row.0;
    let bad = |column, found: &String, expected| RowError::Field {
        row: number,
        column,
        found: found.clone(),
        expected,
    };
    let day = |column, text: &String| {
        text.parse::<Day>().map_err(|_| bad(column, text, "a day such as 2026-05-31"))
    };
    let named = (!lease.is_empty()).then(|| LeaseId::new(lease));
    Ok(Transaction {
        date: day("date", date)?,
        document: (!document.is_empty()).then(|| document.clone()),
        lease: named.transpose().map_err(|_| bad("lease", lease, "the name of a lease"))?,
        tenant: PartyId::new(tenant).map_err(|_| bad("tenant", tenant, "the name of a tenant"))?,
        due: (!due.is_empty()).then(|| day("due", due)).transpose()?,
        description: description.clone(),
        postings: Vec::new(),
    })
}

fn posting_of(
    row: &JournalRow,
    number: usize,
    document: Option<&str>,
) -> Result<Posting, RowError> {
    let [_, _, own, _, _, account, amount, code, ..] = &row.0;
    let bad = |column, found: &String, expected| RowError::Field {
        row: number,
        column,
        found: found.clone(),
        expected,
    };
    let currency = Currency::from_code(code)
        .map_err(|_| bad("currency", code, "a code of ISO 4217 such as USD"))?;
    let amount = Money::from_signed_decimal(amount, currency)
        .map_err(|_| bad("amount", amount, "a decimal with the currency's digits"))?;
    let other = (Some(own.as_str()) != document && !own.is_empty()).then(|| own.clone());
    Ok(Posting { account: account.clone(), amount, document: other })
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
