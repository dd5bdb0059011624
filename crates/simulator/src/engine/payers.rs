//! Tenants that pay what they owe: each document so many days after its issue, or, where it was
//! disputed then, once the dispute is over.

use std::collections::BTreeMap;

use jiff::ToSpan;
use leasehold_control::{Event, State};
use leasehold_ledger::{AccountFact, Invoice, Payment, Request};
use leasehold_units::{Instant, PartyId};

/// Who pays how late.
#[derive(Debug, Clone, Default)]
pub struct Payers {
    days: BTreeMap<PartyId, u32>,
    due: Vec<String>,
}

impl Payers {
    /// Tenants, each with its days from issue to payment.
    pub fn new(payers: impl IntoIterator<Item = (PartyId, u32)>) -> Self {
        Self { days: payers.into_iter().collect(), due: Vec::new() }
    }

    /// When something is paid because of `event`, with the place to ask [`Payers::request`] for.
    pub fn observe(&mut self, now: Instant, event: &Event, state: &State) -> Vec<(Instant, u32)> {
        let issued: Vec<&Invoice> = match event {
            Event::InvoiceIssued { invoice, .. } => vec![invoice],
            Event::Booked(fact) => match &**fact {
                AccountFact::Corrected { replacement, .. } => vec![replacement],
                AccountFact::Resolved { resolution, credit: None } => {
                    let key = (&resolution.tenant, &resolution.dispute);
                    let dispute = state.books.receivables().dispute_of(key.0, key.1);
                    let number = dispute.map(|record| record.dispute.document.as_str());
                    let all = state.books.invoices.iter();
                    all.filter(|invoice| Some(invoice.number.as_str()) == number).collect()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        issued.into_iter().filter_map(|invoice| self.promise(now, invoice, state)).collect()
    }

    fn promise(
        &mut self,
        now: Instant,
        invoice: &Invoice,
        state: &State,
    ) -> Option<(Instant, u32)> {
        let days = i64::from(*self.days.get(&invoice.tenant)?);
        let day = invoice.issued.saturating_add(days.days());
        let at = state.site.time_zone.start_of(day).max(now);
        let place = u32::try_from(self.due.len()).expect("few documents");
        self.due.push(invoice.number.clone());
        Some((at, place))
    }

    /// The payment that was promised at `place`, if anything is to be paid now.
    pub fn request(&self, now: Instant, place: u32, state: &State) -> Option<Request> {
        let number = &self.due[place as usize];
        let document = state.books.receivables().document(number)?;
        let day = state.site.time_zone.day_of(now).max(document.issued);
        let amount = document.payable();
        let attempts = self.due[..=place as usize].iter().filter(|due| *due == number).count();
        (amount.minor() > 0).then(|| {
            Request::Pay(Payment {
                id: format!("{number}/{attempts}"),
                tenant: document.tenant.clone(),
                day,
                amount,
                documents: vec![number.clone()],
            })
        })
    }
}
