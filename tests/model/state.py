"""Contacts, groups, sources and statuses of one tenant, as the contract has them: dictionaries and loops."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.model import rules
from tests.model.rules import PHONES

Problems = dict[str, list[str]]
NOUNS = {"groups": "Group", "sources": "Source", "statuses": "Status"}
REFERS = {"sources": "source_id", "statuses": "status_id"}


@dataclasses.dataclass(frozen=True, order=True)
class Moment:
    """When something was written: the how manieth write of the tenant it was."""

    number: int


@dataclasses.dataclass
class Expected:
    """What the server should answer."""

    status: int
    data: Any = None
    code: str | None = None
    details: Any = None
    pagination: dict[str, Any] | None = None


@dataclasses.dataclass
class Label:
    """A group, a source or a status."""

    id: int
    name: str
    color: str | None
    created: Moment
    updated: Moment


@dataclasses.dataclass
class Contact:
    """A contact; `fields` are those that are kept as they come."""

    id: int
    fields: dict[str, Any]
    groups: list[int]
    attributes: dict[str, Any]
    created: Moment
    updated: Moment

    @property
    def key(self) -> str:
        """The number its phone means."""
        return PHONES[self.fields["phone"]]

    @property
    def email(self) -> str | None:
        """Its email in the form that is unique."""
        return folded(self.fields["email"])


def folded(text: str | None) -> str | None:
    return None if text is None else text.lower()


def invalid(details: Any) -> Expected:
    return Expected(422, code="VALIDATION_ERROR", details=details)


def missing() -> Expected:
    return Expected(404, code="NOT_FOUND", details={})


class Tenant:
    """Everything of one tenant. New rows take their ids from the server's answer."""

    def __init__(self, source: Label, status: Label, maximum: int) -> None:
        self.contacts: dict[int, Contact] = {}
        self.labels = {"groups": {}, "sources": {source.id: source}, "statuses": {status.id: status}}
        self.defaults = {"sources": source.id, "statuses": status.id, "groups": 0}
        self.maximum = maximum
        self.new_ids: Iterator[int] = iter(())
        self._now = 0

    def now(self) -> Moment:
        self._now += 1
        return Moment(self._now)

    # What is shown

    def shown_label(self, noun: str, label: Label) -> dict[str, Any]:
        color = {"color": label.color} if noun == "statuses" else {}
        times = {"created_at": label.created, "updated_at": label.updated}
        return {"id": label.id, "name": label.name, **color, **times}

    def shown(self, contact: Contact, includes: Sequence[str] = ()) -> dict[str, Any]:
        item = {
            "id": contact.id,
            **contact.fields,
            "group_id": contact.groups,
            "is_opted_out": False,
            "attributes": contact.attributes,
            "created_at": contact.created,
            "updated_at": contact.updated,
        }
        if "groups" in includes:
            groups = [self.labels["groups"][group_id] for group_id in contact.groups]
            item["groups"] = [self.shown_label("groups", group) for group in groups]
        for name, noun in (("source", "sources"), ("status", "statuses")):
            if name in includes:
                item[name] = self.shown_label(noun, self.labels[noun][contact.fields[f"{name}_id"]])
        return item

    # Contacts

    def get(self, contact_id: int, includes: Sequence[str]) -> Expected:
        contact = self.contacts.get(contact_id)
        return Expected(200, self.shown(contact, includes)) if contact else missing()

    def create(self, body: Mapping[str, Any]) -> Expected:
        fields, problems = rules.read_contact(body, is_change=False)
        problems = problems or self._refused(fields, None)
        if problems:
            return invalid(problems)
        if len(self.contacts) >= self.maximum:
            return Expected(403, code="FEATURE_LIMIT_EXCEEDED", details=self._limit())
        return Expected(201, self.shown(self._add(fields, self.now()), ["groups"]))

    def change(self, contact_id: int, body: Mapping[str, Any]) -> Expected:
        fields, problems = rules.read_contact(body, is_change=True)
        contact = self.contacts.get(contact_id)
        if problems:
            return invalid(problems)
        if contact is None:
            return missing()
        problems = self._refused(fields, contact)
        if problems:
            return invalid(problems)
        if fields:
            contact.updated = self.now()
        contact.fields |= {name: value for name, value in fields.items() if name in rules.PLAIN}
        if "groups" in fields:
            contact.groups = list(dict.fromkeys(fields["groups"] or ()))
        if "attributes" in fields:
            contact.attributes = _merged(contact.attributes, fields["attributes"])
        return Expected(200, self.shown(contact, ["groups"]))

    def delete(self, contact_id: int) -> Expected:
        return Expected(200) if self.contacts.pop(contact_id, None) else missing()

    def delete_batch(self, ids: Any) -> Expected:
        if problem := _ids_problem(ids, "deleted in one call"):
            return invalid({"ids": [problem]})
        gone = {contact_id for contact_id in ids if self.contacts.pop(contact_id, None)}
        summary = {"total": len(ids), "deleted": len(gone), "failed": len(ids) - len(gone)}
        return Expected(200, {"success": True, "summary": summary})

    def create_batch(self, rows: Sequence[Any], *, goes_on: bool, skips: bool) -> Expected:
        """Decide row by row; nothing is kept before it is clear that the batch is."""
        before, now = dict(self.contacts), self.now()
        created: list[Contact] = []
        skipped: list[Any] = []
        errors: list[Any] = []
        for index, row in enumerate(rows):
            place = {"index": index, "data": row}
            if skips and self._is_duplicate(row):
                skipped.append({**place, "reason": "duplicate_phone"})
                continue
            code, problems = self._row_problems(row)
            if not problems and len(self.contacts) >= self.maximum:
                if not created and len(before) >= self.maximum:
                    return Expected(403, code="FEATURE_LIMIT_EXCEEDED", details=self._limit())
                code = "FEATURE_LIMIT_EXCEEDED"
                problems = {"contacts": ["Contact limit reached for the current plan"]}
            if not problems:
                # Ids are given out when all rows are decided: until then a row has none.
                created.append(self._add(rules.read_contact(row, is_change=False)[0], now, -1 - index))
                continue
            errors.append({**place, "code": code, "errors": problems})
            if not goes_on:
                self.contacts = before
                summary = {"total": len(rows), "created": 0, "skipped": len(skipped), "failed": len(errors)}
                return invalid({"summary": summary, "errors": errors})
        self.contacts = before
        for contact in created:
            contact.id = next(self.new_ids, 0)
            self.contacts[contact.id] = contact
        counts = {"created": len(created), "skipped": len(skipped), "failed": len(errors)}
        items = [self.shown(contact, ["groups"]) for contact in created]
        data = {"success": True, "summary": {"total": len(rows), **counts}}
        return Expected(200, data | {"created": items, "skipped": skipped, "errors": errors})

    def _is_duplicate(self, row: Any) -> bool:
        phone = row.get("phone") if isinstance(row, dict) else None
        return isinstance(phone, str) and self._has_phone(phone, None)

    def _row_problems(self, row: Any) -> tuple[str, Problems]:
        code = "VALIDATION_ERROR"
        if not isinstance(row, dict):
            return code, {"": ["Expected an object"]}
        fields, problems = rules.read_contact(row, is_change=False)
        if not problems:
            return code, self._refused(fields, None)
        if "phone" not in problems:
            # A row with other faults is told about its phone all the same.
            problems |= self._phone_problem(fields["phone"], None)
        return code, problems

    def _add(self, fields: Mapping[str, Any], now: Moment, new_id: int | None = None) -> Contact:
        contact = Contact(
            next(self.new_ids, 0) if new_id is None else new_id,
            {name: fields[name] for name in rules.PLAIN},
            list(dict.fromkeys(fields["groups"] or ())),
            _merged({}, fields["attributes"]),
            now,
            now,
        )
        self.contacts[contact.id] = contact
        return contact

    def _limit(self) -> dict[str, Any]:
        return {"feature": "contacts", "current": len(self.contacts), "maximum": self.maximum}

    def _has_phone(self, text: str, but: Contact | None) -> bool:
        key = PHONES.get(text)
        return any(other.key == key for other in self.contacts.values() if other is not but)

    def _phone_problem(self, text: str, but: Contact | None) -> Problems:
        if text in rules.PHONE_PROBLEMS:
            return {"phone": [rules.PHONE_PROBLEMS[text]]}
        return {"phone": [rules.PHONE_TAKEN]} if self._has_phone(text, but) else {}

    def _refused(self, fields: Mapping[str, Any], but: Contact | None) -> Problems:
        """Return what stands against fields that are right in themselves."""
        problems: Problems = {}
        for noun, text in (("sources", rules.NO_SOURCE), ("statuses", rules.NO_STATUS)):
            name = REFERS[noun]
            if name in fields and fields[name] not in self.labels[noun]:
                problems[name] = [text]
        if not set(fields.get("groups") or ()) <= self.labels["groups"].keys():
            problems["groups"] = [rules.NO_GROUP]
        old = but.attributes if but else {}
        if fields.get("attributes") and len(_merged(old, fields["attributes"])) > 50:
            problems["attributes"] = [rules.TOO_MANY_ATTRIBUTES]
        if "phone" in fields:
            problems |= self._phone_problem(fields["phone"], but)
        email = folded(fields.get("email"))
        if email and any(other.email == email for other in self.contacts.values() if other is not but):
            problems["email"] = [rules.EMAIL_TAKEN]
        return problems

    # Groups, sources and statuses

    def get_label(self, noun: str, label_id: int) -> Expected:
        label = self.labels[noun].get(label_id)
        return Expected(200, self.shown_label(noun, label)) if label else missing()

    def create_label(self, noun: str, body: Mapping[str, Any]) -> Expected:
        problems = self._label_problems(noun, body) or self._name_problem(noun, body["name"], 0)
        if problems:
            return invalid(problems)
        now = self.now()
        color = body.get("color") or None
        label = Label(next(self.new_ids, 0), body["name"].strip(), color, now, now)
        self.labels[noun][label.id] = label
        return Expected(201, self.shown_label(noun, label))

    def change_label(self, noun: str, label_id: int, body: Mapping[str, Any]) -> Expected:
        if problems := self._label_problems(noun, body):
            return invalid(problems)
        label = self.labels[noun].get(label_id)
        if label is None:
            return missing()
        if problems := self._name_problem(noun, body["name"], label_id):
            return invalid(problems)
        label.name, label.updated = body["name"].strip(), self.now()
        if "color" in body:
            label.color = body["color"] or None
        return Expected(200, self.shown_label(noun, label))

    def delete_label(self, noun: str, label_id: int) -> Expected:
        if label_id not in self.labels[noun]:
            return missing()
        if noun in REFERS:
            users = [c for c in self.contacts.values() if c.fields[REFERS[noun]] == label_id]
            is_default = {"is_default": True} if self.defaults[noun] == label_id else {}
            if users or is_default:
                details = {"contacts_count": len(users), **is_default}
                return Expected(409, code="RESOURCE_CONFLICT", details=details)
        now = self.now()
        for contact in self.contacts.values():
            if noun == "groups" and label_id in contact.groups:
                contact.groups.remove(label_id)
                contact.updated = now
        del self.labels[noun][label_id]
        return Expected(200)

    def move(self, group_id: int, ids: Any, *, is_adding: bool) -> Expected:
        """Add members, or remove them."""
        if problem := _ids_problem(ids, "given in one call"):
            return invalid({"contact_ids": [problem]})
        if group_id not in self.labels["groups"]:
            return missing()
        if is_adding and not set(ids) <= self.contacts.keys():
            return invalid({"contact_ids": ["One or more contact IDs do not exist"]})
        now, count = self.now(), 0
        for contact in [self.contacts[contact_id] for contact_id in set(ids) & self.contacts.keys()]:
            if (group_id in contact.groups) == is_adding:
                continue
            count += 1
            contact.updated = now
            contact.groups = [*contact.groups, group_id] if is_adding else _without(contact.groups, group_id)
        return Expected(200, {"group_id": group_id, f"contacts_{'added' if is_adding else 'removed'}": count})

    def _label_problems(self, noun: str, body: Mapping[str, Any]) -> Problems:
        word, name, color = NOUNS[noun], body.get("name"), body.get("color")
        problem = text_problem_of_name(word, name)
        problems = {"name": [problem]} if problem else {}
        if noun != "statuses":
            return problems | {other: [rules.ANY] for other in body if other != "name"}
        is_color = rules.is_blank(color) or (
            isinstance(color, str)
            and len(color) == 7
            and color[0] == "#"
            and set(color[1:]) <= set("0123456789abcdefABCDEF")
        )
        return problems if is_color else problems | {"color": [rules.WRONG_COLOR]}

    def _name_problem(self, noun: str, name: str, but: int) -> Problems:
        others = [label for label in self.labels[noun].values() if label.id != but]
        if not any(folded(label.name) == folded(name.strip()) for label in others):
            return {}
        article = f"A {NOUNS[noun].lower()}"
        return {"name": [f"{article} with this name already exists"]}


def text_problem_of_name(word: str, name: Any) -> str | None:
    if rules.is_blank(name):
        return f"{word} name is required"
    return rules.text_problem("name", name, 255, f"{word} name")


def _merged(old: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return attributes after a change: null instead of an object takes all away, null as a value one."""
    if changes is None:
        return {}
    return {key: value for key, value in {**old, **changes}.items() if value is not None}


def _without(items: Sequence[int], item: int) -> list[int]:
    return [other for other in items if other != item]


def _ids_problem(ids: Any, action: str) -> str | None:
    if ids is None or ids == []:
        return "Contact IDs are required"
    if not isinstance(ids, list):
        return "Contact IDs must be an array"
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in ids):
        return "Contact IDs must be integers"
    noun = "contacts" if "deleted" in action else "contact IDs"
    return f"At most 1,000 {noun} can be {action}" if len(ids) > 1000 else None
