//! `schedule`: what a lease grants and what it costs, step by step.

use leasehold_lease::{Lease, MeteringPoint, Remedy, Terms};
use leasehold_planner::{ExpectedShortfall, Window};
use leasehold_units::{Day, Money, Ratio};
use serde::Serialize;

use crate::arguments::{self, Common};
use crate::failure::Failure;
use crate::input;
use crate::output::{self, Align, Printable, Rows, counted, grouped, money};
use crate::wire;

/// The schedule of one lease. The JSON keys are a promise to other programs.
#[derive(Debug, Serialize)]
struct Schedule {
    lease: String,
    currency: &'static str,
    entitlement: Vec<Step>,
    periods: Vec<Period>,
    #[serde(serialize_with = "wire::money")]
    total: Money,
    shortfalls: Vec<Short>,
    /// The last day of service, where a late delivery ends the lease.
    #[serde(serialize_with = "wire::maybe_day")]
    ended: Option<Day>,
    #[serde(serialize_with = "wire::money")]
    total_after_shortfalls: Money,
    #[serde(skip)]
    heading: String,
    #[serde(skip)]
    power: &'static str,
}

/// What is granted from a day until another, both included.
#[derive(Debug, Serialize)]
struct Step {
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::day")]
    until: Day,
    gpus: u64,
    nodes: u64,
    watts: u64,
    #[serde(serialize_with = "wire::share")]
    fee: Ratio,
}

/// Days on which a late pool leaves less than is granted, both included.
#[derive(Debug, Serialize)]
struct Short {
    #[serde(serialize_with = "wire::day")]
    from: Day,
    #[serde(serialize_with = "wire::day")]
    until: Day,
    gpus_granted: u64,
    gpus_delivered: u64,
    #[serde(serialize_with = "wire::day")]
    grace_until: Day,
    /// What counts on these days: `grace` or a remedy.
    counts: &'static str,
    #[serde(serialize_with = "wire::money")]
    amount: Money,
}

/// One calendar month's share of service, or a part of it at one fee factor and escalation.
#[derive(Debug, Serialize)]
struct Period {
    #[serde(serialize_with = "wire::day")]
    start: Day,
    #[serde(serialize_with = "wire::day")]
    end: Day,
    days: i64,
    days_in_month: i64,
    #[serde(serialize_with = "wire::factor", skip_serializing_if = "wire::is_one")]
    escalation: Ratio,
    #[serde(serialize_with = "wire::money")]
    amount: Money,
}

/// Computes and prints.
pub fn run(asked: &arguments::Schedule, common: &Common) -> Result<(), Failure> {
    if let (Some(from), Some(until)) = (asked.from, asked.until)
        && until < from
    {
        let message = format!("--until {until} is before --from {from}");
        return Err(Failure::impossible(message)
            .with_hint(format!("both days are included: give --until {from} or a later day")));
    }
    let (site, mut leases) = input::leases_on(&asked.site, &asked.leases)?;
    if leases.len() > 1 {
        let names: Vec<String> = leases.iter().map(|lease| lease.latest().id.to_string()).collect();
        let message = format!("several leases were given: {}", names.join(", "));
        return Err(Failure::impossible(message).with_hint("ask for one lease at a time"));
    }
    let lease = &mut leases[0];
    if let (Some(day), Some(by)) = (asked.notice, asked.by) {
        lease
            .give_notice(by.into(), day)
            .map_err(|refusal| Failure::impossible(refusal.to_string()))?;
    }
    let (heading, power) = (heading(lease), power(lease));
    let window = Window { from: asked.from, until: asked.until };
    let schedule =
        leasehold_planner::schedule(&site, &leases, 0, window).map_err(input::oversold)?;
    output::print(&Schedule::of(schedule, heading, power), common)
}

fn heading(lease: &Lease) -> String {
    let terms = lease.latest();
    let service = format!("{} to {}", lease.first_day(), lease.last_day());
    let notice = lease.notice.map_or_else(String::new, |notice| {
        format!(", under notice by the {} from {}", notice.by, notice.given)
    });
    format!("{}: {} at {}, {service}{notice}", terms.id, terms.tenant, terms.site)
}

