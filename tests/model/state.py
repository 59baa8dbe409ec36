"""Contacts, groups, sources and statuses of one tenant, as the contract has them: dictionaries and loops."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.model import rules
from tests.model.answers import Contact, Expected, Label, Moment, folded, invalid, missing
from tests.model.rules import PHONES

Problems = dict[str, Any]  # texts by field; beside them the ids of contacts that have what a field wants
NOUNS = {"groups": "Group", "sources": "Source", "statuses": "Status"}
# What names the contacts that have a phone and an email already.
OWNERS = ("contact_id", "email_contact_id")
REFERS = {"sources": "source_id", "statuses": "status_id"}


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

    def create(self, body: Mapping[str, Any], *, is_strict: bool) -> Expected:
        reading = rules.read_contact(body, is_change=False, is_strict=is_strict)
        return self._created(reading.fields, self._problems(reading, None))

    def change(self, contact_id: int, body: Mapping[str, Any], *, is_strict: bool) -> Expected:
        contact = self.contacts.get(contact_id)
        reading = rules.read_contact(body, is_change=True, is_strict=is_strict)
        return self._changed(contact, reading) if contact else missing()

    def put(self, body: Mapping[str, Any], match: Any, *, is_strict: bool) -> Expected:
        """Create, or change who has the phone or the email; `match` says which, None is the phone."""
        reading = rules.read_contact(body, is_change=True, is_strict=is_strict)
        if match not in (None, "phone", "email"):
            reading.problems["match"] = [rules.ANY]
            match = None
        fields = reading.fields
        if match == "email":
            known = self._owner_of_email(fields.get("email"), None)
        else:
            known = self._owner_of_phone(fields.get("phone"), None)
        if known:
            return self._changed(known, reading)
        needed = {"email": "Email is required to match by it"} if match == "email" else {}
        for name, text in {**rules.REQUIRED, **needed}.items():
            if fields.get(name) is None:
                reading.problems.setdefault(name, [text])
        complete = {**dict.fromkeys(rules.FIELDS), **fields}
        return self._created(complete, self._problems(reading, None))

    def _created(self, fields: Mapping[str, Any], problems: Problems) -> Expected:
        if problems:
            return invalid(problems)
        if len(self.contacts) >= self.maximum:
            return Expected(403, code="FEATURE_LIMIT_EXCEEDED", details=self._limit())
        return Expected(201, self.shown(self._add(fields, self.now()), ["groups"]))

    def _changed(self, contact: Contact, reading: rules.Reading) -> Expected:
        if problems := self._problems(reading, contact):
            return invalid(problems)
        fields = reading.fields
        if fields:
            contact.updated = self.now()
        contact.fields |= _kept(fields)
        if "groups" in fields:
            contact.groups = list(dict.fromkeys(fields["groups"] or ()))
        if "attributes" in fields:
            contact.attributes = _merged(contact.attributes, fields["attributes"])
        return Expected(200, self.shown(contact, ["groups"]))

    def _problems(self, reading: rules.Reading, but: Contact | None) -> Problems:
        """Return all that is wrong: with what was sent, and between that and what there is."""
        return self._refused(reading.fields, but) | reading.problems

    def delete(self, contact_id: int) -> Expected:
        return Expected(200) if self.contacts.pop(contact_id, None) else missing()

    def delete_batch(self, ids: Any) -> Expected:
        ids = rules.as_ids(ids)
        if problem := _ids_problem(ids, "deleted in one call"):
            return invalid({"ids": [problem]})
        gone = {contact_id for contact_id in ids if self.contacts.pop(contact_id, None)}
        summary = {"total": len(ids), "deleted": len(gone), "failed": len(ids) - len(gone)}
        return Expected(200, {"success": True, "summary": summary})

    def create_batch(self, rows: Sequence[Any], *, goes_on: bool, skips: bool, is_strict: bool) -> Expected:
        """Decide row by row; nothing is kept before it is clear that the batch is."""
        before, now = dict(self.contacts), self.now()
        created: list[Contact] = []
        skipped: list[Any] = []
        errors: list[Any] = []
        for index, row in enumerate(rows):
            place = {"index": index, "data": row}
            fields, problems = self._row(row, is_strict=is_strict)
            if skips and (owner := self._owner_of_phone(fields.get("phone"), None)):
                skipped.append({**place, "reason": "duplicate_phone", "contact_id": owner.id})
                continue
            code = "VALIDATION_ERROR"
            if not problems and len(self.contacts) >= self.maximum:
                if not created and len(before) >= self.maximum:
                    return Expected(403, code="FEATURE_LIMIT_EXCEEDED", details=self._limit())
                code = "FEATURE_LIMIT_EXCEEDED"
                problems = {"contacts": ["Contact limit reached for the current plan"]}
            if not problems:
                # Ids are given out when all rows are decided: until then a row has none.
                created.append(self._add(fields, now, -1 - index))
                continue
            owners = {name: problems.pop(name) for name in OWNERS if name in problems}
            errors.append({**place, "code": code, "errors": problems, **owners})
            if not goes_on:
                self.contacts = before
                for error in errors:
                    self._name_owners(error, {-1 - number: None for number in range(len(rows))})
                summary = {"total": len(rows), "created": 0, "skipped": len(skipped), "failed": len(errors)}
                return invalid({"summary": summary, "errors": errors})
        self.contacts = before
        ids: dict[int, int | None] = {}
        for contact in created:
            ids[contact.id] = contact.id = next(self.new_ids, 0)
            self.contacts[contact.id] = contact
        for item in (*skipped, *errors):
            self._name_owners(item, ids)
        counts = {"created": len(created), "skipped": len(skipped), "failed": len(errors)}
        items = [self.shown(contact, ["groups"]) for contact in created]
        data = {"success": True, "summary": {"total": len(rows), **counts}}
        return Expected(200, data | {"created": items, "skipped": skipped, "errors": errors})

    @staticmethod
    def _name_owners(item: dict[str, Any], ids: Mapping[int, int | None]) -> None:
        """Put in the ids that rows of the batch got; those of rows that are gone with it are not told."""
        for name in OWNERS:
            if item.get(name) in ids:
                item[name] = ids[item[name]]
            if name in item and item[name] is None:
                del item[name]

    def _row(self, row: Any, *, is_strict: bool) -> tuple[dict[str, Any], Problems]:
        """Return the fields of a row that are right, and all that is wrong with it."""
        if not isinstance(row, dict):
            return {}, {"": ["Expected an object"]}
        reading = rules.read_contact(row, is_change=False, is_strict=is_strict)
        return reading.fields, self._problems(reading, None)

    def _add(self, fields: Mapping[str, Any], now: Moment, new_id: int | None = None) -> Contact:
        contact = Contact(
            next(self.new_ids, 0) if new_id is None else new_id,
            _kept(fields),
            list(dict.fromkeys(fields["groups"] or ())),
            _merged({}, fields["attributes"]),
            now,
            now,
        )
        self.contacts[contact.id] = contact
        return contact

    def _limit(self) -> dict[str, Any]:
        return {"feature": "contacts", "current": len(self.contacts), "maximum": self.maximum}

    def _owner_of_phone(self, text: str | None, but: Contact | None) -> Contact | None:
        _, key = PHONES.get(text or "", (None, None))
        return next((other for other in self._others(but) if other.key == key), None)

    def _owner_of_email(self, text: str | None, but: Contact | None) -> Contact | None:
        email = folded(text)
        return next((other for other in self._others(but) if email and other.email == email), None)

    def _others(self, but: Contact | None) -> list[Contact]:
        return [other for other in self.contacts.values() if other is not but]

    def _refused(self, fields: Mapping[str, Any], but: Contact | None) -> Problems:
        """Return what stands against fields that are right in themselves."""
        problems: Problems = {}
        for noun, text in (("sources", rules.NO_SOURCE), ("statuses", rules.NO_STATUS)):
            name = REFERS[noun]
            if fields.get(name) is not None and fields[name] not in self.labels[noun]:
                problems[name] = [text]
        if not set(fields.get("groups") or ()) <= self.labels["groups"].keys():
            problems["groups"] = [rules.NO_GROUP]
        old = but.attributes if but else {}
        if fields.get("attributes") and len(_merged(old, fields["attributes"])) > 50:
            problems["attributes"] = [rules.TOO_MANY_ATTRIBUTES]
        if fields.get("phone") in rules.PHONE_PROBLEMS:
            problems["phone"] = [rules.PHONE_PROBLEMS[fields["phone"]]]
        if owner := self._owner_of_phone(fields.get("phone"), but):
            problems |= {"phone": [rules.PHONE_TAKEN], "contact_id": owner.id}
        if owner := self._owner_of_email(fields.get("email"), but):
            problems |= {"email": [rules.EMAIL_TAKEN], "email_contact_id": owner.id}
        return problems

    # Groups, sources and statuses

    def get_label(self, noun: str, label_id: int) -> Expected:
        label = self.labels[noun].get(label_id)
        return Expected(200, self.shown_label(noun, label)) if label else missing()

    def create_label(self, noun: str, body: Mapping[str, Any], *, is_strict: bool) -> Expected:
        if problems := self._label_problems(noun, body, None, is_strict=is_strict):
            return invalid(problems)
        now = self.now()
        label = Label(next(self.new_ids, 0), rules.as_text(body["name"]), _color(body), now, now)
        self.labels[noun][label.id] = label
        return Expected(201, self.shown_label(noun, label))

    def change_label(self, noun: str, label_id: int, body: Mapping[str, Any], *, is_strict: bool) -> Expected:
        label = self.labels[noun].get(label_id)
        if label is None:
            return missing()
        if problems := self._label_problems(noun, body, label, is_strict=is_strict):
            return invalid(problems)
        label.name, label.updated = rules.as_text(body["name"]), self.now()
        if "color" in body:
            label.color = _color(body)
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
        if group_id not in self.labels["groups"]:
            return missing()
        ids = rules.as_ids(ids)
        if problem := _ids_problem(ids, "given in one call"):
            return invalid({"contact_ids": [problem]})
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

    def unknown_in_label(self, noun: str, body: Mapping[str, Any]) -> dict[str, str | None]:
        known = {"name", "color"} if noun == "statuses" else {"name"}
        return {other: rules.UNKNOWN_IN_LABELS.get(other) for other in body if other not in known}

    def _label_problems(
        self, noun: str, body: Mapping[str, Any], but: Label | None, *, is_strict: bool
    ) -> Problems:
        name = rules.as_text(body.get("name"))
        problems: Problems = {}
        if problem := text_problem_of_name(NOUNS[noun], name):
            problems["name"] = [problem]
        elif any(
            folded(label.name) == folded(name) for label in self.labels[noun].values() if label is not but
        ):
            problems["name"] = [f"A {NOUNS[noun].lower()} with this name already exists"]
        if noun == "statuses" and not _is_color(_color(body)):
            problems["color"] = [rules.WRONG_COLOR]
        if is_strict:
            problems |= {other: [rules.ANY] for other in self.unknown_in_label(noun, body)}
        return problems


def _color(body: Mapping[str, Any]) -> Any:
    return rules.as_text(body.get("color")) or None


def _is_color(color: Any) -> bool:
    if color is None:
        return True
    return (
        isinstance(color, str)
        and len(color) == 7
        and color[0] == "#"
        and set(color[1:]) <= set("0123456789abcdefABCDEF")
    )


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are kept as they are meant; of a phone, what is kept of its spelling."""
    kept = {name: value for name, value in fields.items() if name in rules.PLAIN}
    return kept | {"phone": PHONES[kept["phone"]][0]} if "phone" in kept else kept


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
    if not all(isinstance(item, int) for item in ids):
        return "Contact IDs must be integers"
    noun = "contacts" if "deleted" in action else "contact IDs"
    return f"At most 1,000 {noun} can be {action}" if len(ids) > 1000 else None
