"""Writes bills.txt: every document of drawn leases, computed a day at a time in exact fractions.

It follows docs/files.md and shares nothing with the crates: its calendar is Python's, its numbers
are `fractions`. Usage: python3 bills.py [LEASES] > bills.txt

    lease|NUMBER                  a lease, whose files follow; a line `|` ends each
    notice|DAY                    the tenant gives notice
    short|FROM|UNTIL|GRANTED|DELIVERED
    read|MONTH|ENTITLED|DELIVERED|HELD|USED|OVER|ENERGY|MISSED|BEYOND
                                  GPU-seconds, watt-seconds (a fraction), reclaims, nodes
    pay|DAY|PLACE|MINOR           a payment of the document in that place, from 0
    bill|DAY|DUE|MINOR            a document, and its total
    KIND|START|END|MINOR          a line of it
    tax|NAME|PLACE|MINOR          what of its line in that place, from 0, is tax
"""

import calendar
import random
import sys
from datetime import date, timedelta
from fractions import Fraction

RANDOM = random.Random(20270131)
DIGITS = {"JPY": 0, "USD": 2, "KWD": 3}
METERS = {
    "energy": ("energy", 3_600_000),
    "gpu_hours_used": ("used", 3600),
    "gpu_hours_held": ("held", 3600),
    "gpu_hours_over": ("over", 3600),
}
PERIOD_MONTHS = {"month": 1, "quarter": 3, "year": 12}
ONE = timedelta(1)


# The calendar.


