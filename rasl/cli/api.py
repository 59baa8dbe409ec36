"""`rasl api`."""

import mimetypes
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import msgspec
import typer

from rasl.cli.calling import call
from rasl.cli.output import AsJson
from rasl.cli.places import API_PATH, Api, TokenOption, UrlOption, find_api
from rasl.start.calling import Reply, multipart

_METHOD = re.compile(r"[A-Za-z]{3,10}")
# An operator may hold a sign of its own: filter[created_at][>=]=2026-01-01.
_PAIR = re.compile(r"([^\[\]=]+(?:\[[^\]]*\])*)=(.*)", re.DOTALL)
_PART = re.compile(r"[^\[\]]+|\[\]")
_QUERY_METHODS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


WordsArgument = Annotated[
    list[str],
    typer.Argument(metavar="[METHOD] PATH", help="GET unless fields or a body are given, and the path."),
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--field",
        help="NAME=VALUE: a text in the JSON body, or in the query of a GET; a[b]=V and a[]=V nest. Repeatable.",
    ),
]
TypedOption = Annotated[
    list[str] | None,
    typer.Option("-F", "--typed", help="NAME=JSON: a number, true, null, a list ... Repeatable."),
]
FileOption = Annotated[
    list[str] | None,
    typer.Option("--file", help="NAME=PATH: a file to upload; the fields go along as a form. Repeatable."),
]
HeaderOption = Annotated[
    list[str] | None, typer.Option("-H", "--header", help="`Name: value` to send along. Repeatable.")
]
SourceOption = Annotated[
    str | None, typer.Option("--input", help="File with the body of the request, - for standard input.")
]