/// Over the column of watts: where they are counted, if all versions agree on that.
fn power(lease: &Lease) -> &'static str {
    let of = |terms: &Terms| terms.capacity.basis.map_or(MeteringPoint::Facility, |b| b.point);
    let point = of(lease.latest());
    match point {
        _ if lease.versions.iter().any(|terms| of(terms) != point) => "MW",
        MeteringPoint::Facility => "facility MW",
        MeteringPoint::It => "IT MW",
    }
}

impl Printable for Schedule {
    fn table(&self) -> String {
        let mut steps = Rows::new(&[
            ("from", Align::Left),
            ("until", Align::Left),
            ("GPUs", Align::Right),
            ("nodes", Align::Right),
            (self.power, Align::Right),
            ("fee", Align::Right),
        ]);
        for step in &self.entitlement {
            steps.push(vec![
                step.from.to_string(),
                step.until.to_string(),
                grouped(step.gpus),
                grouped(step.nodes),
                megawatts(step.watts),
                wire::percent(step.fee),
            ]);
        }
        let heading = &self.heading;
        let (steps, periods) = (steps.to_table(), self.periods_table());
        let shortfalls = self.shortfall_table();
        format!(
            "{heading}\n\nEntitlement\n{steps}\nFixed fee\n{periods}\n{shortfalls}{}\n",
            self.total_line()
        )
    }

    fn csv(&self) -> String {
        let columns = [
            "record",
            "from",
            "until",
            "gpus",
            "nodes",
            "watts",
            "fee",
            "days",
            "days_in_month",
            "amount",
            "currency",
        ];
        let mut rows = Rows::new(&columns.map(|column| (column, Align::Left)));
        let blank = String::new;
        for step in &self.entitlement {
            let (gpus, nodes, watts) = (step.gpus, step.nodes, step.watts);
            rows.push(vec![
                "entitlement".into(),
                step.from.to_string(),
                step.until.to_string(),
                gpus.to_string(),
                nodes.to_string(),
                watts.to_string(),
                wire::fraction(step.fee),
                blank(),
                blank(),
                blank(),
                blank(),
            ]);
        }
        for period in &self.periods {
            let mut row = vec!["period".into(), period.start.to_string(), period.end.to_string()];
            row.extend([blank(), blank(), blank(), blank()]);
            row.extend([period.days.to_string(), period.days_in_month.to_string()]);
            row.extend([period.amount.to_string(), self.currency.into()]);
            rows.push(row);
        }
        for short in &self.shortfalls {
            let (from, until) = (short.from.to_string(), short.until.to_string());
            let missing = short.gpus_granted - short.gpus_delivered;
            let mut row = vec!["shortfall".into(), from, until, format!("-{missing}")];
            row.extend([blank(), blank(), blank(), blank(), blank()]);
            row.extend([short.amount.to_string(), self.currency.into()]);
            rows.push(row);
        }
        rows.to_csv()
    }
}

impl Schedule {
    /// The periods, with a column for the escalation where there is any.
    fn periods_table(&self) -> String {
        let escalates = self.periods.iter().any(|period| !wire::is_one(&period.escalation));
        let mut columns = vec![
            ("start", Align::Left),
            ("end", Align::Left),
            ("days", Align::Right),
            ("of", Align::Right),
        ];
        columns.extend(escalates.then_some(("factor", Align::Right)));
        columns.push((self.currency, Align::Right));
        let mut rows = Rows::new(&columns);
        for period in &self.periods {
            let mut row = vec![
                period.start.to_string(),
                period.end.to_string(),
                period.days.to_string(),
                period.days_in_month.to_string(),
            ];
            row.extend(escalates.then(|| wire::fraction(period.escalation)));
            row.push(money(period.amount));
            rows.push(row);
        }
        rows.to_table()
    }

    /// What a late pool leaves short, if anything.
    fn shortfall_table(&self) -> String {
        if self.shortfalls.is_empty() {
            return String::new();
        }
        let mut rows = Rows::new(&[
            ("from", Align::Left),
            ("until", Align::Left),
            ("granted", Align::Right),
            ("delivered", Align::Right),
            ("counts", Align::Left),
            (self.currency, Align::Right),
        ]);
        for short in &self.shortfalls {
            rows.push(vec![
                short.from.to_string(),
                short.until.to_string(),
                grouped(short.gpus_granted),
                grouped(short.gpus_delivered),
                short.counts.into(),
                money(short.amount),
            ]);
        }
        let ends = self.ended.map_or_else(String::new, |day| {
            format!("The late delivery ends the lease: its last day of service is {day}.\n")
        });
        format!("Expected shortfall\n{}{ends}\n", rows.to_table())
    }

