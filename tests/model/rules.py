"""What the contract says about single values, said a second time: nothing here is code of the server."""

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
FIELDS = (*REQUIRED, "email", "company", "description", "city", "state", "zip", "address")
FIELDS = (*FIELDS, "country_id", "assigned_id", "groups", "attributes")
PLAIN = tuple(name for name in FIELDS if name not in {"groups", "attributes"})

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
ANY = "any text"  # in expected details: what the message says is not part of the contract


def _spelt() -> dict[str, str]:
    """Return many ways to write few numbers, each with the number that it means."""
    spelt = {}
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
            spelt[text] = key
    for n in range(4):
        for text in (f"+52 1 55 1234 567{n}", f"+52 55 1234 567{n}", f"5215512345 67{n}"):
            spelt[text] = f"525512345{'67'}{n}"
        for text in (f"+55 11 98765 432{n}", f"+55 (11) 8765-432{n}", f"+551198765432{n}"):
            spelt[text] = f"551198765432{n}"
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
    "12345": (
        "This cannot be read as a phone number that exists. "
        "Write it with + and its country code, for example +44 20 7946 0011."
    ),
}


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def text_problem(name: str, value: Any, longest: int, noun: str | None = None) -> str | None:
    noun = noun or f"The {name} field"
    if isinstance(value, str) and "\x00" in value:
        return f"The {name} field must not contain NUL characters"
    if not isinstance(value, str):
        return f"{noun} must be a string"
    return f"{noun} must not be greater than {longest} characters" if len(value) > longest else None


def email_problem(value: Any) -> str | None:
    if isinstance(value, str) and not _EMAIL.fullmatch(value):
        return "Email must be a valid email address"
    return text_problem("email", value, 191)


def integer_problem(name: str, value: Any) -> str | None:
    if number(value) is None:
        return f"The {name} field must be an integer"
    if not 1 <= (number(value) or 0) <= MAX_ID:
        default = f"The {name} field must be between 1 and {MAX_ID}"
        return {"source_id": NO_SOURCE, "status_id": NO_STATUS}.get(name, default)
    return None


def number(value: Any) -> int | None:
    """Return an integer that may have come as a text of digits."""
    if isinstance(value, str) and re.fullmatch("[0-9]+", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def groups_problem(value: Any) -> str | None:
    is_right = isinstance(value, list) and all(1 <= (number(item) or 0) <= MAX_ID for item in value)
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


def value_problem(name: str, value: Any) -> str | None:
    """Return what is wrong with a value that is there, whatever the other contacts are."""
    if name in TEXTS:
        return text_problem(name, value, TEXTS[name])
    if name in INTEGERS:
        return integer_problem(name, value)
    if name == "phone":
        return text_problem(name, value, 20, "Phone number")
    rules: Mapping[str, Callable[[Any], str | None]] = {
        "type": type_problem,
        "email": email_problem,
        "groups": groups_problem,
        "attributes": attributes_problem,
    }
    return rules[name](value)


def read_contact(body: Mapping[str, Any], *, is_change: bool) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the fields of a body, and what is wrong with them; in a change null clears and absent stays."""
    fields: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name in FIELDS:
        value = body.get(name)
        if is_change and name not in body:
            continue
        if is_blank(value):
            fields[name] = None
            problems |= {name: [REQUIRED[name]]} if name in REQUIRED else {}
            continue
        problem = value_problem(name, value)
        problems |= {name: [problem]} if problem else {}
        fields[name] = number(value) if name in INTEGERS else value
        if name == "groups" and isinstance(value, list):
            fields[name] = [number(item) for item in value]
    return fields, problems | {name: [ANY] for name in body if name not in FIELDS}
