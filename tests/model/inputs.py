"""Random bodies and queries: mostly right, often in conflict with what there is, sometimes wrong in itself."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

from tests.model import rules
from tests.model.lists import UNKNOWN_QUERIES, Filter, Query, Spelling
from tests.model.state import Tenant

NAMES = ("Ana", "ana", "Élise", "Rui", "Bo", "O'Neil", "de la Cruz", "Zoë", "50%_off", "李")
COMPANIES = ("Harbour Books", "harbour", "B&B", "a_b")
EMAILS = (
    "ana@a.de",
    "ANA@a.de",
    "Ana@A.de",
    "rui.melo@b.test",
    "RUI.Melo@b.test",
    "bo+x@c-d.test",
    "z_z@e.test",
)
LABELS = ("VIP", "vip", " Vip ", "Old", "Été", "ÉTÉ", "New", "NEW", "api", "Web_site", "100%")
_SIGNS = ("gte", "lte", "gt", "lt", "ne")
WORDS = (
    "ana",
    "AN",
    "élise",
    "É",
    "442",
    "+44",
    "7946",
    "a_b",
    "%",
    "_",
    "boo",
    "b",
    "de",
    "test",
    "x",
    "vip",
    "20",
)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "firstname": NAMES,
    "lastname": NAMES,
    "phone": tuple(rules.PHONES),
    "type": rules.TYPES,
    "email": (*EMAILS, *(f"p{n}@Mail.test" for n in range(40)), None, ""),
    "country_id": (1, 2, 3, "4", None, 0, "0", 2.0),
    "assigned_id": (1, 2, 3, "4", None, 0, " 0 "),
}
WRONG: dict[str, tuple[Any, ...]] = {
    "firstname": ("", None, "x" * 256, True, "a\x00b"),
    "lastname": (" ", "x" * 256, []),
    "phone": ("", 5, False, [], "1" * 21, "+4420\x00", *rules.PHONE_PROBLEMS),
    "type": ("vip", None, "Lead", 5),
    "email": ("nobody", "a b@c.de", "a@b", f"{'x' * 190}@a.de", 7),
    "company": ("x" * 256, True),
    "description": ({}, "a\x00"),
    "city": ("x" * 256,),
    "zip": ("1" * 21,),
    "address": ("x" * 501,),
    "country_id": ("four", rules.MAX_ID + 1, True, 1.5),
    "assigned_id": (-1, [], "-1", False),
    "source_id": (0, rules.MAX_ID + 1, "x", None),
    "status_id": (-1, "new", None),
    "groups": ("one", [1, "x"], [True], [0], {}, "0"),
    "attributes": ("gold", [1], {"Tier": 1}, {"a" * 51: 1}, {"a": []}, {"a": 2**63}, {"a": "x" * 1001}),
}


class Inputs:
    """Draws inputs for one tenant; `others` is the stranger, whose ids are drawn now and then."""

    def __init__(self, chance: random.Random, tenant: Tenant, others: Tenant) -> None:
        self.chance = chance
        self._tenant = tenant
        self._others = others

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def contact_id(self) -> int:
        return self._id(self._tenant.contacts, self._others.contacts)

    def label_id(self, noun: str) -> int:
        return self._id(self._tenant.labels[noun], self._others.labels[noun])

    def _id(self, own: dict[int, Any], foreign: dict[int, Any]) -> int:
        draw = self.chance.random()
        if own and draw < 0.9:
            return self.chance.choice(sorted(own))
        if foreign and draw < 0.97:
            return self.chance.choice(sorted(foreign))
        return self.chance.choice((0, 999_999_999, rules.MAX_ID))

    def ids(self) -> Any:
        if self.often(0.05):
            return self.chance.choice((None, [], "one", [1, "x"], [1.5], {}))
        ids = [self.contact_id() for _ in range(self.chance.randint(1, 5))]
        if self.often(0.1):
            return ", ".join(map(str, ids))
        if self.often(0.1):
            return list(map(str, ids))
        return ids if self.often(0.9) else [*ids, -1, ids[0]]

    def body(self) -> dict[str, Any]:
        """A body for a new contact."""
        body = {name: self._value(name) for name in rules.REQUIRED}
        for name in rules.FIELDS:
            if name not in body and self.often(0.3):
                body[name] = self._value(name)
        self._spoil(body)
        return body

    def change(self) -> dict[str, Any]:
        """A body for a change."""
        names = self.chance.sample(rules.FIELDS, self.chance.randint(0, 4))
        body = {name: self._value(name) for name in names}
        self._spoil(body)
        return body

    def put(self) -> tuple[dict[str, Any], Any]:
        """A body to put, often of somebody who is there, and what is to tell who it is; None says nothing."""
        body = self.body() if self.often(0.5) else self.change()
        known = self._tenant.contacts.get(self.contact_id())
        if known and self.often(0.5):
            body["phone"] = self.chance.choice(
                [text for text, (_, key) in rules.PHONES.items() if key == known.key]
            )
        if known and known.email and self.often(0.5):
            body["email"] = self.chance.choice((known.email, f" {known.email.upper()} "))
        match = self.chance.choice((None, "phone", "email", "email", " email "))
        return body, "name" if self.often(0.03) else match

    def _spoil(self, body: dict[str, Any]) -> None:
        if self.often(0.2):
            for name in self.chance.sample(list(WRONG), self.chance.randint(1, 3)):
                body[name] = self.chance.choice(WRONG[name])
        if self.often(0.1):
            body[self.chance.choice(list(rules.UNKNOWN_IN_CONTACTS))] = self.chance.choice(
                (1, "x", [12], None)
            )
        if self.often(0.02) and body:
            del body[self.chance.choice(sorted(body))]

    def _value(self, name: str) -> Any:
        value = self._plain_value(name)
        if isinstance(value, str) and self.often(0.1):
            blanks = (" ", "\t", "\u00a0", "\ufeff", "\u200b ", "\n")
            return f"{self.chance.choice(blanks)}{value}{self.chance.choice(blanks)}"
        return value

    def _plain_value(self, name: str) -> Any:
        pick = self.chance.choice
        match name:
            case "source_id" | "status_id":
                value = self.label_id("sources" if name == "source_id" else "statuses")
                return value if self.often(0.9) else str(value)
            case "groups":
                ids = [self.label_id("groups") for _ in range(self.chance.randint(0, 3))]
                texts = list(map(str, ids))
                return pick((ids, ids * 2, ids, texts, ",".join(texts), None)) if ids else pick(([], None))
            case "attributes":
                return self._attributes()
        if name in rules.TEXTS and self.often(0.05):
            return pick((5, 90210, 1.5, -3))
        if name == "phone" and self.often(0.05):
            return int(pick([text for text in rules.PHONES if text.isascii() and text.isdecimal()]))
        return pick(OPTIONS.get(name, (*COMPANIES, None, "")))

    def _attributes(self) -> Any:
        if self.often(0.05):
            return {f"{self.chance.choice('kn')}{n}": n for n in range(self.chance.choice((30, 51)))}
        values = ("gold", "Gold", "5", 5, 7, 1.5, -2, True, False, "true", "2026-01-02", None, "")
        keys = self.chance.sample(("tier", "visits", "since", "is_new"), self.chance.randint(0, 3))
        attributes = {key: self.chance.choice(values) for key in keys}
        return self.chance.choice((attributes, attributes, attributes, None, []))

    def label(self, noun: str) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.chance.choice((*LABELS, f"L{self.chance.randint(0, 30)}"))}
        if self.often(0.08):
            body["name"] = self.chance.choice(("", " ", None, 5, 7.5, True, "x" * 256, "a\x00"))
        if self.often(0.1):
            body[self.chance.choice(list(rules.UNKNOWN_IN_LABELS))] = "x"
        if noun == "statuses" and self.often(0.6):
            body["color"] = self.chance.choice(
                ("#FF5733", " #00ff00", None, "", "red", "#12345", "#1234567", 5)
            )
        return body

    def query(self, noun: str) -> Query:
        sortable: tuple[str, ...] = ("name", "created_at", "updated_at")
        shown: tuple[str, ...] = ("id", "name", "created_at")
        if noun == "contacts":
            sortable, shown = (
                ("id", "firstname", "lastname", "created_at", "updated_at"),
                (*rules.FIELDS, "group_id"),
            )
        names = self.chance.sample(sortable, self.chance.choice((0, 1, 1, 2, 3)))
        filters = [self._filter(noun) for _ in range(self.chance.choice((0, 0, 1, 1, 2)))]
        wanted = tuple(name for name in self.chance.sample(shown, 3) if name != "groups")
        relations = ("groups", "source", "status")
        return Query(
            noun,
            tuple({(item.name, item.operator): item for item in filters}.values()),
            tuple((name, self.often(0.5)) for name in names),
            " ".join(self.chance.sample(WORDS, self.chance.choice((0, 0, 0, 1, 1, 2)))),
            self.chance.choice((1, 1, 1, 2, 3, 9)),
            self.chance.choice((15, 15, 1, 3, 7, 100)),
            wanted if self.often(0.3) else None,
            tuple(self.chance.sample(relations, self.chance.randint(0, 3))) if noun == "contacts" else (),
            tuple(self.chance.sample(UNKNOWN_QUERIES, 2)) if self.often(0.15) else (),
        )

    def _filter(self, noun: str) -> Filter:
        drawn = self._drawn_filter(noun)
        spelling = self.chance.choice(list(Spelling))
        if drawn.operator in {"in", "not_in"} and self.often(0.5):
            return dataclasses.replace(drawn, spelling=spelling)
        if drawn.operator in _SIGNS and self.often(0.3):
            return dataclasses.replace(drawn, spelling=Spelling.SIGN)
        return drawn

    def _drawn_filter(self, noun: str) -> Filter:
        pick = self.chance.choice
        if noun != "contacts":
            operator = pick(("eq", "ne", "like", "in", "not_in", "gte", "lt", "null", "between"))
            return Filter("name", operator, self._values(operator, ("VIP", "Old", "New", "L1", "i", "%")))
        name = pick(tuple(self._filtered()))
        options, operators = self._filtered()[name]
        operator = pick(operators)
        if name == "group_id" and operator == "eq" and self.often(0.3):  # in both
            return Filter(name, operator, (pick(options), pick(options)), Spelling.REPEATED)
        values = self._values(operator, options)
        return Filter(name, operator, tuple(map(str, values)) if operator == "like" else values)

    def _filtered(self) -> dict[str, tuple[Sequence[Any], Sequence[str]]]:
        """Return by what contacts are filtered: values, and operators."""
        sets = ("eq", "ne", "in", "not_in", "null")
        every = (*sets, "gte", "lte", "gt", "lt", "between", "like")
        ids = {noun: sorted(labels) or [1] for noun, labels in self._tenant.labels.items()}
        texts = ("gold", "5", "1.5", "5.0", "true", "2026-01-02", "-2", "Go", "zzz")
        return {
            "type": (rules.TYPES, every),
            "status_id": (ids["statuses"], every),
            "source_id": (ids["sources"], every),
            "assigned_id": ((1, 2, 3, 4), every),
            "group_id": (ids["groups"], sets),
            "phone": (list(rules.PHONES), sets),
            "email": ((*EMAILS, "p3@mail.TEST", "none@x.de"), (*sets, "like")),
            "attributes.tier": (texts, every),
            "attributes.visits": (texts, every),
        }

    def _values(self, operator: str, options: Any) -> tuple[Any, ...]:
        if operator == "null":
            return (self.often(0.5),)
        count = {"in": self.chance.randint(1, 3), "not_in": self.chance.randint(1, 3), "between": 2}
        return tuple(self.chance.choice(list(options)) for _ in range(count.get(operator, 1)))
