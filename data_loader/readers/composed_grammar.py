"""Texts that corpora of copied prose lack: numbers, money, dates, addresses, capitals, code.

``KINDS`` has a function for each kind; all draw from NumPy's generator and a list of words.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

Random = np.random.Generator
Kind = Callable[[Random, Sequence[str]], str]
Option = TypeVar("Option")

_DIGITS = "0123456789"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PRINTABLE = "".join(map(chr, range(33, 127)))
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_DOMAINS = ["com", "org", "net", "edu", "gov", "de", "fr", "uk", "it", "io", "nl", "es", "info"]
_STREETS = [
    "Street",
    "St.",
    "Road",
    "Rd.",
    "Avenue",
    "Ave",
    "Lane",
    "Ln.",
    "Drive",
    "Square",
    "Court",
    "Way",
    "Blvd.",
    "Place",
]
_STATES = [
    "AL",
    "AK",
    "AZ",
    "CA",
    "CO",
    "CT",
    "FL",
    "GA",
    "HI",
    "IL",
    "KS",
    "LA",
    "MA",
    "MD",
    "MI",
    "MN",
    "NJ",
    "NM",
    "NY",
    "OH",
    "OK",
    "OR",
    "PA",
    "TX",
    "UT",
    "VA",
    "WA",
    "WI",
]
_TITLES = ["Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Sir", "Rev.", "Capt.", "St."]
_UNITS = [
    "km",
    "m",
    "cm",
    "mm",
    "kg",
    "g",
    "mg",
    "lb",
    "oz",
    "l",
    "ml",
    "h",
    "min",
    "s",
    "%",
    "$",
    "m/s",
    "km/h",
    "MB",
    "GB",
    "kW",
    "V",
    "A",
    "Hz",
    "dB",
]
_CURRENCIES = ("$", "$", "$", "EUR ", "USD ", "GBP ")
_KEYWORDS = [
    "if",
    "else",
    "for",
    "while",
    "return",
    "int",
    "float",
    "char",
    "void",
    "print",
    "def",
    "class",
    "import",
    "true",
    "null",
]
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ('"', '"'), ("'", "'"))


def draw_text(random: Random, words: Sequence[str], shares: dict[str, float]) -> str:
    """Return a text of a kind that is drawn by the shares.

    Args:
        random: all that is drawn comes from it.
        words: lower-case words, by which they are drawn evenly.
        shares: weight of each kind; a kind that is not named is never drawn.
    """
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    kind = names[int(random.choice(len(names), p=weights / weights.sum()))]
    return KINDS[kind](random, words)


def _pick(random: Random, options: Sequence[Option]) -> Option:
    return options[int(random.integers(len(options)))]


def _chance(random: Random, probability: float) -> bool:
    return bool(random.random() < probability)


def _digits(random: Random, least: int, most: int) -> str:
    """A number of ``least`` to ``most`` digits; of several, the first is not 0."""
    length = int(random.integers(least, most + 1))
    text = "".join(_pick(random, _DIGITS) for _ in range(length))
    return text if length == 1 or text[0] != "0" else _pick(random, _DIGITS[1:]) + text[1:]


def _name(random: Random, words: Sequence[str]) -> str:
    return _pick(random, words).capitalize()


def _some(random: Random, least: int, most: int, draw: Callable[[], str], between: str) -> str:
    return between.join(draw() for _ in range(int(random.integers(least, most + 1))))


def _number(random: Random, words: Sequence[str]) -> str:
    choice = int(random.integers(7))
    if choice == 0:
        return f"{int(_digits(random, 4, 7)):,}"
    if choice == 1:
        return f"{_digits(random, 1, 3)}.{_digits(random, 1, 4)}"
    if choice == 2:
        return f"{_pick(random, '+-')}{_digits(random, 1, 4)}"
    if choice == 3:
        return f"{_digits(random, 1, 2)}/{_digits(random, 1, 2)}"
    if choice == 4:
        return f"{_digits(random, 1, 3)}{_pick(random, ('%', ' %', 'th', 'x', ' ', ''))}".strip()
    if choice == 5:
        return f"{_digits(random, 1, 4)} {_pick(random, _UNITS)}"
    return _digits(random, 1, 10)


def _numbers(random: Random, words: Sequence[str]) -> str:
    return _some(
        random, 1, 5, lambda: _number(random, words), _pick(random, (" ", ", ", "; ", "  "))
    )


def _digit_rows(random: Random, words: Sequence[str]) -> str:
    """Digits alone, which any writer of digits can write."""
    return _some(random, 1, 4, lambda: _digits(random, 1, 8), " ")


def _money(random: Random, words: Sequence[str]) -> str:
    amount = f"{int(_digits(random, 1, 6)):,}" if _chance(random, 0.6) else _digits(random, 1, 4)
    if _chance(random, 0.6):
        amount += f".{int(random.integers(100)):02d}"
    text = _pick(random, _CURRENCIES) + amount
    return f"{_pick(random, words)} {text}" if _chance(random, 0.4) else text


def _date(random: Random, words: Sequence[str]) -> str:
    day, month, year = (int(random.integers(1, high)) for high in (32, 13, 100))
    full = int(random.choice([1900, 2000])) + year
    name = _MONTHS[month - 1]
    forms = (
        f"{day}/{month}/{year:02d}", f"{month:02d}-{day:02d}-{full}", f"{day}.{month}.{full}",
        f"{full}-{month:02d}-{day:02d}", f"{name} {day}, {full}", f"{day} {name} {full}",
        f"{name[:3]}. {day}", f"{_pick(random, _DAYS)}, {day} {name}", f"{name} '{year:02d}",
        f"{_pick(random, _DAYS)[:3]} {day}/{month}", f"{full}",
    )  # fmt: skip
    return _pick(random, forms)


def _time(random: Random, words: Sequence[str]) -> str:
    half = _pick(random, ("am", "pm", "AM", "PM"))
    hour, minute = int(random.integers(24)), int(random.integers(60))
    forms = (
        f"{hour}:{minute:02d}", f"{hour % 12 + 1}:{minute:02d} {half}",
        f"{hour:02d}:{minute:02d}:{int(random.integers(60)):02d}", f"{hour % 12 + 1} o'clock",
        f"{hour}h{minute:02d}", f"{hour:02d}:{minute:02d}-{(hour + 1) % 24:02d}:{minute:02d}",
    )  # fmt: skip
    return _pick(random, forms)


def _phone(random: Random, words: Sequence[str]) -> str:
    area, first, last = _digits(random, 3, 3), _digits(random, 3, 3), _digits(random, 4, 4)
    forms = (
        f"({area}) {first}-{last}", f"{area}-{first}-{last}", f"{area}.{first}.{last}",
        f"+{_digits(random, 1, 2)} {area} {first}{last}", f"{first}-{last}",
        f"0{area} / {first} {last}", f"Tel. {first} {last}",
        f"x{_digits(random, 3, 4)}", f"#{_digits(random, 2, 5)}",
    )  # fmt: skip
    return _pick(random, forms)


def _email(random: Random, words: Sequence[str]) -> str:
    name = _pick(random, words)
    if _chance(random, 0.6):
        name += _pick(random, "._-") + _pick(random, words)
    if _chance(random, 0.4):
        name += _digits(random, 1, 3)
    return f"{name}@{_pick(random, words)}.{_pick(random, _DOMAINS)}"


def _web(random: Random, words: Sequence[str]) -> str:
    start = _pick(random, ("www.", "http://", "https://www.", ""))
    site = f"{start}{_pick(random, words)}.{_pick(random, _DOMAINS)}"
    if _chance(random, 0.6):
        site += "/" + _some(random, 1, 2, lambda: _pick(random, words), "/")
    if _chance(random, 0.3):
        site += (
            _pick(random, ("?", "#", "~", "&")) + f"{_pick(random, words)}={_digits(random, 1, 3)}"
        )
    return site


def _address(random: Random, words: Sequence[str]) -> str:
    street = f"{_digits(random, 1, 4)} {_name(random, words)} {_pick(random, _STREETS)}"
    town = f"{_name(random, words)}, {_pick(random, _STATES)} {_digits(random, 5, 5)}"
    place = f"{_digits(random, 4, 5)} {_name(random, words)}"
    other = f"{_name(random, words)} {_digits(random, 1, 3)}, {place}"
    return _pick(
        random, (street, town, f"{street}, {town}", other, f"P.O. Box {_digits(random, 2, 4)}")
    )


def _initials(random: Random, words: Sequence[str]) -> str:
    letters = [f"{_pick(random, _CAPITALS)}." for _ in range(int(random.integers(1, 4)))]
    name = f"{_pick(random, ('', ' ')).join(letters)} {_name(random, words)}"
    abbreviation = "".join(_pick(random, _CAPITALS) for _ in range(int(random.integers(2, 5))))
    return _pick(
        random, (name, f"{_pick(random, _TITLES)} {_name(random, words)}", abbreviation, name)
    )


def _capitals(random: Random, words: Sequence[str]) -> str:
    text = _some(random, 1, 6, lambda: _pick(random, words).upper(), " ")
    return text + _pick(random, ("", "", "", "!", ".", ":", "?"))


def _title(random: Random, words: Sequence[str]) -> str:
    return _some(random, 1, 6, lambda: _name(random, words), _pick(random, (" ", " ", " & ", "-")))


def _formula(random: Random, words: Sequence[str]) -> str:
    def term() -> str:
        return _pick(random, "abcxyzn") if _chance(random, 0.5) else _digits(random, 1, 3)

    left = _some(random, 2, 4, term, _pick(random, (" + ", " - ", "+", "*", " / ", "^")))
    if _chance(random, 0.4):
        left = f"({left}){_pick(random, ('', '^2', '/2', '!'))}"
    return f"{left} {_pick(random, ('=', '=', '<', '>', '~'))} {term()}"


def _code(random: Random, words: Sequence[str]) -> str:
    name, other = _pick(random, words), _pick(random, words)
    number, keyword = _digits(random, 1, 3), _pick(random, _KEYWORDS)
    forms = (
        f"{name}[{number}] = {other};", f"{keyword} ({name} == {number}) {{",
        f"{name}_{other}({number});", f"/* {name} {other} */", f"#define {name.upper()} {number}",
        f"{name} |= ~{other} & 0x{number};", f"x = {name} % {number} + {other}^2;",
        f"`{name}` \\ {other} | {keyword}", f'print("{name}")', f"}} // {name}",
        f"{keyword} {name}: {other}", f"<{name}>{other}</{name}>", f"${name} @{other}",
    )  # fmt: skip
    return _pick(random, forms)


def _list(random: Random, words: Sequence[str]) -> str:
    mark = _pick(
        random,
        (
            "- ",
            "* ",
            f"{_digits(random, 1, 2)}. ",
            f"{_pick(random, 'abcde')}) ",
            "[ ] ",
            "> ",
            "+ ",
        ),
    )
    return mark + _some(
        random, 1, 4, lambda: _pick(random, words), _pick(random, (" ", ", ", " / "))
    )


def _quotation(random: Random, words: Sequence[str]) -> str:
    opening, closing = _pick(random, _BRACKETS)
    inner = _some(random, 1, 4, lambda: _pick(random, words), " ")
    text = f"{opening}{inner}{_pick(random, ('', '!', '?', ','))}{closing}"
    return f"{_pick(random, words)} {text}" if _chance(random, 0.5) else text


def _mixture(random: Random, words: Sequence[str]) -> str:
    """Any of the characters, in groups."""
    return _some(
        random, 1, 5, lambda: _some(random, 1, 6, lambda: _pick(random, _PRINTABLE), ""), " "
    )


def _prose(random: Random, words: Sequence[str]) -> str:
    text = _some(random, 2, 9, lambda: _pick(random, words), " ")
    if _chance(random, 0.5):
        text = text[0].upper() + text[1:] + _pick(random, (".", ".", ".", "?", "!", ";"))
    if _chance(random, 0.35):
        kinds: tuple[Kind, ...] = (_number, _date, _money, _time, _initials)
        text += " " + _pick(random, kinds)(random, words)
    return text


KINDS: dict[str, Kind] = {
    "numbers": _numbers,
    "digits": _digit_rows,
    "money": _money,
    "dates": _date,
    "times": _time,
    "telephone": _phone,
    "email": _email,
    "web": _web,
    "addresses": _address,
    "initials": _initials,
    "capitals": _capitals,
    "titles": _title,
    "formulas": _formula,
    "code": _code,
    "lists": _list,
    "quotations": _quotation,
    "mixture": _mixture,
    "prose": _prose,
}
