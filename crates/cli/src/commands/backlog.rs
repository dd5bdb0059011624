//! `backlog`: headline and firm revenue of leases.

use std::collections::BTreeMap;

use leasehold_allocator::{expected, remedied};
use leasehold_ledger::{LeaseToDate, to_date};
use leasehold_units::{Day, LeaseId, Money, Ratio};
use serde::Serialize;

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::input;
use crate::output::{self, Align, Printable, Rows, money};
use crate::wire;

/// The backlog of leases. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Backlog {
    #[serde(serialize_with = "wire::day")]
    as_of: Day,
    currency: &'static str,
    leases: Vec<Line>,
    total: Amounts,
    concentration: Vec<Share>,
    #[serde(flatten)]
    books: Option<Books>,
}

/// What the books of a run add: what is behind, and what is to come by time.
#[derive(Debug, Serialize)]
struct Books {
    to_date: ToDate,
    bands: Vec<Band>,
}

/// What was delivered, invoiced and collected before the day asked about.
#[derive(Debug, Clone, Copy, Serialize)]
struct ToDate {
    #[serde(serialize_with = "wire::money")]
    delivered: Money,
    #[serde(serialize_with = "wire::money")]
    invoiced: Money,
    #[serde(serialize_with = "wire::money")]
    collected: Money,
}

/// Fixed fees for service on some days to come.
#[derive(Debug, Serialize)]
struct Band {
    band: &'static str,
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::day")]
    until: Day,
    #[serde(flatten)]
    amounts: Amounts,
}

/// One lease.
#[derive(Debug, Serialize)]
struct Line {
    lease: String,
    tenant: String,
    #[serde(flatten)]
    amounts: Amounts,
    #[serde(flatten)]
    to_date: Option<ToDate>,
    #[serde(serialize_with = "wire::maybe_day")]
    last_day_if_landlord_gives_notice: Option<Day>,
    #[serde(serialize_with = "wire::maybe_day")]
    last_day_if_tenant_gives_notice: Option<Day>,
}

/// Fixed fees for service from the day asked about on.
#[derive(Debug, Serialize)]
struct Amounts {
    #[serde(serialize_with = "wire::money")]
    headline: Money,
    #[serde(serialize_with = "wire::money")]
    firm_if_landlord_gives_notice: Money,
    #[serde(serialize_with = "wire::money")]
    firm_if_tenant_gives_notice: Money,
}

/// A tenant's share of the fixed monthly run-rate.
#[derive(Debug, Serialize)]
struct Share {
    tenant: String,
    #[serde(serialize_with = "wire::share")]
    share: Ratio,
}

/// Computes and prints.
pub fn run(asked: &arguments::Backlog, common: &Common) -> Result<(), Failure> {
    let (site, leases) = input::leases_on(&asked.site, &asked.leases)?;
    let expected = expected(&site, &leases).map_err(input::oversold)?;
    let pairs = expected.leases.iter().zip(&expected.shortfalls);
    let short: Vec<_> = pairs.map(|(lease, shortfalls)| remedied(lease, shortfalls)).collect();
    let backlog = leasehold_planner::backlog(&expected.leases, &short, asked.as_of)
        .map_err(|error| Failure::impossible(error.to_string()))?;
    let mut printed = Backlog::of(backlog);
    if let Some(directory) = &asked.books {
        let entries = crate::books::read(directory)?;
        let bands = leasehold_planner::bands(&expected.leases, &short, asked.as_of)
            .map_err(|error| Failure::impossible(error.to_string()))?;
        printed.add_books(&to_date(&entries, asked.as_of), bands);
    }
    output::print(&printed, common)
}

impl From<leasehold_planner::Amounts> for Amounts {
    fn from(amounts: leasehold_planner::Amounts) -> Self {
        Self {
            headline: amounts.headline,
            firm_if_landlord_gives_notice: amounts.firm_if_landlord_gives_notice,
            firm_if_tenant_gives_notice: amounts.firm_if_tenant_gives_notice,
        }
    }
}

impl Printable for Backlog {
    fn table(&self) -> String {
        let mut rows = Rows::new(&[
            ("lease", Align::Left),
            ("tenant", Align::Left),
            ("headline", Align::Right),
            ("firm if landlord", Align::Right),
            ("last day", Align::Left),
            ("firm if tenant", Align::Right),
            ("last day", Align::Left),
        ]);
        for line in &self.leases {
            rows.push(vec![
                line.lease.clone(),
                line.tenant.clone(),
                money(line.amounts.headline),
                money(line.amounts.firm_if_landlord_gives_notice),
                last_day(line.last_day_if_landlord_gives_notice),
                money(line.amounts.firm_if_tenant_gives_notice),
                last_day(line.last_day_if_tenant_gives_notice),
            ]);
        }
        rows.push(self.total_row());
        let books = self.books.as_ref().map(|books| self.books_tables(books)).unwrap_or_default();
        format!(
            "Backlog as of {}, {}\n\n{}\nHeadline: fixed fees for service from that day on. Firm: \
             what is left of them if that side gives notice then, or as soon as it may.\n{}\n{books}",
            self.as_of,
            self.currency,
            rows.to_table(),
            self.shares_line()
        )
    }