def later(day, months):
    """The same day of the month, or the last one where the month has no such day."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def days(start, end):
    """Every day from one to another, both included."""
    while start <= end:
        yield start
        start += ONE


def month_of(day):
    return f"{day.year:04}-{day.month:02}"


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


def share_of_year(count, start, end):
    """Days from `start`, which is counted, until `end`, which is not, as a part of a year."""
    if count == "30/360":
        first = min(start.day, 30)
        last = 30 if end.day == 31 and first == 30 else end.day
        months = (end.year - start.year) * 12 + end.month - start.month
        return Fraction(30 * months + last - first, 360)
    return Fraction((end - start).days, 365 if count == "actual/365" else 360)


def percent(text):
    return Fraction(text) / 100


# The terms.


def factor(terms, day, kind):
    """What the escalator has multiplied fees of a kind by, walked up anniversary by anniversary."""
    grows = terms["escalator"]
    if grows is None or kind not in grows["applies_to"]:
        return Fraction(1)
    since = grows["from"] or terms["start"]
    now, count = Fraction(1), 1
    while later(since, count * grows["every"]) <= day:
        anniversary = later(since, count * grows["every"])
        if "percent" in grows:
            now *= 1 + percent(grows["percent"])
        else:
            known = [value for at, value in grows["index"] if at <= anniversary]
            target = Fraction(known[-1]) / Fraction(grows["base"]) if known else Fraction(1)
            cap = grows["cap"]
            now = target if cap is None else min(target, now * (1 + percent(cap)))
        count += 1
    return now


class Case:
    """A lease as it is drawn: its versions, and what happens to it."""

    def __init__(self, versions, notice, short, readings):
        self.versions, self.notice = versions, notice
        self.short, self.readings = short, readings
        self.months_through = {}

    def governing(self, day):
        begun = [terms for terms in self.versions if terms["effective"] <= day]
        return begun[-1] if begun else self.versions[0]

    def last_day(self, known):
        """The last day of service, as it is known on a day."""
        end = self.versions[0]["end"]
        if self.notice is None or known < self.notice:
            return end
        return min(end, self.notice + timedelta(self.governing(self.notice)["notice_days"]))

    def fee_of(self, day):
        """What a day of service owes, exactly, in minor units; the days that it counts for; and
        what makes a line of its own."""
        terms = self.governing(day)
        share = Fraction(100)
        for at, text in terms["ramp"]:
            if at <= day:
                share = Fraction(text)
        grown = factor(terms, day, "fixed")
        counted, of = weight(day, terms["proration"])
        return terms["fixed"] * share / 100 * grown * counted / of, (terms["version"], share, grown)

    def periods(self, last):
        """Lines of (first, last, minor units) of every month through a last day of service."""
        if last in self.months_through:
            return self.months_through[last]
        months = {}
        running, billed, key = Fraction(0), 0, None
        for day in days(self.versions[0]["start"], last):
            lines = months.setdefault(month_of(day), [])
            if not lines:
                running, billed, key = Fraction(0), 0, None
            fee, now = self.fee_of(day)
            if now != key:
                billed += lines[-1][2] if lines else 0
                lines.append([day, day, 0])
                key = now
            running += fee
            lines[-1][1:] = [day, round(running) - billed]
        self.months_through[last] = months
        return months

    def fixed_between(self, start, end):
        """Fixed fees of some days: differences of the rounded running totals of their months."""
        def through(end):
            return sum(line[2] for lines in self.periods(end).values() for line in lines)
        return through(end) - through(start - ONE)

    def missing(self, day):
        """What of a day's fee is not owed, since it was not delivered."""
        for first, last, granted, delivered in self.short:
            if first <= day <= last:
                return self.fee_of(day)[0] * (1 - Fraction(delivered, granted))
        return Fraction(0)

    def minimums(self, last):
        """Stretches with a minimum: first and last day, what is owed at least, what counts."""
        runs = []
        for place, terms in enumerate(self.versions):
            first = terms["start"] if place == 0 else terms["effective"]
            until = last
            if place + 1 < len(self.versions):
                until = min(last, self.versions[place + 1]["effective"] - ONE)
            if runs and runs[-1][0] == terms["minimum"]:
                runs[-1][2] = until
            else:
                runs.append([terms["minimum"], first, until])
        shares = []
        for minimum, first, until in runs:
            if minimum is None:
                continue
            for begin, end in self.minimum_periods(minimum["per"], until):
                start, stop = max(begin, first), min(end, until)
                if start <= stop:
                    part = Fraction((stop - start).days + 1, (end - begin).days + 1)
                    shares.append((start, stop, round(minimum["amount"] * part), minimum["counts"]))
        return shares

    def minimum_periods(self, per, until):
        start, end = self.versions[0]["start"], self.versions[0]["end"]
        if per == "term":
            return [(start, end)]
        step, found, count = PERIOD_MONTHS[per], [], 0
        while later(start, count * step) <= until:
            found.append((later(start, count * step), later(start, (count + 1) * step) - ONE))
            count += 1
        return found

    def prepayments(self, last):
        """Those that fall due, each under the version that governs its day."""
        return [
            payment
            for terms in self.versions
            for payment in terms["prepayments"]
            if self.governing(payment["due"]) is terms and payment["due"] <= last
        ]

    def deposit(self, day):
        """The deposit that is to be held on a day."""
        last = self.last_day(day)
        held, back = 0, None
        for place, terms in enumerate(self.versions):
            if place > 0 and terms["effective"] > min(day, last):
                break
            deposit = terms["deposit"]
            if deposit is None:
                held, back = 0, None
            elif deposit["due"] <= min(day, last):
                held = deposit["amount"]
                back = last + timedelta(deposit["return_days"])
        return 0 if back is not None and back <= day else held


# The documents.


