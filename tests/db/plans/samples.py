"""Plausible arguments for any function of `rasl/db`, from its annotations and the names of its parameters."""

import datetime as dt
import decimal
import inspect
import types
import typing
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import (
    audit,
    contact_lists,
    cost_reports,
    inbound,
    media,
    otps,
    purging,
    webhook_deliveries,
    webhook_fanning,
    webhooks,
)
from rasl.db.contact_aliases import NewAlias
from rasl.db.contacts import Key
from rasl.db.import_notes import Note
from rasl.db.imports import RowError
from rasl.db.jobs import Ask
from rasl.db.labels import GROUPS, SOURCES, STATUSES
from rasl.domain.listing import Filter, ListQuery
from rasl.domain.rate_cards import Rate
from rasl.domain.templates.listed import Listed

MANY = 100_000  # rows of a table
NEW = 10_000_000  # beyond every id there is
_MIDDLE = MANY // 2
_NOW = dt.datetime.now(dt.UTC)

# What a parameter, a field or a column of this name holds; `n` tells the members of a list apart.
_NAMED: Mapping[str, Callable[[int], Any]] = {
    "tenant_id": lambda _: 1,
    "number_id": lambda _: 1,
    "number_ids": lambda n: n + 1,
    "queue_id": lambda _: 1,
    "app_id": lambda _: 1,
    "token_id": lambda _: 1000,
    "status_id": lambda _: 1,
    "source_id": lambda _: 1,
    "default_id": lambda _: 1,
    "label_id": lambda _: 1,
    "group_id": lambda _: 1,
    "group_ids": lambda n: n + 1,
    "status_ids": lambda n: n + 1,
    "source_ids": lambda n: n + 1,
    "tenant_ids": lambda n: n + 1,
    "limit": lambda _: 10,
    "size": lambda _: 10,
    "most": lambda _: 10,
    "maximum": lambda _: -1,
    "wanted": lambda _: 1,
    "fence": lambda _: 1,
    "attempt": lambda _: 1,
    "attempts": lambda _: 1,
    "lane": lambda _: 1,
    "failures": lambda _: 1,
    "least": lambda _: 10,
    "burst": lambda _: 10,
    "interval": lambda _: 0.1,
    "code": lambda _: 131000,
    "error_code": lambda _: 131000,
    "kind": lambda _: "send",
    "kinds": lambda _: "phone",
    "alias_kind": lambda _: "phone",
    "alias": lambda n: f"44{_MIDDLE + n:010}",
    "alias_value": lambda n: f"44{NEW + n:010}",
    "match_key": lambda n: f"44{_MIDDLE + n:010}",
    "match_keys": lambda n: f"44{_MIDDLE + n:010}",
    "phone": lambda n: f"44{_MIDDLE + n:010}",
    "keys": lambda n: f"44{_MIDDLE + n:010}",
    "email": lambda n: f"somebody{NEW + n}@x.test",
    "emails": lambda n: f"somebody{_MIDDLE + n}@x.test",
    "wamid": lambda n: f"wamid.{_MIDDLE + n}",
    "xids": lambda n: str(3 + n),
    "wamids": lambda n: f"wamid.{_MIDDLE + n}",
    "key": lambda n: f"key {_MIDDLE + n}",
    "type": lambda _: "text",
    "direction": lambda _: "outbound",
    "status": lambda _: "sent",
    "outcome": lambda _: "accepted",
    "purpose": lambda _: "login",
    "country": lambda _: "GB",
    "currency": lambda _: "USD",
    "prefix": lambda _: "+441234",
    "subject": lambda n: f"44{_MIDDLE + n:010}",
    "scope": lambda _: "phone",
    "period": lambda _: "hour",
    "month": lambda _: _NOW.date().replace(day=1),
    "id": lambda n: str(uuid.UUID(int=_MIDDLE + n)),
    "otp_id": lambda n: str(uuid.UUID(int=_MIDDLE + n)),
    "challenge_id": lambda n: str(uuid.UUID(int=NEW + n)),
    "request_id": lambda n: str(uuid.UUID(int=n)),
    "table": lambda _: "sources",
    "file_name": lambda _: "people.csv",
    "waba_id": lambda n: f"waba {_MIDDLE + n}",
    "waba_ids": lambda n: f"waba {_MIDDLE + n}",
    "template_id": lambda n: f"{_MIDDLE + n}",
    "name": lambda n: f"name {_MIDDLE + n}",
    "subdomain": lambda n: f"tenant-{NEW + n}",
    "plan": lambda _: "free",
    "phone_number_id": lambda n: f"{NEW + n}",
    "digest": lambda n: _MIDDLE.to_bytes(4, "big") + bytes([n]),
    "sha256": lambda n: _MIDDLE.to_bytes(4, "big") + bytes([n]),
    "content": lambda _: {"media_id": _MIDDLE},
    "changes": lambda _: {},
    "attributes": lambda _: {"city": "Ulm"},
    "origin": lambda _: "file",
    "type_": lambda _: "lead",
}
_BY_PHONE = Filter("phone", "eq", (f"44{_MIDDLE:010}",))
_CONTACT = {
    "firstname": "Ada",
    "lastname": "",
    "type": "lead",
    "status_id": 1,
    "source_id": 1,
    "group_ids": [],
    "attributes": {},
}