    fn csv(&self) -> String {
        let mut columns = vec![
            "lease",
            "tenant",
            "currency",
            "headline",
            "firm_if_landlord_gives_notice",
            "firm_if_tenant_gives_notice",
            "last_day_if_landlord_gives_notice",
            "last_day_if_tenant_gives_notice",
        ];
        if self.books.is_some() {
            columns.extend(["delivered", "invoiced", "collected"]);
        }
        let columns: Vec<_> = columns.into_iter().map(|column| (column, Align::Left)).collect();
        let mut rows = Rows::new(&columns);
        for line in &self.leases {
            let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
            let mut cells = vec![
                line.lease.clone(),
                line.tenant.clone(),
                self.currency.into(),
                line.amounts.headline.to_string(),
                line.amounts.firm_if_landlord_gives_notice.to_string(),
                line.amounts.firm_if_tenant_gives_notice.to_string(),
                day(line.last_day_if_landlord_gives_notice),
                day(line.last_day_if_tenant_gives_notice),
            ];
            if let Some(ToDate { delivered, invoiced, collected }) = line.to_date {
                cells.extend([delivered, invoiced, collected].map(|amount| amount.to_string()));
            }
            rows.push(cells);
        }
        rows.to_csv()
    }
}

impl Backlog {
    fn of(backlog: leasehold_planner::Backlog) -> Self {
        let lines = backlog.leases.into_iter().map(|line| Line {
            lease: line.lease.to_string(),
            tenant: line.tenant.to_string(),
            amounts: line.amounts.into(),
            to_date: None,
            last_day_if_landlord_gives_notice: Some(line.last_day_if_landlord_gives_notice),
            last_day_if_tenant_gives_notice: Some(line.last_day_if_tenant_gives_notice),
        });
        let shares = backlog.concentration.into_iter();
        let shares =
            shares.map(|part| Share { tenant: part.tenant.to_string(), share: part.share });
        Self {
            as_of: backlog.as_of,
            currency: backlog.currency.code(),
            leases: lines.collect(),
            total: backlog.total.into(),
            concentration: shares.collect(),
            books: None,
        }
    }

