"""Requests as no common client writes them, and as rare ones do: understood where they can be, else refused."""

import gzip
import json
from typing import Any

import pytest

from tests.api.clients.replay import exchange
from tests.serving import Api, graph_requests

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
TEXT = {"phone": "+442079460011", "message": "Hello"}
PAIRS = b"phone=%2B442079460011&message=Hello"
BODY = json.dumps(TEXT).encode()
GZIP = {"Content-Encoding": "gzip"}


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    """One part of a form whose boundary is b."""
    lines = [f"Content-Disposition: form-data; {disposition}", *headers, "", ""]
    return b"--b\r\n" + "\r\n".join(lines).encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + b"--b--\r\n"


PHONE = part('name="phone"', b"+442079460011")
OKHTTP_PHONE = PHONE.replace(
    b"Content-", b"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 13\r\nContent-", 1
)
HELLO = part('name="message"', b"Hello")


def posted(
    kind: str | None, body: bytes, query: str = "", path: str = "/api/v2/messages/text", **headers: str
) -> bytes:
    """Write a POST as it goes over the wire."""
    typed = {"Content-Type": kind} if kind is not None else {}
    named = {"Host": "rasl.test", "Content-Length": str(len(body))} | typed | headers
    lines = [f"POST {path}{query} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(kind: str, *chunks: bytes) -> bytes:
    """Write a POST in chunks."""
    head = posted(kind, b"", **{"Transfer-Encoding": "chunked"}).replace(b"Content-Length: 0\r\n", b"")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


UNDERSTOOD: dict[str, bytes] = {
    "json": posted(JSON, BODY),
    "a type of its own in JSON": posted("application/vnd.api+json", BODY),
    "a charset": posted("application/json;charset=UTF-8", BODY),
    "a type in capitals": posted("Application/JSON", BODY),
    "no type": posted(None, BODY),
    "an empty type": posted("", BODY),
    "JSON under the type of forms": posted(FORM, BODY),
    "JSON after a line under the type of forms": posted(FORM, b"\r\n  " + BODY),
    "JSON under the type of texts": posted("text/plain;charset=UTF-8", BODY),
    "a form with a charset": posted(f"{FORM}; charset=utf-8", PAIRS),
    "a form that ends in a line": posted(FORM, PAIRS + b"&"),
    "a form with plain blanks and a plus": posted(FORM, b"phone=+44 20 7946 0011&message=Hello"),
    "a form without a value": posted(FORM, PAIRS + b"&context"),
    "the query alone": posted(None, b"", "?" + PAIRS.decode()),
    "the query and an empty form": posted(FORM, b"", "?" + PAIRS.decode()),
    "the query and an empty object": posted(JSON, b"{}", "?" + PAIRS.decode()),
    "the body before the query": posted(JSON, BODY, "?message=No&phone=%2B442079469999"),
    "a null in the body and a value in the query": posted(
        JSON, b'{"message":"Hello","contact_id":null}', "?phone=%2B442079460011"
    ),
    "a mark of byte order": posted(JSON, b"\xef\xbb\xbf" + BODY),
    "a mark of byte order in gzip": posted(JSON, gzip.compress(b"\xef\xbb\xbf" + BODY), **GZIP),
    "a mark of byte order before a form": posted(FORM, b"\xef\xbb\xbf" + PAIRS),
    "gzip in two members": posted(JSON, gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), **GZIP),
    "gzip with an empty member": posted(JSON, gzip.compress(BODY) + gzip.compress(b""), **GZIP),
    "gzip under its old name": posted(JSON, gzip.compress(BODY), **{"Content-Encoding": "X-GZIP"}),
    "gzip of a form": posted(FORM, gzip.compress(PAIRS), **GZIP),
    "gzip of a form with parts": posted(PARTS, gzip.compress(form(PHONE, HELLO)), **GZIP),
    "no encoding by name": posted(JSON, BODY, **{"Content-Encoding": "identity"}),
    "chunks": chunked(JSON, BODY[:5], BODY[5:]),
    "chunks of a form": chunked(FORM, *(bytes([byte]) for byte in PAIRS)),
    "chunks of parts": chunked(PARTS, *(bytes([byte]) for byte in form(PHONE, HELLO))),
    "parts": posted(PARTS, form(PHONE, HELLO)),
    "a boundary in quotes": posted('multipart/form-data; boundary="b"', form(PHONE, HELLO)),
    "a boundary after a charset": posted("multipart/form-data; charset=utf-8; boundary=b", form(PHONE, HELLO)),
    "parts named without quotes, as .NET writes them": posted(
        'multipart/form-data; boundary="b"',
        form(
            part("name=phone", b"+442079460011", "Content-Type: text/plain; charset=utf-8"),
            part("name=message", b"Hello", "Content-Type: text/plain; charset=utf-8"),
        ),
    ),
    "parts with the type first, as OkHttp writes them": posted(PARTS, form(OKHTTP_PHONE, HELLO)),
    "a part of JSON": posted(
        PARTS, form(PHONE, part('name="message"', b"Hello", "Content-Type: application/json"))
    ),
    "a text in a file": posted(PARTS, form(PHONE, part('name="message"; filename="m.txt"', b"Hello"))),
    "a file that nobody chose": posted(
        PARTS, form(PHONE, HELLO, part('name="media_file"; filename=""', b"", "Content-Type: application/octet-stream"))
    ),
    "false as PHP writes it": posted(FORM, PAIRS + b"&dry_run=0"),
    "false as PHP casts it": posted(FORM, PAIRS + b"&dry_run="),
    "true in another field": posted(FORM, PAIRS + b"&preview_url=1"),
    "a name with a dot, as old PHP cannot": posted(FORM, PAIRS + b"&a.b=1"),
    "a part before the first boundary": posted(PARTS, b"preamble\r\n" + form(PHONE, HELLO)),
    "a part after the last boundary": posted(PARTS, form(PHONE, HELLO) + b"epilogue"),
    "a method that is no other": posted(FORM, PAIRS + b"&_method=POST"),
    "a method in JSON": posted(JSON, json.dumps({**TEXT, "_method": "DELETE"}).encode()),
    "a deep unknown name": posted(FORM, PAIRS + b"&x" + b"[a]" * 500 + b"=1"),
    "a thousand unknown names": posted(FORM, PAIRS + b"".join(b"&x%d=1" % n for n in range(1000))),
    "a part without a name": posted(PARTS, form(PHONE, HELLO, part('filename="x"', b"x"))),
    "a name twice, once without a value": posted(FORM, PAIRS + b"&message="),
    "a thousand parts": posted(PARTS, form(PHONE, HELLO, *(part(f'name="x{n}"', b"1") for n in range(1000)))),
    "nothing twice": posted(FORM, PAIRS + b"&context=&context="),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTOOD)
