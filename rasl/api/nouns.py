"""Nouns of the API: a route says once what it is; its answer and its part of the OpenAPI document follow.

    SOURCES = Noun("/sources", Tag("Sources", "Where contacts come from."), "source", SourceItem, SOURCE_EXAMPLE)

    @SOURCES.post("", 201)
    async def create_source(data: JSONBody[WriteSource], caller: MayWrite, request: ApiRequest) -> Row:
        \"\"\"Create a source.\"\"\"

The docstring is the text of the document: its first line the summary, the rest the description. The function returns
what is answered, and its return type says how: a `Row` as the noun's item, an `ASGIApp` is an answer already and holds
one item, anything else is the data itself. A route that reads a body documents what may be wrong with bodies, a POST
what may be wrong with an Idempotency-Key; errors of its own stand in the decorator's line.
"""

import dataclasses
import datetime as dt
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, Unpack

import msgspec
from litestar import delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Operation, Tag
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import current_caller
from rasl.api.operations import IDEMPOTENCY_KEY, operation
from rasl.db.pool import Row
from rasl.domain.listing import ListSpec, Page, pagination
from rasl.domain.tenants import Caller
from rasl.errors import ApiError, ValidationFailed
from rasl.web.context import iso
from rasl.web.envelope import Pagination, Success, success
from rasl.web.request import ALSO, ApiRequest, Objections
from rasl.web.responses import EXAMPLE_PAGE, IDEMPOTENT, READS_BODY, raises, response

Route = Callable[..., Awaitable[Any]]
Decorator = Callable[[Route], HTTPRouteHandler]
Check = Callable[[ApiRequest, Caller, Mapping[str, Any]], Awaitable[Objections]]
"""Finds what else is wrong with a request whose body is refused, given those of its fields that are right.

It is not asked when the body is right: then the use-case itself names all that is wrong.
"""
# Options of a route that the document reads: the tag of its noun, and examples of its body by what they show.
TAG = "rasl.tag"
ASKS = "rasl.asks"
# The option of a route that names what else its good answer may be.
OR_ANSWERS = "rasl.or_answers"
_Item = TypeVar("_Item", bound=msgspec.Struct)
_moments = functools.cache(lambda kind: [name for name in kind.__struct_fields__ if name.endswith("_at")])


class About(TypedDict, total=False):
    """What a route says of itself where the words of its noun and method do not fit."""

    says: str  # the message of the envelope
    tells: str  # what the document calls the answer
    example: Any  # of the answer's data
    asks: Mapping[str, Any]  # examples of the body, by what they show; each works in the sandbox as it is
    operation: type[Operation]  # what the document says of parameters and body that our own code reads
    also: Check  # finds what else is wrong with a request whose body is refused
    options: Mapping[str, Any]  # of the framework


