"""List parameters in and out of HTTP."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from rasl.domain import listing
from rasl.domain.listing import Kind, ListQuery, ListSpec, Page
from rasl.errors import ValidationFailed
from rasl.web.envelope import Pagination

_OPERATORS = "op is one of gte, lte, gt, lt, ne, like, in, not_in, between, null"


def read_query(query_string: bytes, spec: ListSpec) -> ListQuery:
    """Read the list parameters of a request; raises ValidationFailed naming every wrong one."""
    return listing.parse(read_pairs(query_string), spec)


def read_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """Decode a query string; raises ValidationFailed when it is no UTF-8."""
    try:
        return parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise ValidationFailed({"query": ["The query string is not valid"]}) from None


def read_pagination(query: ListQuery, page: Page) -> Pagination:
    """Return the pagination block of a page."""
    return msgspec.convert(listing.pagination(query, page), Pagination)


def select_fields(item: Any, fields: frozenset[str] | None) -> Any:
    """Keep the asked-for fields and `id`, or everything when none were asked for."""
    if fields is None:
        return item
    return {
        name: value for name, value in msgspec.to_builtins(item).items() if name in fields or name == "id"
    }


def parameters(spec: ListSpec) -> list[Parameter]:
    """Describe a list's parameters for the OpenAPI document."""
    integer, text = Schema(type=OpenAPIType.INTEGER, minimum=1), Schema(type=OpenAPIType.STRING)
    filters = ", ".join(
        f"`{name}.key`" if kind is Kind.JSON else f"`{name}`" for name, kind in spec.filters.items()
    )
    described = [
        ("page", integer, "Page number, from 1."),
        (
            "cursor",
            text,
            "`next_cursor` of the page before, with the same `sort`: as fast however deep, without totals.",
        ),
        ("per_page", integer, "Rows per page: 15 unless given, more than 100 is taken as 100."),
        (
            "sort",
            text,
            f"Comma-separated keys, `-` for descending; default `{spec.default_sort}`: {', '.join(spec.sorts)}.",
        ),
        ("search", text, "Words to find, all of them, in any case. Alias: `q`."),
        (
            "filter",
            Schema(type=OpenAPIType.OBJECT, additional_properties=True),
            f"`filter[field]=value` or `filter[field][op]=value` on {filters}; {_OPERATORS}.",
        ),
        ("fields", text, f"Comma-separated fields to return besides `id`: {', '.join(spec.fields)}."),
    ]
    if spec.includes:
        described.append(
            ("include", text, f"Comma-separated relations to return: {', '.join(spec.includes)}.")
        )
    return [
        Parameter(
            name=name,
            param_in="query",
            schema=schema,
            description=description,
            required=False,
            style="deepObject" if name == "filter" else None,
            explode=True if name == "filter" else None,
        )
        for name, schema, description in described
    ]