    /// Puts what the books say of the leases beside what is to come.
    fn add_books(
        &mut self,
        books: &BTreeMap<(LeaseId, &'static str), LeaseToDate>,
        bands: Vec<leasehold_planner::Band>,
    ) {
        let zero = Money::zero(self.total.headline.currency());
        let mut sum = ToDate { delivered: zero, invoiced: zero, collected: zero };
        for line in &mut self.leases {
            let mut own = books.iter().filter(|((lease, code), _)| {
                lease.as_str() == line.lease && *code == self.currency
            });
            let own = own.next().map_or(
                ToDate { delivered: zero, invoiced: zero, collected: zero },
                |(_, LeaseToDate { delivered, invoiced, collected })| ToDate {
                    delivered: *delivered,
                    invoiced: *invoiced,
                    collected: *collected,
                },
            );
            sum.delivered = sum.delivered.plus(own.delivered);
            sum.invoiced = sum.invoiced.plus(own.invoiced);
            sum.collected = sum.collected.plus(own.collected);
            line.to_date = Some(own);
        }
        let bands = bands.into_iter().map(|band| Band {
            band: band.name,
            from: band.from,
            until: band.until,
            amounts: band.amounts.into(),
        });
        self.books = Some(Books { to_date: sum, bands: bands.collect() });
    }

    /// What is behind by lease, and what is to come by time, for reading.
    fn books_tables(&self, books: &Books) -> String {
        let mut behind = Rows::new(&[
            ("lease", Align::Left),
            ("delivered", Align::Right),
            ("invoiced", Align::Right),
            ("collected", Align::Right),
            ("headline", Align::Right),
            ("firm if landlord", Align::Right),
            ("firm if tenant", Align::Right),
        ]);
        let cells = |name: &str, to_date: &ToDate, amounts: &Amounts| {
            let past = [to_date.delivered, to_date.invoiced, to_date.collected];
            let come = [
                amounts.headline,
                amounts.firm_if_landlord_gives_notice,
                amounts.firm_if_tenant_gives_notice,
            ];
            let all = past.into_iter().chain(come).map(money);
            std::iter::once(name.to_owned()).chain(all).collect()
        };
        for line in &self.leases {
            let to_date = line.to_date.as_ref().unwrap_or(&books.to_date);
            behind.push(cells(&line.lease, to_date, &line.amounts));
        }
        behind.push(cells("total", &books.to_date, &self.total));
        let mut ahead = Rows::new(&[
            ("to come", Align::Left),
            ("from", Align::Left),
            ("until", Align::Left),
            ("headline", Align::Right),
            ("firm if landlord", Align::Right),
            ("firm if tenant", Align::Right),
        ]);
        for band in &books.bands {
            ahead.push(vec![
                band.band.replace('_', " "),
                band.from.to_string(),
                band.until.to_string(),
                money(band.amounts.headline),
                money(band.amounts.firm_if_landlord_gives_notice),
                money(band.amounts.firm_if_tenant_gives_notice),
            ]);
        }
        format!(
            "\nBefore {}, from the books: recognised fixed fees, documents, payments on them\n\n\
             {}\n{}",
            self.as_of,
            behind.to_table(),
            ahead.to_table()
        )
    }

    fn shares_line(&self) -> String {
        let shares = self.concentration.iter();
        let shares: Vec<String> = shares
            .map(|share| format!("{} {}", share.tenant, wire::percent(share.share)))
            .collect();
        if shares.is_empty() {
            format!("No fixed fee runs on {}.", self.as_of)
        } else {
            format!("Share of the monthly run-rate: {}.", shares.join(", "))
        }
    }

    fn total_row(&self) -> Vec<String> {
        let Amounts { headline, firm_if_landlord_gives_notice, firm_if_tenant_gives_notice } =
            &self.total;
        vec![
            "total".into(),
            String::new(),
            money(*headline),
            money(*firm_if_landlord_gives_notice),
            String::new(),
            money(*firm_if_tenant_gives_notice),
            String::new(),
        ]
    }
}

fn last_day(day: Option<Day>) -> String {
    day.map_or_else(|| "-".into(), |day| day.to_string())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use leasehold_units::Currency;

    use super::*;

    fn example() -> Backlog {
        let currency = Currency::from_code("KWD").expect("a currency");
        let money = |text| Money::from_decimal(text, currency).expect("an amount");
        let day = |text: &str| text.parse().expect("a day");
        let amounts = |headline, landlord, tenant| Amounts {
            headline: money(headline),
            firm_if_landlord_gives_notice: money(landlord),
            firm_if_tenant_gives_notice: money(tenant),
        };
        Backlog {
            as_of: day("2026-07-01"),
            currency: "KWD",
            leases: vec![
                Line {
                    lease: "first".into(),
                    tenant: "acme".into(),
                    amounts: amounts("43750000.000", "3708333.333", "43750000.000"),
                    to_date: None,
                    last_day_if_landlord_gives_notice: Some(day("2026-09-29")),
                    last_day_if_tenant_gives_notice: None,
                },
                Line {
                    lease: "second".into(),
                    tenant: "zenith".into(),
                    amounts: amounts("1000.000", "1000.000", "1000.000"),
                    to_date: None,
                    last_day_if_landlord_gives_notice: None,
                    last_day_if_tenant_gives_notice: None,
                },
            ],
            total: amounts("43751000.000", "3709333.333", "43751000.000"),
            concentration: vec![
                Share { tenant: "acme".into(), share: Ratio::new(2, 3) },
                Share { tenant: "zenith".into(), share: Ratio::new(1, 3) },
            ],
            books: None,
        }
    }

    #[test]
    fn tables_are_for_reading() {
        assert_snapshot!(example().table(), @r#"
        Backlog as of 2026-07-01, KWD

        lease   tenant        headline  firm if landlord  last day    firm if tenant  last day
        ──────────────────────────────────────────────────────────────────────────────────────
        first   acme    43,750,000.000     3,708,333.333  2026-09-29  43,750,000.000  -
        second  zenith       1,000.000         1,000.000  -                1,000.000  -
        total           43,751,000.000     3,709,333.333              43,751,000.000

        Headline: fixed fees for service from that day on. Firm: what is left of them if that side gives notice then, or as soon as it may.
        Share of the monthly run-rate: acme 66.67 %, zenith 33.33 %.
        "#);
    }

    #[test]
    fn json_and_csv_are_for_programs() {
        assert_snapshot!(crate::output::json(&example()), @r#"
        {
          "as_of": "2026-07-01",
          "currency": "KWD",
          "leases": [
            {
              "lease": "first",
              "tenant": "acme",
              "headline": "43750000.000",
              "firm_if_landlord_gives_notice": "3708333.333",
              "firm_if_tenant_gives_notice": "43750000.000",
              "last_day_if_landlord_gives_notice": "2026-09-29",
              "last_day_if_tenant_gives_notice": null
            },
            {
              "lease": "second",
              "tenant": "zenith",
              "headline": "1000.000",
              "firm_if_landlord_gives_notice": "1000.000",
              "firm_if_tenant_gives_notice": "1000.000",
              "last_day_if_landlord_gives_notice": null,
              "last_day_if_tenant_gives_notice": null
            }
          ],
          "total": {
            "headline": "43751000.000",
            "firm_if_landlord_gives_notice": "3709333.333",
            "firm_if_tenant_gives_notice": "43751000.000"
          },
          "concentration": [
            {
              "tenant": "acme",
              "share": "0.666667"
            },
            {
              "tenant": "zenith",
              "share": "0.333333"
            }
          ]
        }
        "#);
        assert_snapshot!(example().csv(), @r#"
        lease,tenant,currency,headline,firm_if_landlord_gives_notice,firm_if_tenant_gives_notice,last_day_if_landlord_gives_notice,last_day_if_tenant_gives_notice
        first,acme,KWD,43750000.000,3708333.333,43750000.000,2026-09-29,
        second,zenith,KWD,1000.000,1000.000,1000.000,,
        "#);
    }
}
