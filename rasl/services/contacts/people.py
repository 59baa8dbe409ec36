"""Who writes to us: every alias of a message leads to one contact, found, completed, created or merged."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from rasl import log, metrics
from rasl.db import contact_aliases, contact_twins, contacts, recipients
from rasl.db import inbound as inbound_rows
from rasl.db.contact_aliases import Alias, NewAlias, Phone
from rasl.db.pool import Database, Db, Row
from rasl.domain import phone
from rasl.graph.changes import InboundMessage
from rasl.services.contacts.arrivals import Arrival, Book, Mode, arrive

_NAME_LENGTH = 255
_DIGITS = re.compile("[0-9]{1,20}")
_CHANGES = frozenset({"user_changed_number", "customer_changed_number", "user_changed_user_id"})
_logger = log.get_logger()


class Sender(msgspec.Struct, frozen=True):
    """A person as one message shows them; `moved_to` is the phone they changed to."""

    tenant_id: int
    aliases: tuple[Alias, ...]
    wa_id: str | None
    name: str
    moved_to: str | None = None


class Person(msgspec.Struct):
    """All that a batch tells about one person; without a contact until they are found or created."""

    tenant_id: int
    aliases: dict[Alias, str | None]  # with Meta's spelling, where it is a phone
    name: str
    contact_id: int | None = None
    moved_to: str | None = None


class TwinsFoundError(Exception):
    """Aliases of one person lead to two contacts, which must be merged before the batch can be applied."""

    def __init__(self, pairs: Iterable[tuple[int, int, int]]) -> None:
        self.pairs = sorted(set(pairs))
        super().__init__("one person has two contacts")


def sender_of(tenant_id: int, message: InboundMessage) -> Sender:
    """Return the person behind a message; one that announces a new number or id belongs to old and new alike."""
    aliases: list[Alias] = []
    moved_to = None
    if message.sender_phone:
        aliases.append((tenant_id, "phone", phone.match_key(message.sender_phone)))
    aliases += _ids(tenant_id, message.sender_bsuid, message.parent_bsuid)
    system = message.payload.get("system") if message.type == "system" else None
    if isinstance(system, dict) and system.get("type") in _CHANGES:
        moved_to = _digits(system.get("wa_id")) or _digits(system.get("new_wa_id"))
        aliases += _ids(tenant_id, system.get("previous_user_id"), system.get("previous_parent_user_id"))
        aliases += _ids(tenant_id, system.get("user_id"), system.get("parent_user_id"))
        if moved_to:
            aliases.append((tenant_id, "phone", phone.match_key(moved_to)))
    name = message.profile_name or message.username or message.sender_phone or message.sender_bsuid or ""
    if moved_to == message.sender_phone:
        moved_to = None
    return Sender(tenant_id, tuple(dict.fromkeys(aliases)), message.sender_phone, name, moved_to)


async def find(db: Db, senders: Sequence[Sender]) -> list[Person]:
    """Return the person of each sender; several senders may be one person, whose contact may not exist yet.

    Raises TwinsFoundError.
    """
    known = await contact_aliases.find(
        db, list(dict.fromkeys(alias for item in senders for alias in item.aliases))
    )
    owners: dict[Alias, Person] = {}
    twins: list[tuple[int, int, int]] = []
    for sender in senders:
        person = _united(sender, owners, twins)
        for alias in sender.aliases:
            row = known.get(alias)
            if row is None:
                continue
            if person.contact_id is None:
                person.contact_id = row["contact_id"]
            elif person.contact_id != row["contact_id"]:
                twins.append(_pair(sender, person.contact_id, row["contact_id"]))
    if twins:
        raise TwinsFoundError(twins)
    people = [owners[sender.aliases[0]] for sender in senders]
    await _complete(db, people, known)
    return people


async def create(db: Db, people: Sequence[Person]) -> None:
    """Create the contacts of those who have none; plan limits never refuse somebody who writes to the tenant."""
    by_tenant: dict[int, list[Person]] = defaultdict(list)
    for person in people:
        if all(person is not other for other in by_tenant[person.tenant_id]):
            by_tenant[person.tenant_id].append(person)
    defaults = await inbound_rows.load_defaults(db, list(by_tenant))
    incomplete: list[Person] = []
    for tenant_id, strangers in sorted(by_tenant.items()):
        arrivals = [_arrival(person, defaults[tenant_id]) for person in strangers]
        outcomes = await arrive(Book(db, tenant_id), arrivals, Mode.BY_PHONE)
        for person, outcome in zip(strangers, outcomes, strict=True):
            person.contact_id = outcome.contact_id
            # Somebody else may have created one in the same moment.
            if len(person.aliases) > 1 or outcome.word == "known":
                incomplete.append(person)
    if incomplete:
        aliases = dict.fromkeys(alias for person in incomplete for alias in person.aliases)
        await _complete(db, incomplete, await contact_aliases.find(db, list(aliases)))


async def merge(database: Database, tenant_id: int, first_id: int, second_id: int) -> bool:
    """Make one contact of two that turned out to be one person; returns whether both were still there.

    The one with a phone stays, otherwise the older one. Conversations with the same number of ours become one.
    """
    async with database.transaction() as db:
        rows = await contact_twins.lock_twins(db, tenant_id, [first_id, second_id])
        if len(rows) < 2:
            return False
        kept, gone = sorted(rows, key=lambda row: (not row["has_phone"], row["id"]))
        await contact_twins.join_conversations(db, tenant_id, kept["id"], gone["id"])
        await contact_twins.absorb_contact(db, tenant_id, kept["id"], gone["id"])
        await contacts.change_count(db, tenant_id, -1)
    _logger.info("contacts_merged", tenant_id=tenant_id, kept_id=kept["id"], gone_id=gone["id"])
    metrics.APPLIED.labels("merged_contact").inc()
    return True


def _united(sender: Sender, owners: dict[Alias, Person], twins: list[tuple[int, int, int]]) -> Person:
    """Return the one person behind all aliases of the sender, joining those the batch held for several."""
    person: Person | None = None
    for alias in sender.aliases:
        other = owners.get(alias)
        if other is None or other is person:
            continue
        if person is None:
            person = other
            continue
        if (
            person.contact_id is not None
            and other.contact_id is not None
            and person.contact_id != other.contact_id
        ):
            twins.append(_pair(sender, person.contact_id, other.contact_id))
        person.contact_id = person.contact_id or other.contact_id
        person.aliases |= other.aliases
        owners.update(dict.fromkeys(other.aliases, person))
    if person is None:
        person = Person(sender.tenant_id, {}, sender.name)
    person.moved_to = sender.moved_to or person.moved_to
    for alias in sender.aliases:
        is_own_phone = alias[1] == "phone" and sender.wa_id and alias[2] == phone.match_key(sender.wa_id)
        person.aliases.setdefault(alias, None)
        if is_own_phone:
            person.aliases[alias] = sender.wa_id
        elif alias[1] == "phone":
            person.aliases[alias] = sender.moved_to
        owners[alias] = person
    return person


def _pair(sender: Sender, first_id: int, second_id: int) -> tuple[int, int, int]:
    return sender.tenant_id, min(first_id, second_id), max(first_id, second_id)


async def _complete(db: Db, people: Sequence[Person], known: dict[Alias, Row]) -> None:
    """Give contacts the aliases, the phone and Meta's spelling that they lack."""
    found = {person.contact_id: person for person in people if person.contact_id is not None}
    missing: list[NewAlias] = []
    spellings: list[tuple[int, str, str]] = []
    for contact_id, person in found.items():
        for alias, wa_id in person.aliases.items():
            row = known.get(alias)
            if row is None:
                missing.append(NewAlias(*alias, contact_id, wa_id))
            elif wa_id and row["wa_id"] != wa_id and not person.moved_to:
                spellings.append((person.tenant_id, alias[2], wa_id))
    phones = {
        alias.contact_id: Phone(alias.tenant_id, alias.contact_id, alias.wa_id, has_moved=False)
        for alias in missing
        if alias.wa_id
    }
    phones |= {
        contact_id: Phone(person.tenant_id, contact_id, person.moved_to, has_moved=True)
        for contact_id, person in found.items()
        if person.moved_to
    }
    if missing:
        await contact_aliases.add(db, missing)
    if spellings:
        await recipients.keep_wa_ids(db, spellings)
    if phones:
        await contact_aliases.show_phones(db, list(phones.values()))


def _arrival(person: Person, defaults: Row) -> Arrival:
    # The phone first: it is what sending looks for, so two processes meet on the same alias.
    alias, wa_id = min(person.aliases.items(), key=lambda item: item[0][1] != "phone")
    firstname, _, lastname = person.name.strip().partition(" ")
    columns = {
        "firstname": firstname[:_NAME_LENGTH] or alias[2],
        "lastname": lastname.strip()[:_NAME_LENGTH],
        "phone": f"+{wa_id}" if wa_id else None,
        **{name: defaults[name] for name in ("type", "status_id", "source_id", "assigned_id")},
    }
    return Arrival(alias[2], columns, alias[1], wa_id)


def _ids(tenant_id: int, user: object, parent: object) -> list[Alias]:
    """Return business-scoped ids as aliases; what Meta leaves out or writes otherwise is none."""
    found: list[Alias] = []
    for kind, value in (("bsuid", user), ("parent_bsuid", parent)):
        if isinstance(value, str) and value and len(value) <= _NAME_LENGTH:
            found.append((tenant_id, kind, value))
    return found


def _digits(value: object) -> str | None:
    """Return a phone as Meta writes it; anything longer is none."""
    return value if isinstance(value, str) and _DIGITS.fullmatch(value) else None
