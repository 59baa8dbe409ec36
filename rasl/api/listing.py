"""List parameters in and out of HTTP."""

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.openapi.spec import Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from rasl.api.caller import country_of
from rasl.api.operations import include_parameter, query_parameter
from rasl.domain.list_names import PARAMETERS
from rasl.domain.list_reading import MAX_PAGE, parse
from rasl.domain.listing import Kind, ListQuery, ListSpec
from rasl.errors import ValidationFailed
from rasl.web.request import ApiRequest

_FLAGS = {"": False, "false": False, "0": False, "true": True, "1": True}


def read_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """Decode a query string; raises ValidationFailed when it is no UTF-8."""
    try:
        return parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200
        )
    except ValueError:
        raise ValidationFailed({"query": ["The query string is not valid"]}) from None


def read_query(request: ApiRequest, spec: ListSpec, known: Collection[str] = PARAMETERS) -> ListQuery:
    """Read the query of a list, and tell what of it means nothing: what is no filter, and not known."""
    context = request.context
    return parse(
        read_pairs(request.scope["query_string"]),
        spec,
        country=country_of(request.scope),
        known=known,
        ignore=context.ignore,
        is_strict=context.is_strict,
    )


def read_includes(request: ApiRequest, relations: tuple[str, ...]) -> frozenset[str]:
    """Read what to show beside one record, and tell what means nothing; raises ValidationFailed for a strict caller."""
    return read_query(request, ListSpec({}, (), "", relations), {"include"}).includes


def read_flag(query_string: bytes, parameter: str) -> bool:
    """Read a parameter that is true or false, which is also what it is when it is left out; raises ValidationFailed."""
    text = dict(read_pairs(query_string)).get(parameter, "").strip().lower()
    if text not in _FLAGS:
        raise ValidationFailed({parameter: [f"The {parameter} parameter must be true or false"]})
    return _FLAGS[text]


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
    page = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_PAGE)
    filters = ", ".join(
        f"`{name}.key`" if kind is Kind.JSON else f"`{name}`" for name, kind in spec.filters.items()
    )
    described = [
        query_parameter("page", page, "Page number, from 1."),
        query_parameter(
            "cursor",
            text,
            "`next_cursor` of the page before, with the same `sort`: as fast however deep, without totals.",
        ),
        query_parameter(
            "per_page", integer, "Rows per page: 15 unless given, more than 100 is taken as 100."
        ),
        query_parameter(
            "sort",
            text,
            f"Comma-separated keys, `-` for descending; default `{spec.default_sort}`: {', '.join(spec.sorts)}.",
        ),
        query_parameter(
            "search", text, "Words to find, all of them, in any case and in any part of a word. Alias: `q`."
        ),
        Parameter(
            name="filter",
            param_in="query",
            schema=Schema(type=OpenAPIType.OBJECT, additional_properties=True),
            description=f"`filter[field]=value` or `filter[field][op]=value` on {filters}.",
            required=False,
            style="deepObject",
            explode=True,
        ),
        query_parameter(
            "fields", text, f"Comma-separated fields to return besides `id`: {', '.join(spec.fields)}."
        ),
    ]
    return [*described, include_parameter(spec.includes)] if spec.includes else described
