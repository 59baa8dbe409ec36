"""Random steps against the real server and against the model, which have to answer the same."""

import random
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from tests.model import lists
from tests.model.answers import Expected, Moment, invalid
from tests.model.inputs import Inputs
from tests.model.lists import Place, Query
from tests.model.rules import ANY, FIELDS, UNKNOWN_IN_CONTACTS, trimmed
from tests.model.state import NOUNS, Tenant
from tests.serving import Answer, Client

_URL = "/api/v2"
Step = Callable[[], Awaitable[None]]
_NO_RELATIONS = {"group": "include=groups", "nobody": None}


class Walker:
    """Walks at random as one tenant."""

    def __init__(
        self, name: str, chance: random.Random, client: Client, tenant: Tenant, others: Tenant
    ) -> None:
        self.name = name
        self.steps: dict[str, int] = {}
        self._chance = chance
        self._client = client
        self._tenant = tenant
        self._inputs = Inputs(chance, tenant, others)
        self._times: dict[Moment, str] = {}
        self._last_id: dict[str, int] = {}
        self._walk: tuple[Query, Place, str] | None = None
        self._said: Any = None

    async def step(self) -> None:
        """Do one of the things that can be done."""
        actions: dict[Step, int] = {
            self._create: 22,
            self._get: 4,
            self._change: 18,
            self._put: 12,
            self._delete: 4,
            self._create_batch: 6,
            self._delete_batch: 2,
            self._create_label: 6,
            self._get_label: 3,
            self._change_label: 5,
            self._delete_label: 3,
            self._move: 10,
            self._list: 14,
            self._wrong_list: 2,
            self._walk_on: 6,
        }
        action = self._chance.choices(list(actions), list(actions.values()))[0]
        self.steps[action.__name__] = self.steps.get(action.__name__, 0) + 1
        await action()

    async def compare_everything(self) -> None:
        """Read all there is through the lists, by cursor, and hold it against the model."""
        for noun in ("contacts", *NOUNS):
            includes = ("groups", "source", "status") if noun == "contacts" else ()
            query, place, cursor = Query(noun, per_page=20, includes=includes), None, None
            while True:
                place, cursor = await self._page(query, place, cursor)
                if place is None or cursor is None:
                    break
        texts = [text for _, text in sorted(self._times.items())]
        assert texts == sorted(texts), f"{self.name}: times run backwards: {texts}"

    # Contacts

    async def _create(self) -> None:
        body, is_strict = self._inputs.body(), self._is_strict()
        await self._send(
            "POST",
            "/contacts",
            body,
            lambda: self._tenant.create(body, is_strict=is_strict),
            is_strict=is_strict,
            ignored=_unknown(body),
        )

    async def _get(self) -> None:
        contact_id, is_strict = self._inputs.contact_id(), self._is_strict()
        includes = self._chance.choice(((), ("groups",), ("status", "source"), ("source", "group", "nobody")))
        unknown = {f"include={name}": meant for name, meant in _NO_RELATIONS.items() if name in includes}

        def model() -> Expected:
            if is_strict and unknown:
                return invalid({name: [ANY] for name in unknown})
            return self._tenant.get(contact_id, includes)

        path = f"/contacts/{contact_id}?include={','.join(includes)}"
        ignored = {} if is_strict else unknown
        await self._send("GET", path, None, model, is_strict=is_strict, ignored=ignored)

    async def _change(self) -> None:
        contact_id, body, is_strict = self._inputs.contact_id(), self._inputs.change(), self._is_strict()
        await self._send(
            "PATCH",
            f"/contacts/{contact_id}",
            body,
            lambda: self._tenant.change(contact_id, body, is_strict=is_strict),
            is_strict=is_strict,
            ignored=_unknown(body),
        )

    async def _put(self) -> None:
        (body, match), is_strict = self._inputs.put(), self._is_strict()
        is_in_query = self._inputs.often(0.5)
        query = f"?{urlencode({'match': match})}" if match is not None and is_in_query else ""
        given = body if match is None or is_in_query else {**body, "match": match}
        await self._send(
            "PUT",
            f"/contacts{query}",
            given,
            lambda: self._tenant.put(body, trimmed(match), is_strict=is_strict),
            is_strict=is_strict,
            ignored=_unknown(body),
        )

    async def _delete(self) -> None:
        contact_id = self._inputs.contact_id()
        await self._send("DELETE", f"/contacts/{contact_id}", None, lambda: self._tenant.delete(contact_id))

    async def _create_batch(self) -> None:
        rows: list[Any] = [self._inputs.body() for _ in range(self._chance.randint(1, 6))]
        if self._inputs.often(0.1):
            rows.insert(self._chance.randint(0, len(rows)), self._chance.choice((None, 5, [], "x", {})))
        goes_on, skips = self._inputs.often(0.7), self._inputs.often(0.5)
        body = {"contacts": rows, "options": {"continue_on_error": goes_on, "skip_duplicates": skips}}
        is_strict = self._is_strict()
        unknown = {
            f"contacts.{index}.{name}": meant
            for index, row in enumerate(rows)
            if isinstance(row, dict)
            for name, meant in _unknown(row).items()
        }
        await self._send(
            "POST",
            "/contacts/batch",
            body,
            lambda: self._tenant.create_batch(rows, goes_on=goes_on, skips=skips, is_strict=is_strict),
            is_strict=is_strict,
            ignored=unknown,
        )

    async def _delete_batch(self) -> None:
        ids = self._inputs.ids()
        await self._send("DELETE", "/contacts/batch", {"ids": ids}, lambda: self._tenant.delete_batch(ids))

    # Labels

    def _noun(self) -> str:
        return self._chance.choice(list(NOUNS))

    async def _create_label(self) -> None:
        noun, is_strict = self._noun(), self._is_strict()
        body = self._inputs.label(noun)
        await self._send(
            "POST",
            f"/{noun}",
            body,
            lambda: self._tenant.create_label(noun, body, is_strict=is_strict),
            is_strict=is_strict,
            ignored=self._tenant.unknown_in_label(noun, body),
        )

    async def _get_label(self) -> None:
        noun = self._noun()
        label_id = self._inputs.label_id(noun)
        await self._send("GET", f"/{noun}/{label_id}", None, lambda: self._tenant.get_label(noun, label_id))

    async def _change_label(self) -> None:
        noun, is_strict = self._noun(), self._is_strict()
        label_id, body = self._inputs.label_id(noun), self._inputs.label(noun)
        await self._send(
            "PATCH",
            f"/{noun}/{label_id}",
            body,
            lambda: self._tenant.change_label(noun, label_id, body, is_strict=is_strict),
            is_strict=is_strict,
            ignored=self._tenant.unknown_in_label(noun, body),
        )

    async def _delete_label(self) -> None:
        noun = self._noun()
        label_id = self._inputs.label_id(noun)
        await self._send(
            "DELETE", f"/{noun}/{label_id}", None, lambda: self._tenant.delete_label(noun, label_id)
        )

    async def _move(self) -> None:
        group_id, ids, is_adding = (
            self._inputs.label_id("groups"),
            self._inputs.ids(),
            self._inputs.often(0.6),
        )
        await self._send(
            "POST" if is_adding else "DELETE",
            f"/groups/{group_id}/contacts",
            {"contact_ids": ids},
            lambda: self._tenant.move(group_id, ids, is_adding=is_adding),
        )

    # Lists

    async def _list(self) -> None:
        noun = self._chance.choice(("contacts", "contacts", "contacts", *NOUNS))
        query = self._inputs.query(noun)
        if query.unknown and self._inputs.often(0.3):
            path = f"/{noun}?{urlencode(query.pairs())}"
            await self._send("GET", path, None, lambda: lists.refused(query), is_strict=True)
        else:
            await self._page(query, None, None)

    async def _wrong_list(self) -> None:
        noun = self._chance.choice(("contacts", *NOUNS))
        options = [*lists.WRONG_QUERIES, *(lists.WRONG_CONTACT_QUERIES if noun == "contacts" else ())]
        params, wrong = self._chance.choice(options)
        details = {name: [ANY] for name in wrong}
        expected = Expected(422, code="VALIDATION_ERROR", details=details)
        await self._send("GET", f"/{noun}?{urlencode(params)}", None, lambda: expected)

    async def _walk_on(self) -> None:
        """Fetch the next page of a walk that goes on while rows come, change and go; begin one if there is none."""
        if self._walk is None:
            noun = self._chance.choice(("contacts", "contacts", *NOUNS))
            drawn = self._inputs.query(noun)
            query, place, cursor = Query(noun, drawn.filters, drawn.sorts, per_page=3), None, None
        else:
            query, place, cursor = self._walk
        place, cursor = await self._page(query, place, cursor)
        self._walk = (query, place, cursor) if place and cursor else None

    async def _page(
        self, query: Query, behind: Place | None, cursor: str | None
    ) -> tuple[Place | None, str | None]:
        """Fetch one page, and return where it ends as the model has it and as the server says."""
        end: Place | None = None

        def expected() -> Expected:
            nonlocal end
            page, end = lists.listed(self._tenant, query, behind)
            return page

        pairs = [*query.pairs(), *([("cursor", cursor)] if cursor else [])]
        ignored = {item.told: item.meant for item in query.unknown}
        answer = await self._send("GET", f"/{query.noun}?{urlencode(pairs)}", None, expected, ignored=ignored)
        following = answer.body["meta"]["pagination"]["next_cursor"]
        assert (following is None) == (end is None), self._report(end, following)
        return end, following

    # Comparing

    def _is_strict(self) -> bool:
        return self._inputs.often(0.1)

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        model: Callable[[], Expected],
        *,
        is_strict: bool = False,
        ignored: Mapping[str, str | None] = MappingProxyType({}),
    ) -> Answer:
        """Call the server, then the model; `ignored` are the names that mean nothing, with what was perhaps meant."""
        self._said = f"{method} {path} {body!r}{' strictly' if is_strict else ''}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        headers = {"Prefer": "handling=strict"} if is_strict else {}
        answer = await self._client.call(method, _URL + path, headers, **options)
        is_new = method == "POST" or answer.status == 201
        self._tenant.new_ids = iter(self._new_ids(path, answer) if is_new else ())
        expected = model()
        assert answer.status == expected.status, self._report(expected, (answer.status, answer.body))
        told = {item["field"]: item.get("did_you_mean") for item in answer.body["meta"].get("ignored", [])}
        assert told == ignored, self._report(ignored, told)
        if expected.code:
            error = answer.body["error"]
            details = self._settled(expected.details, error["details"])
            assert error["code"] == expected.code, self._report(expected, error)
            assert error["details"] == details, self._report(details, error["details"])
            return answer
        data = self._settled(expected.data, answer.body["data"])
        assert answer.body["data"] == data, self._report(data, answer.body["data"])
        if expected.pagination is not None:
            got = {**answer.body["meta"]["pagination"]}
            del got["next_cursor"]
            assert got == expected.pagination, self._report(expected.pagination, got)
        return answer

    def _new_ids(self, path: str, answer: Answer) -> list[int]:
        """Return the ids that the server gave to new rows: larger than all before them."""
        data = answer.body.get("data")
        created = data.get("created", [data]) if isinstance(data, dict) else []
        ids = [item["id"] for item in created if "id" in item]
        noun = path.partition("?")[0].split("/")[1]
        # Rows of a batch that met others of it are created after those that met none.
        assert all(new_id > self._last_id.get(noun, 0) for new_id in ids), self._report("new ids", ids)
        self._last_id[noun] = max(ids, default=self._last_id.get(noun, 0))
        return ids

    def _settled(self, expected: Any, got: Any) -> Any:
        """Put in what only the server knows: open texts, and the times of writes, which never change once seen."""
        if expected == ANY:
            return got
        if isinstance(expected, Moment):
            return self._times.setdefault(expected, got) if isinstance(got, str) else None
        if isinstance(expected, dict):
            values = got if isinstance(got, dict) else {}
            return {name: self._settled(value, values.get(name)) for name, value in expected.items()}
        if isinstance(expected, list):
            padded = [*(got if isinstance(got, list) else []), *[None] * len(expected)]
            return [self._settled(value, padded[index]) for index, value in enumerate(expected)]
        return expected

    def _report(self, expected: Any, got: Any) -> str:
        return f"{self.name}: {self._said}\n {_difference(expected, got)}"


def _difference(expected: Any, got: Any, path: str = "") -> str:
    """Name the first place where two documents differ."""
    if isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
        pairs = [(name, expected[name], got[name]) for name in expected]
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(expected, got, strict=True))]
    else:
        return f"{path or 'answer'}: expected {expected!r}, got {got!r}"
    name, one, other = next(pair for pair in pairs if pair[1] != pair[2])
    return _difference(one, other, f"{path}.{name}")


def _unknown(body: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: UNKNOWN_IN_CONTACTS[name] for name in body if name not in FIELDS}