    fn of(schedule: leasehold_planner::Schedule, heading: String, power: &'static str) -> Self {
        let steps = schedule.entitlement.into_iter().map(|step| Step {
            from: step.from,
            until: step.until,
            gpus: step.gpus,
            nodes: step.nodes,
            watts: step.watts,
            fee: step.fee,
        });
        let periods = schedule.periods.into_iter().map(|period| Period {
            start: period.start,
            end: period.end,
            days: i64::from(period.days),
            days_in_month: i64::from(period.days_in_month),
            escalation: period.escalation,
            amount: period.amount,
        });
        Self {
            lease: schedule.lease.to_string(),
            currency: schedule.currency.code(),
            entitlement: steps.collect(),
            periods: periods.collect(),
            total: schedule.total,
            shortfalls: schedule.shortfalls.iter().map(Short::of).collect(),
            ended: schedule.ended,
            total_after_shortfalls: schedule.total_after_shortfalls,
            heading,
            power,
        }
    }

    fn total_line(&self) -> String {
        let periods = counted(self.periods.len(), "period");
        let after = match self.shortfalls.as_slice() {
            [] => String::new(),
            _ => format!(
                " After the shortfall {} {}.",
                self.currency,
                money(self.total_after_shortfalls)
            ),
        };
        format!(
            "Total {} {}: the fixed fees of {periods}, \
            usage fees and credits not included.{after}",
            self.currency,
            money(self.total)
        )
    }
}

impl Short {
    fn of(short: &ExpectedShortfall) -> Self {
        Self {
            from: short.days.from,
            until: short.days.until,
            gpus_granted: short.days.granted.get(),
            gpus_delivered: short.days.delivered.get(),
            grace_until: short.grace_until,
            counts: short.remedy.map_or("grace", Remedy::key),
            amount: short.amount,
        }
    }
}