async def test_what_can_be_understood_is(api: Api, name: str) -> None:
    answer = await exchange(api.base_url, authorized(api, UNDERSTOOD[name]))
    assert answer.status == 200, answer.body
    (sent,) = await graph_requests(api)
    assert (sent["body"]["to"], sent["body"]["text"]["body"]) == ("+442079460011", "Hello")


def authorized(api: Api, request: bytes) -> bytes:
    """Put acme's token into a request."""
    first, _, rest = request.partition(b"\r\n")
    return b"\r\n".join([first, f"Authorization: Bearer {api.world.acme.token}".encode(), rest])


DEEP = b'{"phone":' * 5000 + b"1" + b"}" * 5000
BOMB = gzip.compress(b'{"phone":"' + b"1" * 30_000_000)
INVALID, BAD, NO_JSON = (422, "VALIDATION_ERROR"), (400, "BAD_REQUEST"), (400, "INVALID_JSON")
UNSUPPORTED = (415, "UNSUPPORTED_MEDIA_TYPE")
REFUSED: dict[str, tuple[bytes, int, str, Any]] = {
    "another encoding": (posted(JSON, BODY, **{"Content-Encoding": "br"}), *UNSUPPORTED, "supported"),
    "two encodings": (posted(JSON, BODY, **{"Content-Encoding": "gzip, gzip"}), *UNSUPPORTED, "supported"),
    "another type": (posted("application/xml", b"<a/>"), *UNSUPPORTED, "content_type"),
    "half a gzip": (posted(JSON, gzip.compress(BODY)[:-9], **GZIP), *BAD, None),
    "an empty gzip": (posted(JSON, b"", **GZIP), *BAD, None),
    "no gzip": (posted(JSON, BODY, **GZIP), *BAD, None),
    "a bomb": (posted(JSON, BOMB, **GZIP), 413, "PAYLOAD_TOO_LARGE", "maximum_bytes"),
    "garbage after a gzip": (posted(JSON, gzip.compress(BODY) + b"xx", **GZIP), *BAD, None),
    "too deep": (posted(JSON, DEEP), *NO_JSON, "reason"),
    "a list": (posted(JSON, b"[]"), *NO_JSON, "reason"),
    "a text that is no JSON": (posted(JSON, b"hello"), *NO_JSON, "reason"),
    "no UTF-8 in JSON": (posted(JSON, b'{"phone":"\xff"}'), *NO_JSON, "reason"),
    "UTF-16": (posted(JSON, BODY.decode().encode("utf-16")), *NO_JSON, "reason"),
    "no UTF-8 in a form": (posted(FORM, PAIRS + b"%ff"), *INVALID, "body"),
    "no UTF-8 in a query": (posted(JSON, BODY, "?message=%ff"), *INVALID, "query"),
    "no UTF-8 in a part": (posted(PARTS, form(PHONE, part('name="message"', b"\xff"))), *INVALID, "message"),
    "NUL in JSON": (posted(JSON, b'{"phone":"+442079460011","message":"a\\u0000b"}'), *INVALID, "message"),
    "NUL in a form": (posted(FORM, PAIRS + b"%00"), *INVALID, "message"),
    "NUL in a part": (posted(PARTS, form(PHONE, part('name="message"', b"a\0b"))), *INVALID, "message"),
    "too many parts": (posted(PARTS, form(PHONE, HELLO, *[part('name="a"', b"1")] * 10_000)), *BAD, "reason"),
    "too many fields": (posted(FORM, PAIRS + b"&a=1" * 10_000), *INVALID, "body"),
    "a text twice": (posted(FORM, PAIRS + b"&message=Bye"), *INVALID, "message"),
    "a text as a list": (posted(FORM, b"phone=%2B442079460011&message[]=Hello"), *INVALID, "message"),
    "a text and an object": (posted(FORM, PAIRS + b"&message[a]=1"), *INVALID, "message"),
    "no boundary": (posted("multipart/form-data", form(PHONE, HELLO)), *BAD, None),
    "another boundary": (posted("multipart/form-data; boundary=c", form(PHONE, HELLO)), *BAD, "reason"),
    "half a form": (posted(PARTS, form(PHONE, HELLO)[:-9]), *BAD, "reason"),
    "a method nobody has": (posted(FORM, PAIRS + b"&_method=DELETE"), 405, "METHOD_NOT_ALLOWED", "allowed_methods"),
    "true as PHP writes it": (posted(FORM, PAIRS + b"&dry_run=1&x=1"), *INVALID, "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_understood_is_refused_in_words(api: Api, name: str) -> None:
    request, status, code, detail = REFUSED[name]
    answer = await exchange(api.base_url, authorized(api, request))
    assert (answer.status, answer.code) == (status, code), answer.body
    if detail:
        assert detail in answer.details
        assert code != "VALIDATION_ERROR" or list(answer.details) == [detail]
    assert await graph_requests(api) == []


KEY = {"Idempotency-Key": "order-7"}
KEYED: dict[str, tuple[bytes, bytes, bool]] = {
    "the same form": (posted(FORM, PAIRS, **KEY), posted(FORM, PAIRS, **KEY), True),
    "the same form in other parts": (
        posted(PARTS, form(PHONE, HELLO), **KEY),
        posted("multipart/form-data; boundary=c", form(PHONE, HELLO).replace(b"--b", b"--c"), **KEY),
        True,
    ),
    "the same query": (
        posted(None, b"", "?" + PAIRS.decode(), **KEY),
        posted(None, b"", "?" + PAIRS.decode(), **KEY),
        True,
    ),
    "the same in gzip": (posted(JSON, BODY, **KEY), posted(JSON, gzip.compress(BODY), **GZIP, **KEY), True),
    "another query": (posted(FORM, PAIRS, "?a=1", **KEY), posted(FORM, PAIRS, "?a=2", **KEY), False),
    "another form": (posted(FORM, PAIRS, **KEY), posted(FORM, PAIRS + b"!", **KEY), False),
    "another part": (
        posted(PARTS, form(PHONE, HELLO), **KEY),
        posted(PARTS, form(PHONE, part('name="message"', b"Bye")), **KEY),
        False,
    ),
}


@pytest.mark.parametrize("name", KEYED)
async def test_a_key_replays_what_is_the_same_input_and_nothing_else(api: Api, name: str) -> None:
    first, second, is_same = KEYED[name]
    sent = await exchange(api.base_url, authorized(api, first))
    assert sent.status == 200, sent.body
    again = await exchange(api.base_url, authorized(api, second))
    if is_same:
        assert (again.body, again.headers["idempotent-replayed"]) == (sent.body, "true")
    else:
        assert (again.status, again.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await graph_requests(api)) == 1


FILES: dict[str, str] = {
    'filename="note.txt"': "note.txt",
    "filename=note.txt": "note.txt",
    'filename="/home/jo/note.txt"': "note.txt",
    'filename="C:\\Users\\jo\\note.txt"': "note.txt",
    'filename="Grüße.txt"': "Grüße.txt",
    "filename*=utf-8''Gr%C3%BC%C3%9Fe.txt": "Grüße.txt",
    "filename=\"note.txt\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt": "Grüße.txt",
    "filename=\"=?utf-8?B?R3LDvMOfZS50eHQ=?=\"; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt": "Grüße.txt",  # .NET
    'filename="a%22b.txt"': 'a"b.txt',  # as browsers write a quote
    'filename="a\\"b.txt"': 'a"b.txt',  # as curl and Python write it
}


@pytest.mark.parametrize("written", FILES)
async def test_a_file_is_called_what_its_client_calls_it(api: Api, written: str) -> None:
    file = part(f'name="media_file"; {written}', b"Invoice 7.\n", "Content-Type: text/plain")
    body = form(PHONE, part('name="media_type"', b"document"), file)
    answer = await exchange(api.base_url, authorized(api, posted(PARTS, body, path="/api/v2/messages/media")))
    assert answer.status == 200, answer.body
    sent = (await graph_requests(api))[-1]
    assert sent["body"]["document"]["filename"] == FILES[written]


IDS = b"contact_id=812345&context=wamid.X&from_phone_number_id=812345&media_id=812345&header_media_id=812345"
LABELS = b"&header_sample_media_id=812345&status_id=812345&source_id=812345&groups[]=812345&country_id=826&dry_run=0"
CHECKED = (
    "/messages/text",
    "/messages/template",
    "/messages/media",
    "/messages/sticker",
    "/messages/cta",
    "/messages/location",
    "/messages/interactive",
    "/auth/send-otp",
    "/auth/resend",
    "/contacts",
    "/groups",
    "/templates",
)


@pytest.mark.parametrize("path", CHECKED)
@pytest.mark.parametrize("kind", [FORM, JSON])
async def test_ids_as_texts_beside_what_is_wrong_are_looked_up_as_ids(api: Api, path: str, kind: str) -> None:
    written = IDS + LABELS
    if kind == JSON:
        pairs = (pair.split("=") for pair in written.decode().split("&"))
        written = json.dumps({name.removesuffix("[]"): value for name, value in pairs}).encode()
    answer = await exchange(api.base_url, authorized(api, posted(kind, written, path=f"/api/v2{path}")))
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR"), answer.body
    if path == "/auth/send-otp":
        assert {"contact_id"} < set(answer.details)
