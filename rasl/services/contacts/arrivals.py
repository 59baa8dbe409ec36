"""The one way in for contacts: whoever wants some created or brought up to date says so here, for many at once.

The order of locks stands in `db/contacts.py`: what wishes refer to is held, then the tenant's counter is taken, then
contacts are changed, and at last aliases are claimed. The database decides who had a phone or an email first; whoever
lost one in the same moment is looked at again and meets the winner.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from rasl.db import contact_events
from rasl.db import contacts as rows
from rasl.db.contacts import ChangedError, Held, Key
from rasl.db.pool import Db
from rasl.domain import attributes
from rasl.domain.records.contact import NO_GROUP, NO_SOURCE, NO_STATUS
from rasl.errors import FeatureLimitExceeded

PHONE_TAKEN = "This phone number already exists"
EMAIL_TAKEN = "This email address already exists"
# The names that the contacts who have a phone or an email have beside the problems.
PHONE_OWNER, EMAIL_OWNER = "contact_id", "email_contact_id"

_PATIENCE = 5  # turns that decided about nobody, because others took all phones and emails in the same moment
_MANY = 500  # wishes of which a few are looked at first
_SOME = 20

Problems = dict[str, list[str]]


class Mode(enum.Enum):
    """What becomes of a contact that is known, and of a wish that refers to something that is gone."""

    CREATE = enum.auto()  # known: left alone; gone: named among all that is wrong with the wish
    BY_PHONE = enum.auto()  # known: found; gone: the contact is created without it
    IMPORT = enum.auto()  # known: left alone; gone: ChangedError, as the rows must be read again
    UPSERT = enum.auto()  # known: gets what the wish gives; gone: ChangedError


class Arrival(msgspec.Struct, frozen=True):
    """A contact somebody wants: the alias that says who it is, and what it gets, by column.

    One with problems is not created; it is looked at all the same, so that everything that is wrong is named at once.
    """

    value: str | None
    columns: Mapping[str, Any]
    kind: str = "phone"
    wa_id: str | None = None
    problems: Mapping[str, list[str]] = {}
    # What a new contact gets where `columns` says nothing; the same for many.
    completes: Mapping[str, Any] = {}
    name: str | None = None  # a new contact's first name where nothing says another

    def get(self, name: str) -> Any:
        """Return what a new contact gets in this column."""
        return self.columns.get(name, self.completes.get(name))


# Of these there are thousands at once, and none is part of a ring: the collector need not look at them.
class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of a wish: for one that is known or refused, with all that is wrong with it."""

    word: Literal["created", "known", "updated", "refused"]
    contact_id: int | None = None
    problems: Mapping[str, list[str]] = {}
    limit: FeatureLimitExceeded | None = None
    owners: Mapping[str, int] = {}  # who has what the wish wants: PHONE_OWNER, EMAIL_OWNER


class Owners(msgspec.Struct, frozen=True, gc=False):
    """Who has the alias and the email of a wish already, and the email as it is compared."""

    contact_id: int | None = None
    email_id: int | None = None
    email: str | None = None


class Book:
    """The contacts of a tenant, to be looked up and written; a dry run puts one in its place that writes nothing."""

    may_go_blind = True  # whether `insert` finds out by itself who is known

    def __init__(
        self,
        db: Db,
        tenant_id: int,
        *,
        may_skip_checks: bool = False,
        is_again: bool = False,
        tells_later: bool = False,
    ) -> None:
        """`is_again` is for a transaction that begins once more after a conflict; who `tells_later` calls `tell`."""
        self.db = db
        self.tenant_id = tenant_id
        self.is_again = is_again
        self._may_skip_checks = may_skip_checks
        self._tells_later = tells_later
        self._untold: list[int] = []

    async def count(self) -> int:
        """Return how many contacts there are, and let nobody else claim phones until the transaction ends."""
        return await rows.lock_count(self.db, self.tenant_id)

    async def look(self, wishes: Sequence[Arrival]) -> list[Owners]:
        """Return who has what the wishes want, in order."""
        keys = [Key(wish.kind, wish.value, wish.columns.get("email")) for wish in wishes]
        found = await rows.find_owners(self.db, self.tenant_id, keys)
        return [Owners(row["contact_id"], row["email_id"], row["email"]) for row in found]

    async def lock(self, wishes: Sequence[tuple[int, Arrival]]) -> dict[int, int]:
        """Lock contacts and return how many attributes each would have."""
        given = [(contact_id, wish.columns.get("attributes")) for contact_id, wish in wishes]
        return await rows.lock_many(self.db, self.tenant_id, given)

    async def update(self, wishes: Sequence[tuple[int, Arrival]]) -> None:
        """Give locked contacts what the wishes say."""
        given = [(contact_id, wish.columns) for contact_id, wish in wishes]
        await rows.update_many(self.db, self.tenant_id, given)

    async def insert(self, wishes: Sequence[Arrival]) -> list[tuple[int | None, bool]]:
        """Create contacts; returns the id of each, as far as it is known, and whether it is new."""
        new = [
            {
                "kind": wish.kind,
                "value": wish.value,
                "wa_id": wish.wa_id,
                "firstname": wish.name,
                **wish.completes,
                **wish.columns,
            }
            for wish in wishes
        ]
        async with rows.unchecked(self.db, is_allowed=self._may_skip_checks):
            made = await rows.insert(self.db, self.tenant_id, new, is_told=not self._tells_later)
        if self._tells_later:
            self._untold += [contact_id for contact_id, is_new in made if is_new and contact_id is not None]
        return made

    async def tell(self) -> None:
        """Leave it to a worker to tell of the contacts that were created: of very many, that takes its time."""
        if self._untold:
            await contact_events.keep_created(self.db, self.tenant_id, self._untold)

    async def add_to_count(self, created: int) -> None:
        """Count new contacts."""
        await rows.change_count(self.db, self.tenant_id, created)


