"""Writes fees.txt: fee schedules of drawn leases, computed one day at a time in exact fractions.

It shares nothing with the crate: its calendar is Python's, its numbers are `fractions`.
Usage: python3 fees.py > fees.txt

A `lease` line has currency, digits, monthly fee in minor units, proration, first day, last day,
ramp (`day:percent` joined by `,`, or `-`), escalation (`-`, `percent P MONTHS FROM` or
`index BASE MONTHS FROM CAP DAY=VALUE,...`; `-` for an absent FROM or CAP). The `period` lines
after it have first day, last day, days, days of the month, minor units owed.
"""

import calendar
import random
from datetime import date, timedelta
from fractions import Fraction

RANDOM = random.Random(20260501)
DIGITS = {"JPY": 0, "USD": 2, "KWD": 3}


def later(day, months):
    """The same day of the month, or the last one where the month has no such day."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def weight(day, proration):
    """The days that one day counts for, and the days of its month."""
    last = calendar.monthrange(day.year, day.month)[1]
    if proration == "actual":
        return 1, last
    if day.day == 31:
        return 0, 30
    if day.day == last and last < 30:
        return 31 - last, 30
    return 1, 30


def factor(day, start, escalation):
    """The escalation on a day, walked up anniversary by anniversary."""
    if escalation is None:
        return Fraction(1)
    kind, growth, months, since, cap, entries = escalation
    since = since or start
    now, count = Fraction(1), 1
    while later(since, count * months) <= day:
        anniversary = later(since, count * months)
        if kind == "percent":
            now *= 1 + Fraction(growth) / 100
        else:
            published = [value for at, value in entries if at <= anniversary]
            target = Fraction(published[-1]) / Fraction(growth) if published else Fraction(1)
            now = target if cap is None else min(target, now * (1 + Fraction(cap) / 100))
        count += 1
    return now


def periods(lease):
    """Lines of (first, last, days, days of month, minor units)."""
    _, _, fixed, proration, start, end, ramp, escalation = lease
    lines, key, month, running, billed = [], None, None, Fraction(0), 0
    day = start
    while day <= end:
        share = Fraction(100)
        for at, percent in ramp:
            if at <= day:
                share = Fraction(percent)
        grown = factor(day, start, escalation)
        if (day.year, day.month) != month:
            month, running, billed, key = (day.year, day.month), Fraction(0), 0, None
        if (share, grown) != key:
            if key is not None:
                billed += lines[-1][4]
            key = (share, grown)
            lines.append([day, day, 0, weight(day, proration)[1], 0])
        days, of = weight(day, proration)
        running += fixed * share / 100 * grown * days / of
        line = lines[-1]
        line[1], line[2], line[4] = day, line[2] + days, round(running) - billed
        day += timedelta(1)
    return lines


def draw_escalation(start, end):
    """A growth, or none; at most some sixteen steps."""
    kind = RANDOM.choice(["none", "percent", "percent", "index", "capped"])
    if kind == "none":
        return None
    months = RANDOM.choice([1, 3, 6, 12, 12, 13])
    length = (end - start).days
    since = RANDOM.choice([None, None, start + timedelta(RANDOM.randint(0, length))])
    if kind == "percent":
        fine = length // 30 // months < 8
        growth = RANDOM.choice(["0.5", "2.5", "3", "3.75", "10", "100"] if fine else ["5", "10", "50"])
        if growth == "100" and length // 30 // months > 8:
            growth = "50"
        if length // 30 // months > 14:
            months = 12
        return ("percent", growth, months, since, None, [])
    value, at, entries = 305.1, start - timedelta(40), []
    while at < end and len(entries) < 12:
        value *= RANDOM.uniform(0.97, 1.09)
        entries.append((at, f"{value:.3f}"))
        at += timedelta(RANDOM.choice([31, 90, 200]))
    cap = RANDOM.choice(["2", "5"]) if kind == "capped" else None
    # With a cap, few steps: each that binds adds digits.
    return ("index", "305.109", 12 if cap else months, since, cap, entries)


def draw():
    """A lease that starts and ends anywhere, on the days that go wrong more often than others."""
    start = RANDOM.choice([date(2027, 1, 31), date(2028, 2, 29), date(2026, 5, 1), date(2027, 8, 30),
                           date(2026, 1, 1) + timedelta(RANDOM.randint(0, 1500))])
    end = start + timedelta(RANDOM.choice([0, 27, 59, 400, RANDOM.randint(1, 1600)]))
    currency = RANDOM.choice(sorted(DIGITS))
    fixed = RANDOM.choice([1, 7, 99, 125_000_000_000, RANDOM.randint(1, 10**12)])
    count = RANDOM.choice([0, 0, 2, 3])
    days = {start + timedelta(RANDOM.randint(0, (end - start).days)) for _ in range(count)}
    ramp = sorted((days | {start}) if count else days)
    percents = ["0", "25", "33.333333333", "50", "75", "99.5", "100"]
    ramp = [(at, RANDOM.choice(percents)) for at in ramp]
    proration = RANDOM.choice(["actual", "30/360"])
    escalation = draw_escalation(start, end)
    return (currency, DIGITS[currency], fixed, proration, start, end, ramp, escalation)


def shown(escalation):
    """The escalation as one field."""
    if escalation is None:
        return "-"
    kind, growth, months, since, cap, entries = escalation
    if kind == "percent":
        return f"percent {growth} {months} {since or '-'}"
    listed = ",".join(f"{at}={value}" for at, value in entries)
    return f"index {growth} {months} {since or '-'} {cap or '-'} {listed}"


def main():
    for _ in range(150):
        lease = draw()
        currency, digits, fixed, proration, start, end, ramp, escalation = lease
        steps = ",".join(f"{at}:{percent}" for at, percent in ramp) or "-"
        fields = [currency, digits, fixed, proration, start, end, steps, shown(escalation)]
        print("lease", *fields, sep="|")
        for line in periods(lease):
            print("period", *line, sep="|")


if __name__ == "__main__":
    main()