def run(
    words: WordsArgument,
    field: FieldOption = None,
    typed: TypedOption = None,
    file: FileOption = None,
    header: HeaderOption = None,
    source: SourceOption = None,
    with_head: Annotated[
        bool, typer.Option("-i", "--include", help="Show the status line and the headers, too.")
    ] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: AsJson = False,
) -> None:
    """Call the API with your token and show what it answers.

    rasl api GET /messages -f 'filter[status]=failed'

    rasl api POST /contacts -f firstname=Priya -f phone=+447911123456

    rasl api POST /messages/media -f phone=+447911123456 -f media_type=image --file media_file=a.png

    Ends with 0 for an answer of 2xx, with 3, 4 or 5 for 3xx, 4xx and 5xx, with 1 when nobody answers. With --json the
    answer is one object: status, headers, body.
    """
    fields = _fields(field or (), typed or ())
    method, path = _method_and_path(words, has_body=bool(fields or file or source))
    query = fields if method in _QUERY_METHODS else {}
    kind, body = _body({} if query else fields, file or (), source)
    api = find_api(url, token)
    own = {"content-type": kind} if kind else {}
    headers = {**api.headers, "accept": "*/*", **own, **_headers(header or ())}
    reply = call(method, _address(api, path, _flat(query)), headers, body)
    _show(reply, with_head=with_head, as_json=as_json)
    if not reply.is_good:
        raise typer.Exit(reply.status // 100)


def _body(
    fields: dict[str, Any], files: Sequence[str], source: str | None
) -> tuple[str | None, bytes | None]:
    """Return type and content of the request's body, None where it has none."""
    if source is not None:
        if fields or files:
            raise typer.BadParameter("--input is the whole body: give no fields and no files besides.")
        return "application/json", _read(source)
    if files:
        return _form(fields, files)
    return ("application/json", msgspec.json.encode(fields)) if fields else (None, None)


def _method_and_path(words: Sequence[str], *, has_body: bool) -> tuple[str, str]:
    match words:
        case [path]:
            return ("POST" if has_body else "GET"), path
        case [method, path] if _METHOD.fullmatch(method):
            return method.upper(), path
    raise typer.BadParameter("Write the method and the path: rasl api GET /messages.")


def _address(api: Api, path: str, query: Sequence[tuple[str, str]]) -> str:
    """Return where to call; the token never goes to another address than the API's."""
    root = api.base_url.removesuffix(API_PATH)
    if "://" in path:
        base, given = urlsplit(api.base_url), urlsplit(path)
        if (given.scheme, given.netloc) != (base.scheme, base.netloc):
            raise typer.BadParameter(f"The token is for {root}: give a path, or --url for another API.")
        address = path
    else:
        rooted = f"/{path.lstrip('/')}"
        address = f"{root}{rooted}" if rooted.startswith("/api/") else f"{api.base_url}{rooted}"
    address = address.partition("#")[0].replace(" ", "%20")
    if not (address.isascii() and address.isprintable()):
        raise typer.BadParameter("Write what is not ASCII in a path as %XX, or give it by -f.")
    if not query:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


def _fields(texts: Sequence[str], typed: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for item in texts:
        name, value = _pair(item)
        _put(fields, name, _PART.findall(name), value)
    for item in typed:
        name, text = _pair(item)
        try:
            _put(fields, name, _PART.findall(name), msgspec.json.decode(text))
        except msgspec.DecodeError:
            raise typer.BadParameter(f"-F {name}= needs JSON, such as 5, true or [1,2].") from None
    return fields


def _pair(item: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(item)
    if found is None:
        raise typer.BadParameter(f"{item}: write NAME=VALUE.")
    return found[1], found[2]


def _put(place: Any, name: str, parts: Sequence[str], value: Any) -> None:
    """Put a value where a bracketed name says: a[b]=V into an object, a[]=V at the end of a list."""
    first, *rest = parts
    below: Any = value
    if rest:
        below = [] if rest[0] == "[]" else {}
    if isinstance(place, list) and first == "[]":
        place.append(below)
    elif isinstance(place, dict) and first != "[]":
        below = place[first] = place.get(first, below) if rest else value
    else:
        raise typer.BadParameter(f"{name} does not go with the fields before it.")
    if rest:
        _put(below, name, rest, value)


def _flat(fields: Any, name: str = "") -> list[tuple[str, str]]:
    """Write nested values with bracketed names, as a query has them."""
    if isinstance(fields, dict):
        return [
            pair for key, item in fields.items() for pair in _flat(item, f"{name}[{key}]" if name else key)
        ]
    if isinstance(fields, list):
        return [pair for item in fields for pair in _flat(item, f"{name}[]")]
    return [(name, fields if isinstance(fields, str) else msgspec.json.encode(fields).decode())]


def _form(fields: dict[str, Any], files: Sequence[str]) -> tuple[str, bytes]:
    uploads = {}
    for item in files:
        name, path = _pair(item)
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        uploads[name] = (Path(path).name, kind, _read(path))
    return multipart(_flat(fields), uploads)


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}.") from None


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for item in given:
        name, sign, value = item.partition(":")
        if not sign or not re.fullmatch(r"[A-Za-z0-9-]+", name.strip()) or not value.isprintable():
            raise typer.BadParameter(f"{name}: write -H 'Name: value'.")
        headers[name.strip().lower()] = value.strip()
    return headers


def _show(reply: Reply, *, with_head: bool, as_json: bool) -> None:
    head = {name.lower(): value for name, value in reply.headers}
    is_json = head.get("content-type", "").partition(";")[0].endswith("json")
    if as_json:
        text = reply.body.decode(errors="replace")
        body: Any = msgspec.Raw(reply.body) if is_json and reply.body else text
        value = {"status": reply.status, "headers": head, "body": body}
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=-1) + b"\n")
    else:
        if with_head:
            lines = [
                f"HTTP {reply.status} {reply.reason}",
                *(f"{name}: {value}" for name, value in head.items()),
            ]
            sys.stdout.buffer.write("".join(f"{line}\n" for line in [*lines, ""]).encode())
        sys.stdout.buffer.write(_readable(reply.body) if is_json and sys.stdout.isatty() else reply.body)
        if reply.body and is_json:
            sys.stdout.buffer.write(b"\n")
    sys.stdout.flush()


def _readable(body: bytes) -> bytes:
    try:
        return msgspec.json.format(body)
    except msgspec.DecodeError:
        return body