def _like(struct: type[msgspec.Struct], /, **values: Any) -> Any:
    return msgspec.structs.replace(sample(struct, ""), **values)


def calls_of(function: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the sets of arguments, without `db`, to call a function with."""
    module = function.__module__.rpartition(".")[2]
    hints = typing.get_type_hints(function)
    names = list(inspect.signature(function).parameters)[1:]
    return [
        {name: special[name] if name in special else sample(hints[name], name) for name in names}
        for special in _CALLS.get(f"{module}.{function.__name__}", ({},))
    ]


def sample(kind: Any, name: str, n: int = 0) -> Any:
    """Return a value of a type, as something of this name would have it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(item for item in arguments if item is not types.NoneType), name, n)
    if origin is not None:
        return _several(origin, arguments, name, n)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{field: sample(hints[field], field, n) for field in kind.__struct_fields__})
    value = _NAMED[name](n) if name in _NAMED else None
    is_fitting = kind is Any or (isinstance(kind, type) and isinstance(value, kind))
    return value if value is not None and is_fitting else _plain(kind, n)


def _several(origin: Any, arguments: tuple[Any, ...], name: str, n: int) -> Any:
    if origin is tuple and Ellipsis not in arguments:
        names = ["tenant_id" if place == 0 and item is int else "" for place, item in enumerate(arguments)]
        return tuple(sample(item, own, n) for item, own in zip(arguments, names, strict=True))
    if origin in {Mapping, dict}:
        return {sample(arguments[0], name, member): sample(arguments[1], name, member) for member in range(3)}
    return [sample(arguments[0], name, member) for member in range(3)]


def _plain(kind: Any, n: int) -> Any:
    plain: Mapping[Any, Any] = {
        int: _MIDDLE + n,
        str: f"text {_MIDDLE + n}",
        bytes: (_MIDDLE + n).to_bytes(32, "big"),
        float: 1.0,
        bool: True,
        dt.timedelta: dt.timedelta(hours=1),
        dt.datetime: _NOW + dt.timedelta(microseconds=n),
        dt.date: _NOW.date(),
        decimal.Decimal: decimal.Decimal("0.0529"),
        Any: {},
    }
    return plain.get(kind, {})