class Books:
    """What was billed of a case so far."""

    def __init__(self, case):
        self.case = case
        self.fixed, self.ends, self.settled, self.metered = {}, {}, set(), []
        self.trued_up, self.interest, self.left = {}, {}, {}
        self.held = 0
        self.documents, self.payments = [], []

    def is_due(self, day):
        """Whether something falls due that was not billed; interest and changes come with it."""
        case, last = self.case, self.case.last_day(day)
        for month, lines in case.periods(last).items():
            over = lines[-1][1] < day
            ahead = case.governing(lines[0][0])["invoice"] == "advance"
            if month not in self.fixed and (over or ahead and lines[0][0] <= day):
                return True
            if month not in self.settled and over:
                return True
        if any(end < day and start not in self.trued_up for start, end, _, _ in case.minimums(last)):
            return True
        if any(p["due"] <= day and p["due"] not in self.left for p in case.prepayments(last)):
            return True
        return case.deposit(day) != self.held

    def issue(self, day):
        """The document of a day, if there is one."""
        if not self.is_due(day):
            return
        lines = []
        for month, periods in self.case.periods(self.case.last_day(day)).items():
            lines += self.month_lines(day, month, periods)
        lines += self.minimum_lines(day)
        lines += self.interest_lines(day)
        terms = self.case.governing(day)
        taxes = self.levy(terms, day, lines)
        lines += self.draw(day, lines)
        lines += self.advance_lines(day)
        if any(self.says_something(line) for line in lines):
            total = sum(line[3] for line in lines)
            due = day + timedelta(terms["due_days"])
            self.documents.append((day, due, total, lines, taxes))
            self.pay(len(self.documents) - 1, day, due, total)

    def says_something(self, line):
        """Whether a line is worth a document: an amount, or what an agreed fixed fee came to."""
        return line[3] != 0 or line[0] == "fixed" and self.case.governing(line[1])["fixed"] != 0

    def month_lines(self, day, month, periods):
        lines, (start, end) = [], (periods[0][0], periods[-1][1])
        terms, total = self.case.governing(start), sum(amount for _, _, amount in periods)
        if month in self.fixed:
            if total != self.fixed[month]:
                change = total - self.fixed[month]
                lines.append(("adjustment", end + ONE, self.ends[month], change, "fixed"))
                self.fixed[month], self.ends[month] = total, end
        elif end < day or terms["invoice"] == "advance" and start <= day:
            lines += [("fixed", first, last, amount, "fixed") for first, last, amount in periods]
            self.fixed[month], self.ends[month] = total, end
        if end < day and month not in self.settled:
            self.settled.add(month)
            settled = self.settle(terms, self.case.readings[month], start, end, total)
            lines += [(kind, start, end, amount, on) for kind, amount, on in settled]
        return lines

    def settle(self, terms, read, start, end, fixed):
        """Meters and credits of a month that is over."""
        lines = []
        for meter, price in terms["usage"]:
            name, per_unit = METERS[meter]
            # To nine digits of the currency's unit, where the price grows.
            grown = Fraction(price) * factor(terms, start, "usage")
            grown = Fraction(round(grown * 10**9), 10**9)
            minor = 10 ** DIGITS[terms["currency"]]
            amount = round(Fraction(read[name]) / per_unit * grown * minor)
            self.metered.append((end, amount))
            lines.append((meter, amount, "usage"))
        short = 0
        if any(first <= end and start <= last for first, last, _, _ in self.case.short):
            owed = [self.case.fee_of(day)[0] - self.case.missing(day) for day in days(start, end)]
            short = round(sum(owed)) - fixed
            lines.append(("delivery_shortfall", short, "fixed"))
        credits = [
            percent(credit)
            for below, credit in terms["credits"]
            if read["entitled"] and Fraction(read["delivered"], read["entitled"]) < percent(below)
        ]
        if credits:
            lines.append(("service_credit", -round((fixed + short) * max(credits)), "credits"))
        if terms["reclaim_credit"] and read["missed"]:
            lines.append(("reclaim_credit", -terms["reclaim_credit"] * read["missed"], "credits"))
        if terms["curtail_credit"] and read["beyond"]:
            amount = -round(fixed * percent(terms["curtail_credit"]))
            lines.append(("curtail_credit", amount, "credits"))
        return lines

    def minimum_lines(self, day):
        lines = []
        for start, end, amount, counts in self.case.minimums(self.case.last_day(day)):
            if end >= day:
                continue
            charged = self.case.fixed_between(start, end) if "fixed" in counts else 0
            if "usage" in counts:
                charged += sum(amount for at, amount in self.metered if start <= at <= end)
            owed = max(0, amount - charged)
            more = owed - self.trued_up.get(start, 0)
            self.trued_up[start] = owed
            if more:
                lines.append(("minimum", start, end, more, "usage"))
        return lines

    def interest_lines(self, day):
        interest = self.case.governing(day)["interest"]
        lines = []
        for place, (issued, due, total, _, _) in enumerate(self.documents):
            if interest is None or due >= day:
                continue
            changes = [(at, amount) for at, of, amount in self.payments if of == place and at <= day]
            so_far = self.interest_on(interest, due, total, changes, day)
            more = so_far - self.interest.get(place, 0)
            self.interest[place] = so_far
            if more:
                lines.append(("late_interest", due, day - ONE, more, "none"))
        return lines

    def interest_on(self, interest, due, total, changes, day):
        """Simple interest by a day: of what outlasts the grace, from the due day on, in stretches
        between payments."""
        grace = due + timedelta(interest["grace_days"])
        if grace >= day:
            return 0
        edges = [due] + sorted({at for at, _ in changes if grace < at < day}) + [day]
        exact = Fraction(0)
        for start, end in zip(edges, edges[1:]):
            known = max(start, grace)
            left = total - sum(amount for at, amount in changes if at <= known)
            if left > 0:
                years = share_of_year(interest["day_count"], start, end)
                exact += left * percent(interest["rate"]) * years
        return round(exact)

    def levy(self, terms, day, lines):
        """Taxes: lines of their own on top, or parts of lines."""
        def is_on(tax, line):
            return ("fixed" if line[4] == "credits" else line[4]) in tax["on"]
        parts, charged = [], list(lines)
        for tax in terms["taxes"]:
            places = [place for place, line in enumerate(charged) if is_on(tax, line)]
            if not places:
                continue
            if tax["mode"] == "exclusive":
                amount = round(sum(charged[place][3] for place in places) * percent(tax["rate"]))
                parts.append((tax["name"], len(lines), amount))
                lines.append(("tax", day, day, amount, "none"))
                continue
            exact, before = Fraction(0), 0
            for place in places:
                others = [percent(o["rate"]) for o in terms["taxes"] if is_on(o, charged[place])]
                exact += charged[place][3] * percent(tax["rate"]) / (1 + sum(others))
                parts.append((tax["name"], place, round(exact) - before))
                before = round(exact)
        return parts

    def draw(self, day, lines):
        total = sum(line[3] for line in lines)
        open_, drawn = total, []
        for payment in self.case.prepayments(self.case.last_day(day)):
            left = self.left.get(payment["due"], 0)
            amount = min(left, open_, round(total * percent(payment["draw"])))
            if amount > 0:
                self.left[payment["due"]] = left - amount
                open_ -= amount
                drawn.append(("draw_down", day, day, -amount, "none"))
        return drawn

    def advance_lines(self, day):
        lines, last = [], self.case.last_day(day)
        for payment in self.case.prepayments(last):
            if payment["due"] <= day and payment["due"] not in self.left:
                self.left[payment["due"]] = payment["amount"]
                lines.append(("prepayment", day, day, payment["amount"], "none"))
        if last < day:
            for due in sorted(self.left):
                if self.left[due]:
                    lines.append(("prepayment", day, day, -self.left[due], "none"))
                    self.left[due] = 0
        wanted = self.case.deposit(day)
        if wanted != self.held:
            lines.append(("deposit", day, day, wanted - self.held, "none"))
            self.held = wanted
        return lines

    def pay(self, place, day, due, total):
        """The tenant pays in time, late, in parts, or never."""
        left = total
        if total <= 0:
            return
        at = RANDOM.choice([due, due - ONE, due + timedelta(RANDOM.randint(1, 90))])
        for _ in range(RANDOM.choice([0, 1, 1, 1, 2, 3])):
            amount = RANDOM.choice([left, left // 3, left // 2, 1])
            if amount:
                self.payments.append((max(at, day), place, amount))
            left -= amount
            at += timedelta(RANDOM.randint(1, 70))


# The draw.


def money(minor, currency):
    digits = DIGITS[currency]
    text = f"{minor:0{digits + 1}}"
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text


def some(share, draw):
    """What `draw` gives, in that share of the cases."""
    return draw() if RANDOM.random() < share else None


def between(start, end):
    return start + timedelta(RANDOM.randint(0, max(0, (end - start).days)))


def draw_escalator(start, end):
    grows = {
        "every": RANDOM.choice([1, 3, 6, 12, 13]),
        "from": RANDOM.choice([None, None, between(start, end)]),
        "applies_to": RANDOM.choice([["fixed"], ["usage"], ["fixed", "usage"]]),
    }
    if RANDOM.random() < 0.6:
        grows["percent"] = RANDOM.choice(["5", "10", "50"] if grows["every"] < 6 else ["3", "2.5", "3.75"])
        return grows
    value, at, entries = 305.1, start - timedelta(40), []
    while at < end and len(entries) < 6:
        value *= RANDOM.uniform(0.97, 1.09)
        entries.append((at, f"{value:.3f}"))
        at += timedelta(RANDOM.choice([31, 90, 200]))
    cap = RANDOM.choice([None, "2", "5"])
    grows.update(base="305.109", index=entries, cap=cap)
    if cap:
        grows["every"] = 12
    return grows


def draw_prepayments(start, end, fixed):
    dues = sorted({between(start - timedelta(20), end) for _ in range(RANDOM.choice([1, 2, 2, 3]))})
    if RANDOM.random() < 0.5 and len(dues) == 2:
        dues[1] = dues[0] + ONE
        dues = [due for due in dues if due <= end]
    draws = ["100", "50", "30", "33.333333333", "99.5"]
    return [
        {"due": due, "amount": RANDOM.randint(1, 3 * fixed + 5), "draw": RANDOM.choice(draws)}
        for due in dues
    ]


def draw_taxes():
    mode = RANDOM.choice(["exclusive", "inclusive"])
    on = [["fixed"], ["usage"], ["fixed", "usage"]]
    return [
        {"name": name, "rate": RANDOM.choice(["8.25", "19", "0", "7.7", "100", "0.0625"]),
         "mode": mode, "on": RANDOM.choice(on)}
        for name in ["vat", "state-tax", "city-tax"][: RANDOM.choice([1, 1, 2, 3])]
    ]


def draw_version(start, end, currency):
    fixed = RANDOM.choice([0, 1, 7, 99, 1_250_000_000_00, RANDOM.randint(1, 10**6), RANDOM.randint(1, 10**12)])
    count = RANDOM.choice([0, 0, 2, 3])
    steps = sorted({start} | {between(start, end) for _ in range(count - 1)}) if count else []
    prices = {0: ["0.062", "3", "12.5", "0"], 2: ["0.062", "1.999999999", "2.5"], 3: ["0.0625", "0.333333333"]}
    usage = [(meter, RANDOM.choice(prices[DIGITS[currency]])) for meter in METERS if RANDOM.random() < 0.4]
    ladder = [("99.5", "5"), ("98", "20"), ("90.123456789", "100")][: RANDOM.choice([0, 1, 2, 3])]
    return {
        "start": start, "end": end, "currency": currency, "fixed": fixed,
        "notice_days": RANDOM.choice([1, 1, 5, 14, 30, 90]),
        "proration": RANDOM.choice(["actual", "30/360"]),
        "invoice": RANDOM.choice(["advance", "arrears"]),
        "due_days": RANDOM.choice([0, 10, 30, 45]),
        "ramp": [(at, RANDOM.choice(["0", "25", "33.333333333", "50", "100"])) for at in steps],
        "usage": usage,
        "escalator": some(0.5, lambda: draw_escalator(start, end)),
        "minimum": some(0.5, lambda: {
            "amount": max(1, fixed * RANDOM.choice([1, 2, 3, 12]) + RANDOM.randint(-5, 10**4)),
            "per": RANDOM.choice(["month", "quarter", "year", "term"]),
            "counts": RANDOM.choice([["fixed"], ["usage"], ["fixed", "usage"]]),
        }),
        "prepayments": some(0.5, lambda: draw_prepayments(start, end, fixed)) or [],
        "deposit": some(0.5, lambda: {
            "amount": RANDOM.randint(1, 10**7), "due": between(start - timedelta(30), end),
            "return_days": RANDOM.choice([0, 1, 30, 45]),
        }),
        "interest": some(0.6, lambda: {
            "rate": RANDOM.choice(["8", "12.5", "100", "0.0001"]),
            "day_count": RANDOM.choice(["actual/365", "actual/360", "30/360"]),
            "grace_days": RANDOM.choice([0, 1, 5, 30]),
        }),
        "taxes": some(0.5, draw_taxes) or [],
        "credits": ladder,
        "reclaim_credit": some(0.4, lambda: RANDOM.randint(1, 10**5)),
        "curtail_credit": some(0.4, lambda: RANDOM.choice(["5", "12.345678901", "100"])),
        "delivery": False,
    }


def draw_readings(start, end):
    readings = {}
    for day in days(start, end):
        if month_of(day) in readings:
            continue
        entitled = RANDOM.choice([0, 1000, RANDOM.randint(1, 10**9)])
        whole = RANDOM.choice(["1", "1", "0.995", "0.98", "0.9", "0.5"])
        delivered = min(entitled, int(entitled * Fraction(whole)) + RANDOM.choice([0, 0, 1]))
        held = RANDOM.randint(0, 10**9)
        used = RANDOM.randint(0, held)
        energy = Fraction(RANDOM.randint(0, 10**14), RANDOM.choice([1, 1, 5, 7]))
        readings[month_of(day)] = {
            "entitled": entitled, "delivered": delivered, "held": held, "used": used,
            "over": RANDOM.randint(0, used), "energy": energy,
            "missed": RANDOM.choice([0, 0, 1, 3]), "beyond": RANDOM.choice([0, 0, 4]),
        }
    return readings


def draw_short(start, end):
    first = between(start, end)
    last = first + timedelta(RANDOM.choice([0, 3, 29, 40]))
    granted = RANDOM.choice([64, 1000, 7])
    short = [(first, last, granted, RANDOM.randint(0, granted - 1))]
    if RANDOM.random() < 0.5:
        short.append((last + ONE, last + timedelta(5), granted, granted // 2))
    return short


def draw():
    """A lease on the days that go wrong more often than others."""
    start = RANDOM.choice([date(2027, 1, 31), date(2028, 2, 29), date(2026, 5, 1), date(2027, 8, 30),
                           date(2026, 3, 15), date(2026, 1, 1) + timedelta(RANDOM.randint(0, 1500))])
    end = start + timedelta(RANDOM.choice([0, 27, 59, 200, RANDOM.randint(1, 430), RANDOM.randint(1, 430)]))
    currency = RANDOM.choice(sorted(DIGITS))
    versions = [draw_version(start, end, currency)]
    if RANDOM.random() < 0.25 and start < end:
        again = draw_version(start, end, currency)
        again["effective"] = between(start + ONE, end)
        if RANDOM.random() < 0.5:
            again["minimum"] = versions[0]["minimum"]
        versions.append(again)
    for number, terms in enumerate(versions, 1):
        terms["version"] = number
        terms.setdefault("effective", start)
    short = some(0.3, lambda: draw_short(start, end)) or []
    for terms in versions:
        terms["delivery"] = bool(short)
    notice = some(0.5, lambda: between(start, end))
    return Case(versions, notice, short, draw_readings(start, end))


# What is written.


def table(head, rows):
    return [f"[{head}]"] + rows


def words(kinds):
    return "[" + ", ".join(f'"{kind}"' for kind in kinds) + "]"


def toml(terms):
    """The file of a version, without what is the same in all."""
    def cash(minor):
        return money(minor, terms["currency"])
    lines = [f"version = {terms['version']}", f"effective = {terms['effective']}"]
    lines = lines if terms["version"] > 1 else []
    lines += table("term", [f"start = {terms['start']}", f"end = {terms['end']}"])
    lines += table("notice", ['by = "either"', f"days = {terms['notice_days']}"])
    lines += table("capacity", ['amount = "8 node"', 'shape = "node"'])
    for at, share in terms["ramp"]:
        lines += table("[capacity.ramp]", [f"from = {at}", 'amount = "8 node"', f'fee = "{share}%"'])
    if terms["delivery"]:
        lines += table("delivery", [f"due = {terms['start']}", "grace_days = 0", 'remedy = "pro-rata"'])
    lines += table("fee", [
        f'currency = "{terms["currency"]}"', f'fixed = "{cash(terms["fixed"])}"',
        f'proration = "{terms["proration"]}"', f'invoice = "{terms["invoice"]}"',
        f"due_days = {terms['due_days']}",
    ])
    for meter, price in terms["usage"]:
        lines += table("[fee.usage]", [f'meter = "{meter}"', f'price = "{price}"'])
    grows = terms["escalator"]
    if grows:
        rows = [f"every_months = {grows['every']}", f"applies_to = {words(grows['applies_to'])}"]
        rows += [f"from = {grows['from']}"] if grows["from"] else []
        if "percent" in grows:
            rows.append(f'percent = "{grows["percent"]}%"')
        else:
            entries = [f'{{ publish = {at}, value = "{value}" }}' for at, value in grows["index"]]
            rows += [f'base = "{grows["base"]}"', "index = [" + ", ".join(entries) + "]"]
            rows += [f'cap = "{grows["cap"]}%"'] if grows["cap"] else []
        lines += table("fee.escalator", rows)
    if terms["minimum"]:
        least = terms["minimum"]
        lines += table("fee.minimum", [f'amount = "{cash(least["amount"])}"', f'per = "{least["per"]}"',
                                       f"counts = {words(least['counts'])}"])
    for payment in terms["prepayments"]:
        lines += table("[fee.prepayment]", [f"due = {payment['due']}", f'amount = "{cash(payment["amount"])}"',
                                            f'draw = "{payment["draw"]}%"'])
    if terms["deposit"]:
        held = terms["deposit"]
        lines += table("fee.deposit", [f'amount = "{cash(held["amount"])}"', f"due = {held['due']}",
                                       f"return_days = {held['return_days']}"])
    if terms["interest"]:
        late = terms["interest"]
        lines += table("fee.late_interest", [f'rate = "{late["rate"]}%"', f'day_count = "{late["day_count"]}"',
                                             f"grace_days = {late['grace_days']}"])
    for tax in terms["taxes"]:
        lines += table("[fee.tax]", [f'name = "{tax["name"]}"', f'rate = "{tax["rate"]}%"',
                                     f'mode = "{tax["mode"]}"', f"on = {words(tax['on'])}"])
    lines += table("service", ['idle_use = "landlord"', 'reclaim_within = "10 min"', 'availability = "99.5%"'])
    if terms["reclaim_credit"]:
        lines.append(f'reclaim_miss_credit = "{cash(terms["reclaim_credit"])}"')
    if terms["curtail_credit"]:
        lines.append(f'curtail_credit = "{terms["curtail_credit"]}%"')
    for below, credit in terms["credits"]:
        lines += table("[service.credit]", [f'below = "{below}%"', f'credit = "{credit}%"'])
    return lines


def write(number, case, books):
    print(f"lease|{number}")
    for terms in case.versions:
        print("\n".join(toml(terms)), "|", sep="\n")
    if case.notice:
        print(f"notice|{case.notice}")
    for short in case.short:
        print("short", *short, sep="|")
    for month, read in case.readings.items():
        names = ["entitled", "delivered", "held", "used", "over", "energy", "missed", "beyond"]
        print("read", month, *(read[name] for name in names), sep="|")
    for payment in books.payments:
        print("pay", *payment, sep="|")
    for day, due, total, lines, taxes in books.documents:
        print("bill", day, due, total, sep="|")
        for line in lines:
            print(*line[:4], sep="|")
        for tax in taxes:
            print("tax", *tax, sep="|")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for number in range(count):
        case = draw()
        books = Books(case)
        begin = min([case.versions[0]["start"]] + [p["due"] for v in case.versions for p in v["prepayments"]]
                    + [v["deposit"]["due"] for v in case.versions if v["deposit"]])
        for day in days(begin, case.versions[0]["end"] + timedelta(60)):
            books.issue(day)
        write(number, case, books)


if __name__ == "__main__":
    main()
