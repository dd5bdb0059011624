"""Writes conventions.txt: days between days as QuantLib counts them, and the digits of currencies
as the ISO 4217 table has them. Needs the packages QuantLib, iso4217 and pycountry.
Usage: python3 conventions.py > conventions.txt

`days` lines: first day, day after, actual days, 30/360 bond basis, 30E/360 (ISDA).
`currency` lines: code, digits (`-` for none); only codes that pycountry has too.
"""

import random

import QuantLib as ql
import iso4217
import pycountry

RANDOM = random.Random(360)


def draw():
    """Two days, at the ends of months more often than elsewhere."""
    first = ql.Date(1, 1, 2024) + RANDOM.randint(0, 1900)
    last = first + RANDOM.choice([0, 1, 28, 29, 30, 31, RANDOM.randint(0, 1500)])
    ends = RANDOM.randint(0, 3)
    first = ql.Date.endOfMonth(first) if ends & 1 else first
    last = ql.Date.endOfMonth(last) if ends & 2 else last
    return min(first, last), max(first, last)


def main():
    actual = ql.Actual365Fixed()
    bond = ql.Thirty360(ql.Thirty360.BondBasis)
    isda = ql.Thirty360(ql.Thirty360.ISDA)
    for _ in range(800):
        first, last = draw()
        counts = [count.dayCount(first, last) for count in (actual, bond, isda)]
        print("days", first.ISO(), last.ISO(), *counts, sep="|")
    known = {currency.alpha_3 for currency in pycountry.currencies}
    for currency in sorted(iso4217.Currency, key=lambda currency: currency.code):
        if currency.code in known:
            digits = "-" if currency.exponent is None else currency.exponent
            print("currency", currency.code, digits, sep="|")


if __name__ == "__main__":
    main()
