//! `backlog`: headline and firm revenue of leases.

use leasehold_allocator::{expected, remedied};
use leasehold_units::{Day, Money, Ratio};
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
}

/// One lease.
#[derive(Debug, Serialize)]
struct Line {
    lease: String,
    tenant: String,
    #[serde(flatten)]
    amounts: Amounts,
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
    output::print(&Backlog::of(backlog), common)
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
        format!(
            "Backlog as of {}, {}\n\n{}\nHeadline: fixed fees for service from that day on. Firm: \
             what is left of them if that side gives notice then, or as soon as it may.\n{}\n",
            self.as_of,
            self.currency,
            rows.to_table(),
            self.shares_line()
        )
    }

    fn csv(&self) -> String {
        let columns = [
            "lease",
            "tenant",
            "currency",
            "headline",
            "firm_if_landlord_gives_notice",
            "firm_if_tenant_gives_notice",
            "last_day_if_landlord_gives_notice",
            "last_day_if_tenant_gives_notice",
        ];
        let mut rows = Rows::new(&columns.map(|column| (column, Align::Left)));
        for line in &self.leases {
            let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
            rows.push(vec![
                line.lease.clone(),
                line.tenant.clone(),
                self.currency.into(),
                line.amounts.headline.to_string(),
                line.amounts.firm_if_landlord_gives_notice.to_string(),
                line.amounts.firm_if_tenant_gives_notice.to_string(),
                day(line.last_day_if_landlord_gives_notice),
                day(line.last_day_if_tenant_gives_notice),
            ]);
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
        }
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
                    last_day_if_landlord_gives_notice: Some(day("2026-09-29")),
                    last_day_if_tenant_gives_notice: None,
                },
                Line {
                    lease: "second".into(),
                    tenant: "zenith".into(),
                    amounts: amounts("1000.000", "1000.000", "1000.000"),
                    last_day_if_landlord_gives_notice: None,
                    last_day_if_tenant_gives_notice: None,
                },
            ],
            total: amounts("43751000.000", "3709333.333", "43751000.000"),
            concentration: vec![
                Share { tenant: "acme".into(), share: Ratio::new(2, 3) },
                Share { tenant: "zenith".into(), share: Ratio::new(1, 3) },
            ],
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