/// Megawatts to the kilowatt, for reading.
fn megawatts(watts: u64) -> String {
    let kilowatts = (watts + 500) / 1000;
    format!("{}.{:03}", grouped(kilowatts / 1000), kilowatts % 1000)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use leasehold_units::Currency;

    use super::*;

    fn example() -> Schedule {
        let currency = Currency::from_code("USD").expect("a currency");
        let money = |text| Money::from_decimal(text, currency).expect("an amount");
        let day = |text: &str| text.parse().expect("a day");
        let step = |from, until, gpus, watts, fee| Step {
            from: day(from),
            until: day(until),
            gpus,
            nodes: gpus / 8,
            watts,
            fee,
        };
        let period = |start, end, days, days_in_month, amount| Period {
            start: day(start),
            end: day(end),
            days,
            days_in_month,
            escalation: Ratio::ONE,
            amount: money(amount),
        };
        Schedule {
            lease: "some".into(),
            currency: "USD",
            entitlement: vec![
                step("2026-05-15", "2026-06-14", 4096, 5_160_960, Ratio::new(1, 2)),
                step("2026-06-15", "2026-06-30", 65_536, 82_575_360, Ratio::ONE),
            ],
            periods: vec![
                period("2026-05-15", "2026-05-31", 17, 31, "274193548.39"),
                period("2026-06-01", "2026-06-14", 14, 30, "233333333.33"),
                period("2026-06-15", "2026-06-30", 16, 30, "533333333.34"),
            ],
            total: money("1040860215.06"),
            shortfalls: vec![Short {
                from: day("2026-06-20"),
                until: day("2026-06-30"),
                gpus_granted: 65_536,
                gpus_delivered: 32_768,
                grace_until: day("2026-06-19"),
                counts: "pro-rata",
                amount: money("183333333.33").negated(),
            }],
            ended: None,
            total_after_shortfalls: money("857526881.73"),
            heading: "some: acme at north, 2026-05-15 to 2026-06-30".into(),
            power: "facility MW",
        }
    }

    #[test]
    fn tables_are_for_reading() {
        assert_snapshot!(example().table(), @r#"
        some: acme at north, 2026-05-15 to 2026-06-30

        Entitlement
        from        until         GPUs  nodes  facility MW    fee
        ─────────────────────────────────────────────────────────
        2026-05-15  2026-06-14   4,096    512        5.161   50 %
        2026-06-15  2026-06-30  65,536  8,192       82.575  100 %

        Fixed fee
        start       end         days  of             USD
        ────────────────────────────────────────────────
        2026-05-15  2026-05-31    17  31  274,193,548.39
        2026-06-01  2026-06-14    14  30  233,333,333.33
        2026-06-15  2026-06-30    16  30  533,333,333.34

        Expected shortfall
        from        until       granted  delivered  counts                USD
        ─────────────────────────────────────────────────────────────────────
        2026-06-20  2026-06-30   65,536     32,768  pro-rata  -183,333,333.33

        Total USD 1,040,860,215.06: the fixed fees of 3 periods, usage fees and credits not included. After the shortfall USD 857,526,881.73.
        "#);
    }

    #[test]
    fn an_escalation_shows_where_there_is_one() {
        let mut grown = example();
        grown.periods.truncate(2);
        grown.periods[1].escalation = Ratio::new(312_332, 305_109);
        assert_snapshot!(grown.periods_table(), @r#"
        start       end         days  of    factor             USD
        ──────────────────────────────────────────────────────────
        2026-05-15  2026-05-31    17  31         1  274,193,548.39
        2026-06-01  2026-06-14    14  30  1.023674  233,333,333.33
        "#);
        let periods = serde_json::to_value(&grown.periods).expect("plain structs with text keys");
        assert_eq!(periods[0].get("escalation"), None);
        assert_eq!(periods[1]["escalation"], "1.023673506845");
    }

    #[test]
    fn json_is_for_programs() {
        assert_snapshot!(crate::output::json(&example()), @r#"
        {
          "lease": "some",
          "currency": "USD",
          "entitlement": [
            {
              "from": "2026-05-15",
              "until": "2026-06-14",
              "gpus": 4096,
              "nodes": 512,
              "watts": 5160960,
              "fee": "0.5"
            },
            {
              "from": "2026-06-15",
              "until": "2026-06-30",
              "gpus": 65536,
              "nodes": 8192,
              "watts": 82575360,
              "fee": "1"
            }
          ],
          "periods": [
            {
              "start": "2026-05-15",
              "end": "2026-05-31",
              "days": 17,
              "days_in_month": 31,
              "amount": "274193548.39"
            },
            {
              "start": "2026-06-01",
              "end": "2026-06-14",
              "days": 14,
              "days_in_month": 30,
              "amount": "233333333.33"
            },
            {
              "start": "2026-06-15",
              "end": "2026-06-30",
              "days": 16,
              "days_in_month": 30,
              "amount": "533333333.34"
            }
          ],
          "total": "1040860215.06",
          "shortfalls": [
            {
              "from": "2026-06-20",
              "until": "2026-06-30",
              "gpus_granted": 65536,
              "gpus_delivered": 32768,
              "grace_until": "2026-06-19",
              "counts": "pro-rata",
              "amount": "-183333333.33"
            }
          ],
          "ended": null,
          "total_after_shortfalls": "857526881.73"
        }
        "#);
    }

    #[test]
    fn csv_is_for_programs() {
        assert_snapshot!(example().csv(), @r#"
        record,from,until,gpus,nodes,watts,fee,days,days_in_month,amount,currency
        entitlement,2026-05-15,2026-06-14,4096,512,5160960,0.5,,,,
        entitlement,2026-06-15,2026-06-30,65536,8192,82575360,1,,,,
        period,2026-05-15,2026-05-31,,,,,17,31,274193548.39,USD
        period,2026-06-01,2026-06-14,,,,,14,30,233333333.33,USD
        period,2026-06-15,2026-06-30,,,,,16,30,533333333.34,USD
        shortfall,2026-06-20,2026-06-30,-32768,,,,,,-183333333.33,USD
        "#);
    }
}