async def arrive(book: Book, wishes: Sequence[Arrival], mode: Mode, maximum: int = -1) -> list[Outcome]:
    """Do what the wishes say, in the caller's transaction, and return what became of each, in order.

    The earlier of two wishes comes first: the other meets what it left. `maximum` is the plan's, -1 is none. Raises
    ChangedError, or what the database raises (CONFLICTS), when others changed the same in the same moment.
    """
    wishes = await _held(book, wishes, mode)
    is_import = mode in {Mode.IMPORT, Mode.UPSERT}
    # An import without a limit takes the counter last: until then nobody need wait for it. After a conflict it takes it
    # first like everybody, or it could meet one after another who holds the counter and waits for its phones.
    before = await book.count() if maximum >= 0 or not is_import or book.is_again else 0
    turns = _Turns(book, wishes, mode, before, maximum)
    outcomes = await turns.settle()
    if turns.created:
        await book.add_to_count(turns.created)
    return outcomes


async def missing(book: Book, wish: Arrival) -> Problems:
    """Hold what a contact is to refer to, and return what of it does not exist."""
    return _missing(await _hold(book, [wish], Mode.CREATE), wish)


class _Turns:
    """Wishes on their way: in each turn every contact is met once, until there is an outcome for all."""

    def __init__(self, book: Book, wishes: Sequence[Arrival], mode: Mode, before: int, maximum: int) -> None:
        self._book = book
        self._wishes = wishes
        self._mode = mode
        self._before = before
        self._maximum = maximum
        self._is_content = mode in {Mode.BY_PHONE, Mode.IMPORT}  # to know who it is, if somebody is known
        self._outcomes: dict[int, Outcome] = {}
        self.created = 0

    async def settle(self) -> list[Outcome]:
        pending: Sequence[int] = range(len(self._wishes))
        is_blind = await self._may_go_blind()
        fruitless = 0
        while pending:
            wishes = [self._wishes[place] for place in pending]
            owners = [Owners()] * len(wishes) if is_blind else await self._book.look(wishes)
            chosen, changed = self._sort_out(pending, owners)
            await self._update(changed)
            await self._insert(chosen)
            self._follow(pending, chosen)
            left = [place for place in pending if place not in self._outcomes]
            fruitless += len(left) == len(pending)
            if fruitless > _PATIENCE:
                raise ChangedError
            pending, is_blind = left, False
        return [self._outcomes[place] for place in range(len(self._wishes))]

    async def _may_go_blind(self) -> bool:
        """Tell whether the insert finds out by itself who is known: faster, unless most are.

        No known contact may depend on it, and no place of the plan: it must have one for each wish.
        """
        is_scarce = 0 <= self._maximum < self._before + len(self._wishes)
        if is_scarce or not self._is_content or not self._book.may_go_blind:
            return False
        if len(self._wishes) < _MANY:
            return True
        some = await self._book.look(self._wishes[:: len(self._wishes) // _SOME])
        return 2 * sum(owner.contact_id is not None for owner in some) < len(some)

    def _sort_out(
        self, pending: Sequence[int], owners: Sequence[Owners]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Decide in order; returns whom to create and, by id, whom to change. Who meets one of these must wait."""
        chosen: list[int] = []
        changed: list[tuple[int, int]] = []
        met: set[tuple[str, str | None] | int | str] = set()  # aliases, ids and emails
        waiting = 0
        for place, owner in zip(pending, owners, strict=True):
            wish, known = self._wishes[place], owner.contact_id
            alias = self._alias(place) if wish.value is not None else None
            touched = {item for item in (alias, known, owner.email) if item is not None}
            used = self._before + self.created + len(chosen)
            # Who waits may yet get the last places of the plan.
            is_last = known is None and used < self._maximum <= used + waiting
            if is_last or not met.isdisjoint(touched):
                # Later ones wait for what it wants, too.
                met |= touched
                waiting += 1
                continue
            problems, others = wish.problems, _owners(owner, self._mode)
            if EMAIL_OWNER in others:
                problems = {**problems, "email": [EMAIL_TAKEN]}
            if known is not None and self._mode is not Mode.UPSERT:
                self._outcomes[place] = Outcome("known", known, problems, owners=others)
            elif problems:
                self._outcomes[place] = Outcome("refused", known, problems, owners=others)
            elif known is None and 0 <= self._maximum <= used:
                limit = FeatureLimitExceeded.of("contacts", used, self._maximum)
                self._outcomes[place] = Outcome("refused", limit=limit)
            else:
                if known is None:
                    chosen.append(place)
                else:
                    changed.append((known, place))
                met |= touched
        return chosen, changed

    async def _update(self, changed: Sequence[tuple[int, int]]) -> None:
        if not changed:
            return
        wishes = [(contact_id, self._wishes[place]) for contact_id, place in changed]
        counts = await self._book.lock(wishes)
        if len(counts) < len(wishes):
            raise ChangedError
        full = {contact_id for contact_id, count in counts.items() if count > attributes.MAX_KEYS}
        await self._book.update([item for item in wishes if item[0] not in full])
        for contact_id, place in changed:
            if contact_id in full:
                problems = {"attributes": [attributes.TOO_MANY]}
                self._outcomes[place] = Outcome("refused", contact_id, problems)
            else:
                self._outcomes[place] = Outcome("updated", contact_id)

    async def _insert(self, chosen: Sequence[int]) -> None:
        if not chosen:
            return
        made = await self._book.insert([self._wishes[place] for place in chosen])
        for place, (contact_id, is_new) in zip(chosen, made, strict=True):
            if is_new:
                self._outcomes[place] = Outcome("created", contact_id)
                self.created += 1
            elif contact_id is not None and self._is_content:
                self._outcomes[place] = Outcome("known", contact_id)

    def _follow(self, pending: Sequence[int], chosen: Sequence[int]) -> None:
        """Tell those who meet somebody of this turn who it is, where that is all they want to know."""
        if not self._is_content or len(pending) == len(chosen):
            return
        met = {self._alias(place): self._outcomes.get(place) for place in chosen}
        for place in pending:
            first = met.get(self._alias(place))
            if place not in self._outcomes and first is not None:
                self._outcomes[place] = Outcome("known", first.contact_id)

    def _alias(self, place: int) -> tuple[str, str | None]:
        return self._wishes[place].kind, self._wishes[place].value


async def _held(book: Book, wishes: Sequence[Arrival], mode: Mode) -> Sequence[Arrival]:
    """Keep what the wishes refer to from being deleted, and return them with what the mode makes of what is gone."""
    held = await _hold(book, wishes, mode)
    if held.has_all:
        return wishes
    if mode in {Mode.IMPORT, Mode.UPSERT}:
        raise ChangedError
    if mode is Mode.CREATE:
        return [
            msgspec.structs.replace(wish, problems={**wish.problems, **_missing(held, wish)})
            for wish in wishes
        ]
    return [
        msgspec.structs.replace(
            wish, columns={**wish.columns, "group_ids": [id_ for id_ in _groups(wish) if id_ in held.groups]}
        )
        for wish in wishes
    ]


async def _hold(book: Book, wishes: Sequence[Arrival], mode: Mode) -> Held:
    groups = {group_id for wish in wishes for group_id in _groups(wish)}
    sources: set[int] = set()
    statuses: set[int] = set()
    if mode is not Mode.BY_PHONE:  # its contacts get the tenant's defaults, which cannot be deleted
        sources = {found for wish in wishes if (found := wish.get("source_id")) is not None}
        statuses = {found for wish in wishes if (found := wish.get("status_id")) is not None}
    if not (groups or sources or statuses):
        return Held(groups, sources, statuses, has_all=True)
    return await rows.hold(book.db, book.tenant_id, groups, sources, statuses)


def _owners(owner: Owners, mode: Mode) -> dict[str, int]:
    """Return which others have what somebody wants."""
    is_updated = mode is Mode.UPSERT
    found: dict[str, int] = {}
    if owner.contact_id is not None and not is_updated:
        found[PHONE_OWNER] = owner.contact_id
    if owner.email_id is not None and not (is_updated and owner.email_id == owner.contact_id):
        found[EMAIL_OWNER] = owner.email_id
    return found


def _groups(wish: Arrival) -> Sequence[int]:
    return wish.columns.get("group_ids") or ()


def _missing(held: Held, wish: Arrival) -> Problems:
    problems: Problems = {}
    if (source_id := wish.get("source_id")) is not None and source_id not in held.sources:
        problems["source_id"] = [NO_SOURCE]
    if (status_id := wish.get("status_id")) is not None and status_id not in held.statuses:
        problems["status_id"] = [NO_STATUS]
    if not held.groups.issuperset(_groups(wish)):
        problems["groups"] = [NO_GROUP]
    return problems
