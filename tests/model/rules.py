"""What the contract says about single values, said a second time: nothing here is code of the server."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_ID = 2**63 - 1
TYPES = ("lead", "customer", "guest")
NO_SOURCE = "The selected source does not exist or does not belong to your account"
NO_STATUS = "The selected status does not exist or does not belong to your account"
NO_GROUP = "One or more groups do not exist"
PHONE_TAKEN = "This phone number already exists"
EMAIL_TAKEN = "This email address already exists"
WRONG_TYPE = "Type must be either lead, customer, or guest"
WRONG_GROUPS = "Groups must be an array of group ids"
WRONG_ATTRIBUTES = (
    "Attributes must be an object whose keys are lower-case letters, digits and _ (at most 50 characters, beginning "
    "with a letter) and whose values are texts of at most 1,000 characters, numbers, true, false or null"
)
TOO_MANY_ATTRIBUTES = "A contact can have at most 50 attributes"
WRONG_COLOR = "Color must be a valid hex color code (e.g., #FF5733)"
REQUIRED = {
    "firstname": "First name is required",
    "lastname": "Last name is required",
    "phone": "Phone number is required",
    "type": WRONG_TYPE,
    "source_id": "Source is required",
    "status_id": "Status is required",
}
TEXTS = {
    "firstname": 255,
    "lastname": 255,
    "company": 255,
    "city": 255,
    "state": 255,
    "zip": 20,
    "address": 500,
    "description": 10**9,
}
INTEGERS = ("source_id", "status_id", "country_id", "assigned_id")
NONE_IS_ZERO = ("country_id", "assigned_id")
FIELDS = (*REQUIRED, "email", "company", "description", "city", "state", "zip", "address")
FIELDS = (*FIELDS, "country_id", "assigned_id", "groups", "attributes")
PLAIN = tuple(name for name in FIELDS if name not in {"groups", "attributes"})

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
ANY = "any text"  # in expected details: what the message says is not part of the contract
# Names that mean nothing, each with the one that was perhaps meant.
UNKNOWN_IN_CONTACTS = {
    "colour": None,
    "id": None,
    "frstname": "firstname",
    "group_id": "groups",
    "mobile": "phone",
    "E_Mail": "email",
}
UNKNOWN_IN_LABELS = {"title": None, "nam": "name"}
# Blanks, and signs that nobody sees.
_AROUND = " \t\n\u00a0\ufeff\u200b\u200e\u200f\u2060"
_FULL_WIDTH = {0x30 + digit: 0xFF10 + digit for digit in range(10)}
_ARABIC = {0x30 + digit: 0x660 + digit for digit in range(10)}


def _spelt() -> dict[str, tuple[str, str]]:
    """Return many ways to write few numbers: what is kept of each, and the number that it means."""
    spelt: dict[str, tuple[str, str]] = {}
    for n in range(60):
        key, last = f"4420794600{n:02d}", f"{n:02d}"
        for text in (
            f"+{key}",
            f"+44 20 7946 00{last}",
            f"+44-20-7946-00{last}",
            f"+44 (20) 794600{last}",
            f"00{key}",
            key,
        ):
            spelt[text] = text, key
        spelt[f"tel:+{key}"] = spelt[f"whatsapp:+{key}"] = f"+{key}", key
        spelt[f"+44.20.7946.00{last}"] = spelt[f"+44/20794600{last}"] = f"+{key}", key
        spelt[f"\u202a+44\u00a020\u202f7946\u201100{last}\u202c"] = f"+44 20 7946-00{last}", key
        spelt[f"\uff0b{key.translate(_FULL_WIDTH)}"] = f"+{key}", key
        spelt[f"+{key.translate(_ARABIC)}"] = f"+{key}", key
    spelt |= {kept: (kept, key) for kept, key in list(spelt.values())}
    for n in range(4):
        for text in (f"+52 1 55 1234 567{n}", f"+52 55 1234 567{n}", f"5215512345 67{n}"):
            spelt[text] = text, f"525512345{'67'}{n}"
        for text in (f"+55 11 98765 432{n}", f"+55 (11) 8765-432{n}", f"+551198765432{n}"):
            spelt[text] = text, f"551198765432{n}"
    return spelt


PHONES = _spelt()
PHONE_PROBLEMS = {
    "call me": (
        "Phone number must have at most 20 characters, and may contain only digits, +, -, dots, spaces and parentheses"
    ),
    "++442079460011": "A phone number may only contain one +, in front of its country code.",
    "+123": "A phone number with its country code has 7 to 15 digits.",
    "+0442079460011": "The phone number does not begin with a country code that exists.",
    "020 7946 0011": (
        "The phone number has no country code. Write it with + and its country code, for example +44 20 7946 0011."
    ),
    "5": (
        "This cannot be read as a phone number that exists. "
        "Write it with + and its country code, for example +44 20 7946 0011."
    ),
    "12345": (
        "This cannot be read as a phone number that exists. "
        "Write it with + and its country code, for example +44 20 7946 0011."
    ),
}


@dataclasses.dataclass
class Reading:
    """What a body says: the fields that are right, what is wrong with the others, and what means nothing."""

    fields: dict[str, Any]
    problems: dict[str, list[str]]
    unknown: dict[str, str | None]


def trimmed(value: Any) -> Any:
    return value.strip(_AROUND) if isinstance(value, str) else value


def is_blank(value: Any) -> bool:
    return value is None or trimmed(value) == ""


def is_none(name: str, value: Any) -> bool:
    """Tell whether a field says nothing."""
    is_zero = trimmed(value) in (0, "0") and not isinstance(value, bool)
    return is_blank(value) or (name in NONE_IS_ZERO and is_zero)


def as_text(value: Any) -> Any:
    """Return a text, which may have come as a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else trimmed(value)