# Where the names do not tell: by function, the values of parameters; several sets make several calls.
_CALLS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "audit.insert": [{"entry": _like(audit.Entry, actor_type="token", actor=None)}],
    "cost_reports.sum_up": [
        {"groups": list(cost_reports.GROUPS), "since": _NOW.date().replace(day=1), "offset": 0}
    ],
    "rates.add_rates": [
        {"card_id": 1000, "rates": [Rate(f"country {n}", "x", "y", decimal.Decimal(1)) for n in range(3)]}
    ],
    "rates.list_rates": [{"valid_from": dt.date(2026, 1, 1)}],
    "contact_exports.list_attribute_keys": [{"query": ListQuery()}],
    "contact_exports.fetch_next": [{"query": ListQuery()}],
    "imports.begin": [
        {
            "values": {
                "headers": [],
                "targets": [],
                "is_dry_run": False,
                "on_duplicate": "skip",
                "type": "lead",
            }
        }
    ],
    "imports.enqueue": [{"lease": None}, {}],
    "imports.record_chunk": [{"counts": dict.fromkeys(("created", "updated", "skipped", "failed"), 1)}],
    "import_notes.note": [{"notes": [Note("phone", f"44{NEW + n:010}", -1) for n in range(3)]}],
    "imports.add_errors": [{"errors": [RowError(NEW + n, [], ["wrong"]) for n in range(3)]}],
    "imports.finish": [{"status": "done"}],
    "contact_aliases.add": [
        {"aliases": [NewAlias(1, "phone", f"44{NEW + n:010}", _MIDDLE + n, None) for n in range(3)]}
    ],
    "contact_aliases.find": [{"aliases": [(1, "phone", f"44{_MIDDLE + n:010}") for n in range(3)]}],
    "inbound.lock_conversations": [{"keys": [(1, 1, _MIDDLE + n) for n in range(3)]}],
    "inbound.insert_messages": [{"messages": [_like(inbound.Stored, message_id=NEW)]}],
    "contact_twins.join_conversations": [{"kept_id": MANY + 1, "gone_id": _MIDDLE}],
    "jobs.claim": [{"ask": Ask(100, 50, [2], shares={1: 5})}],
    "jobs.postpone_pair": [{"seconds": 1.0}],
    "labels.delete_label": [{"table": table, "label_id": 1000} for table in (SOURCES, STATUSES)],
    "media.keep": [{"media": _like(media.NewMedia, kind="image", sha256=b"new")}],
    "otps.insert": [
        {"items": [_like(otps.Stored, id=str(uuid.UUID(int=NEW)), message_id=NEW, is_active=False)]}
    ],
    **{
        f"purging.{verb}": [
            {"kind": kind} for kind in vars(purging).values() if isinstance(kind, purging.Kind)
        ]
        for verb in ("count", "drop")
    },
    **{
        f"purging.{verb}": [{"part": part} for part in ("import_errors", "import_chunks")]
        for verb in ("count_imports", "lock_old_imports", "drop_import_parts", "drop_imports")
    },
    **{
        f"media_purging.{verb}": [{"is_named": True}, {"is_named": False}]
        for verb in ("count", "drop", "count_of_tenants", "drop_of_tenants")
    },
    **{f"purging.{verb}_of_tenants": [{"kind": purging.OTPS}] for verb in ("count", "drop")},
    **{f"message_purging.{verb}": [{"is_chosen": False}, {"is_chosen": True}] for verb in ("count", "drop")},
    **{f"body_purging.{verb}": [{"is_chosen": False}, {"is_chosen": True}] for verb in ("count", "drop")},
    "purging.amount": [{"text": "select 1", "values": ()}],
    "recipients.open_conversations": [{"keys": [(1, 1001, _MIDDLE + n) for n in range(3)]}],
    "templates.keep": [{"items": [_like(Listed, language="en")]}],
    "contacts.update_many": [{"changes": [(_MIDDLE, {"firstname": "Ada"})]}],
    "contacts.lock_many": [{"wishes": [(_MIDDLE + n, {"city": "Ulm"}) for n in range(3)]}],
    "contact_lists.with_ids": [{"query": ListQuery(filters=(_BY_PHONE,))}],
    "list_lookups.looked_up": [
        {"query": ListQuery(filters=(_BY_PHONE,)), "lookup": contact_lists.list_ids_by_phone, "name": "phone"}
    ],
    "message_lists.with_ids": [
        {"query": ListQuery(filters=(item,))}
        for item in (
            _BY_PHONE,
            Filter("contact_id", "eq", (_MIDDLE,)),
            Filter("message_id", "in", (_MIDDLE, "wamid.A")),
        )
    ],
    "contact_lists.load_relations": [
        {"names": frozenset({"groups", "source", "status"}), "rows": [_CONTACT]}
    ],
    "contacts.insert": [
        {"contacts": [{"kind": "phone", "value": f"44{NEW + n:010}", **_CONTACT} for n in range(3)]}
    ],
    "contacts.find_owners": [{"keys": [Key("phone", f"44{_MIDDLE + n:010}", "a@x.test") for n in range(3)]}],
    "contacts.change_contact": [{"changes": {"firstname": "Ada", "attributes": {"city": "Ulm"}}}],
    "labels.create_label": [{"table": GROUPS}, {"table": SOURCES}, {"table": STATUSES}],
    "labels.find_label": [{"table": GROUPS}, {"table": SOURCES}, {"table": STATUSES}],
    "labels.find_by_name": [{"table": GROUPS}, {"table": SOURCES}, {"table": STATUSES}],
    "labels.change_label": [
        {"table": GROUPS, "color": msgspec.UNSET},
        {"table": SOURCES, "color": msgspec.UNSET},
        {"table": STATUSES, "color": msgspec.UNSET},
        {"table": STATUSES, "color": "#FFFFFF"},
    ],
    "otps.take_attempt": [{"is_right": True}, {"is_right": False}],
    "labels.is_default": [{"table": SOURCES}, {"table": STATUSES}],
    "labels.count_contacts": [{"table": SOURCES}, {"table": STATUSES}],
    "messages.find_message": [{"message_id": None}, {}],
    "tenant_plans.create": [{"name": "gold", "values": {"title": "Gold"}}],
    "tenant_plans.change": [{"values": {"title": "Gold"}}],
    "webhooks.create_endpoint": [{"endpoint": _like(webhooks.NewEndpoint, format="n8n", max_per_second=5)}],
    "webhooks.change_endpoint": [
        {"endpoint_id": _MIDDLE, "values": {"is_active": True}},
        {"endpoint_id": _MIDDLE, "values": {"is_active": False}},
        {"endpoint_id": _MIDDLE, "values": {"url": "https://example.com"}},
    ],
    "webhooks.list_listening": [{"tenant_ids": [2, 3]}],
    "webhooks.disable_endpoint": [{"reason": "gone"}],
    "webhook_fanning.add": [
        {"deliveries": [_like(webhook_fanning.NewDelivery, event_id=NEW + n) for n in range(3)]}
    ],
    "webhook_deliveries.end": [{"state": "dropped"}],
    "webhook_deliveries.settle": [
        {
            "settled": [
                _like(webhook_deliveries.Settled, state="pending", seconds=seconds) for seconds in (1.0, None)
            ]
        }
    ],
    "tenants.change_tenant": [{"changes": {"name": "Acme"}}],
}