@dataclasses.dataclass(frozen=True)
class Noun:
    """One noun of the API: where its routes are, what one of it is called and looks like.

    `of` makes the item of a row; without it each field is the column of its name.
    """

    path: str
    tag: Tag
    word: str
    item: type[msgspec.Struct]
    example: Any
    of: Callable[[Row], Any] | None = None

    @functools.cached_property
    def show(self) -> Callable[[Row], Any]:
        """Return what makes an item of a row."""
        return self.of or functools.partial(from_row, self.item)

    def get_list(self, spec: ListSpec, *errors: type[ApiError], path: str = "", says: str = "") -> Decorator:
        """Make the route of a list; its function is given the `query` and returns the page of rows."""
        text = says or f"{self.tag.name} retrieved successfully"
        kind = Success[list[self.item]]  # type: ignore[name-defined]
        spec = msgspec.structs.replace(
            spec, fields=tuple(name for name in self.item.__struct_fields__ if name not in spec.includes)
        )
        good = response(kind, "One page.", text, [self.example], pagination=EXAMPLE_PAGE)

        def decorate(route: Route) -> HTTPRouteHandler:
            async def answer(request: ApiRequest, **given: Any) -> ASGIApp:
                query = listing.read_query(request, spec)
                page: Page = await route(request=request, query=query, **given)
                fields = None if query.fields is None else query.fields | query.includes
                items = [listing.select_fields(self.show(row), fields) for row in page.rows]
                return success(request, text, items, msgspec.convert(pagination(query, page), Pagination))

            return get(
                self.path + path,
                operation_class=operation(*listing.parameters(spec)),
                responses=raises(*errors, ValidationFailed) | {200: good},
                **told(route, self.tag, {}),
            )(_signed(answer, route))

        return decorate

    def get(self, path: str, *errors: type[ApiError], **about: Unpack[About]) -> Decorator:
        """Make a GET of one thing."""
        defaults = About(says=self._said("retrieved"), tells="What was asked for.")
        return self._one(get, path, 200, errors, defaults | about)

    def post(
        self, path: str, status: int, *errors: type[ApiError], stores: bool = True, **about: Unpack[About]
    ) -> Decorator:
        """Make a POST; if it stores something, its answer is kept for the Idempotency-Key it came with."""
        defaults = About(says=self._said("created"), tells="What was created.")
        if stores:
            defaults["operation"] = operation(IDEMPOTENCY_KEY)
        return self._one(post, path, status, errors, defaults | about, stores=stores)

    def patch(self, path: str, *errors: type[ApiError], **about: Unpack[About]) -> Decorator:
        """Make a PATCH."""
        defaults = About(says=self._said("updated"), tells="As it is now.")
        return self._one(patch, path, 200, errors, defaults | about)

    def put(self, path: str, *errors: type[ApiError], **about: Unpack[About]) -> Decorator:
        """Make a PUT: its function answers itself, 201 for what is new and 200 for what was there."""
        defaults = About(says=self._said("updated"), tells="As it is now: with 201 it is new.")
        return self._one(put, path, 200, errors, defaults | about, also_answers=(201,))

    def delete(self, path: str, *errors: type[ApiError], **about: Unpack[About]) -> Decorator:
        """Make a DELETE."""
        defaults = About(says=self._said("deleted"), tells="It is gone.")
        return self._one(delete, path, 200, errors, defaults | about)

    def _one(
        self,
        method: Callable[..., Decorator],
        path: str,
        status: int,
        errors: Sequence[type[ApiError]],
        about: About,
        *,
        stores: bool = False,
        also_answers: Sequence[int] = (),
    ) -> Decorator:
        def decorate(route: Route) -> HTTPRouteHandler:
            signature = inspect.signature(route)
            kind, show = self._shown(signature.return_annotation)
            example = about.get("example", None if kind is None else self.example)
            good = response(Success[kind], about["tells"], about["says"], example)  # type: ignore[valid-type]
            of_body = READS_BODY if "data" in signature.parameters else ()
            of_key = IDEMPOTENT if method is post else ()

            async def answer(request: ApiRequest, **given: Any) -> ASGIApp:
                data = await route(request=request, **given)
                request.context.is_stored |= stores
                return success(request, about["says"], show(data), status=status)

            is_answer = signature.return_annotation is ASGIApp
            return method(
                self.path + path,
                status_code=status,
                operation_class=about.get("operation", Operation),
                responses=raises(*of_body, *of_key, *errors) | dict.fromkeys((status, *also_answers), good),
                **told(
                    route,
                    self.tag,
                    checked(about.get("options", {}), about.get("also")),
                    asks=about.get("asks"),
                ),
            )(route if is_answer else _signed(answer, route))

        return decorate

    def _said(self, verb: str) -> str:
        return f"{self.word.capitalize()} {verb} successfully"

    def _shown(self, kind: Any) -> tuple[Any, Callable[[Any], Any]]:
        """Return the type of the answer's data, and what makes it of what the function returns."""
        if kind is Row:
            return self.item, self.show
        return self.item if kind is ASGIApp else kind, lambda data: data


def told(
    route: Route, tag: Tag, options: Mapping[str, Any], *also: str, asks: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the options of a route with what its docstring, and perhaps more text, tell the document."""
    summary, _, description = (inspect.getdoc(route) or "").partition("\n\n")
    return {
        **options,
        "summary": summary.rstrip("."),
        "description": "\n\n".join(filter(None, (description, *also))),
        "tags": [tag.name],
        "opt": {TAG: tag, ASKS: asks or {}, **options.get("opt", {})},
    }


def checked(options: Mapping[str, Any], check: Check | None) -> dict[str, Any]:
    """Return the options of a route with what it looks for when its body is refused."""
    if check is None:
        return {**options}

    async def also(request: ApiRequest, right: Mapping[str, Any]) -> Objections:
        return await check(request, current_caller(request.scope), right)

    return {**options, "opt": {ALSO: also, **options.get("opt", {})}}


def from_row(kind: type[_Item], row: Row | Mapping[str, Any], **given: Any) -> _Item:
    """Make an item: what is not given is the column of the field's name, moments (`_at`) as answers write them."""
    values = {name: row[name] for name in kind.__struct_fields__ if name not in given} | given
    for name in _moments(kind):
        if isinstance(moment := values[name], dt.datetime):
            values[name] = iso(moment)
    return kind(**values)


def _signed(answer: Callable[..., Awaitable[ASGIApp]], route: Route) -> Callable[..., Awaitable[ASGIApp]]:
    """Let the framework see the parameters of the route, but for the query of a list, which is read here."""
    signature = inspect.signature(route)
    parameters = [it for name, it in signature.parameters.items() if name != "query"]
    signed: Any = functools.wraps(route)(answer)
    signed.__signature__ = signature.replace(parameters=parameters, return_annotation=ASGIApp)
    signed.__annotations__ = {it.name: it.annotation for it in parameters} | {"return": ASGIApp}
    return answer