def as_ids(value: Any) -> Any:
    """Return a list of ids, which may have come as a text with commas."""
    value = trimmed(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+( *, *-?[0-9]+)*", value):
        value = value.split(",")
    return [number(item) for item in value] if isinstance(value, list) else value


def text_problem(name: str, value: Any, longest: int, noun: str | None = None) -> str | None:
    noun = noun or f"The {name} field"
    if isinstance(value, str) and "\x00" in value:
        return f"The {name} field must not contain NUL characters"
    if not isinstance(value, str):
        return f"{noun} must be a string"
    return f"{noun} must not be greater than {longest} characters" if len(value) > longest else None


def phone_problem(value: Any) -> str | None:
    if isinstance(value, str) and value in PHONES:
        return None
    problem = text_problem("phone", value, 20, "Phone number")
    return PHONE_PROBLEMS["call me"] if problem and "greater" in problem else problem


def email_problem(value: Any) -> str | None:
    if isinstance(value, str) and not _EMAIL.fullmatch(value):
        return "Email must be a valid email address"
    return text_problem("email", value, 191)


def integer_problem(name: str, value: Any) -> str | None:
    if not isinstance(value, int):
        return f"The {name} field must be an integer"
    least = 0 if name in NONE_IS_ZERO else 1
    if not least <= value <= MAX_ID:
        default = f"The {name} field must be between {least} and {MAX_ID}"
        return {"source_id": NO_SOURCE, "status_id": NO_STATUS}.get(name, default)
    return None


def number(value: Any) -> int | None:
    """Return an integer, which may have come as a text of digits or with a decimal point and nothing behind it."""
    value = trimmed(value)
    if isinstance(value, str) and re.fullmatch("-?[0-9]+", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def groups_problem(value: Any) -> str | None:
    is_right = isinstance(value, list) and all(1 <= (item or 0) <= MAX_ID for item in value)
    return None if is_right else WRONG_GROUPS


def attributes_problem(value: Any) -> str | None:
    is_right = isinstance(value, dict) and all(
        _KEY.fullmatch(key) and _is_attribute(item) for key, item in value.items()
    )
    return None if is_right else WRONG_ATTRIBUTES


def _is_attribute(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= 1000
    return (
        value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) <= MAX_ID)
    )


def type_problem(value: Any) -> str | None:
    return None if value in TYPES else WRONG_TYPE


def meant(name: str, value: Any) -> Any:
    """Return what a value that is there means as this field."""
    if name in INTEGERS:
        return number(value)
    if name == "groups":
        return as_ids(value)
    if name == "attributes":
        # An empty object of PHP.
        value = {} if value == [] else value
        return {key: trimmed(item) for key, item in value.items()} if isinstance(value, dict) else value
    return trimmed(value) if name == "type" else as_text(value)


def value_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with a value that is there, whatever the other contacts are."""
    if name in TEXTS:
        return text_problem(name, value, TEXTS[name])
    if name in INTEGERS:
        return integer_problem(name, value)
    rules: Mapping[str, Callable[[Any], str | None]] = {
        "phone": phone_problem,
        "type": type_problem,
        "email": email_problem,
        "groups": groups_problem,
        "attributes": attributes_problem,
    }
    return rules[name](value)


def read_contact(body: Mapping[str, Any], *, is_change: bool, is_strict: bool = False) -> Reading:
    """Read the body of a contact; in a change null clears and absent stays."""
    reading = Reading({}, {}, {name: UNKNOWN_IN_CONTACTS[name] for name in body if name not in FIELDS})
    for name in FIELDS:
        if is_change and name not in body:
            continue
        if is_none(name, body.get(name)):
            if name in REQUIRED:
                reading.problems[name] = [REQUIRED[name]]
            else:
                reading.fields[name] = None
            continue
        value = meant(name, body[name])
        if problem := value_problem(name, value):
            reading.problems[name] = [problem]
        else:
            reading.fields[name] = value
    if is_strict:
        reading.problems |= {name: [ANY] for name in reading.unknown}
    return reading
