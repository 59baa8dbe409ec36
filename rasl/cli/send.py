"""`rasl send`."""

import mimetypes
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from rasl import ids
from rasl.cli.calling import BrokenOffError, CommandError, call
from rasl.cli.output import AsJson, progress, show
from rasl.cli.places import Api, TokenOption, UrlOption, find_api, refusal
from rasl.start.calling import Reply, multipart

_CONTACT = re.compile(r"contact:(\d{1,18})")
_KIND_OF_TYPE = {"image/webp": "image", "text/csv": "document"}
_HEADER_KINDS = ("image", "video", "document")
_MEDIA_KINDS = (*_HEADER_KINDS, "audio", "sticker")


FieldOption = Annotated[
    list[str] | None,
    typer.Option(help="Value of the first, second, ... variable of the template's body; repeatable."),
]
ParamOption = Annotated[
    list[str] | None,
    typer.Option(help="NAME=VALUE, where the template's variables have names; repeatable."),
]
ButtonOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Value for the first, second, ... button of the template: the end of its address, the code to copy, "
        'the payload. "" passes one over; repeatable.'
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(help="A file to send, or the file of the template's header.", exists=True, dir_okay=False),
]
KindOption = Annotated[
    str | None,
    typer.Option("--type", help="What the file is sent as: image, document, video, audio, sticker."),
]
ReplyOption = Annotated[str | None, typer.Option(help="Id or wamid of the message this one answers.")]
SenderOption = Annotated[
    str | None, typer.Option("--from", help="phone_number_id of the number of yours to send from.")
]
RehearsalOption = Annotated[
    bool, typer.Option("--dry-run", help="Send and store nothing; tell what would be sent.")
]
KeyOption = Annotated[
    str | None,
    typer.Option(help="Sent twice with the same key, it goes out once. Default: a new key each time."),
]


def run(
    to: Annotated[str, typer.Argument(help="A phone number with country code, or contact:ID.")],
    text: Annotated[
        str | None,
        typer.Argument(help="The text, or the caption of a file; - reads it from standard input."),
    ] = None,
    template: Annotated[str | None, typer.Option(help="Name of an approved template.")] = None,
    language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
    field: FieldOption = None,
    param: ParamOption = None,
    header: Annotated[
        str | None, typer.Option(help="Value of the variable in the template's header.")
    ] = None,
    button: ButtonOption = None,
    file: FileOption = None,
    kind: KindOption = None,
    reply_to: ReplyOption = None,
    sender: SenderOption = None,
    dry_run: RehearsalOption = False,
    idempotency_key: KeyOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_json: AsJson = False,
) -> None:
    """Send a text, a template or a file.

    rasl send +447911123456 "Your parcel is ready"

    rasl send +447911123456 --template order_shipped --language en --field Priya --button 1044

    rasl send +447911123456 "Your invoice" --file invoice.pdf

    Ends with 0 when the message is accepted, 1 when it is refused or nobody answers, 2 when called wrongly.
    """
    if text == "-":
        if token == "-":  # noqa: S105 - the name of standard input
            raise typer.BadParameter("Standard input is either the token or the text.")
        text = sys.stdin.read().rstrip("\n")
    filling = Filling(field or (), param or (), header, button or ())
    path, own, upload = _content(text, template, language, filling, file, kind)
    fields = _common(to, reply_to, sender, is_rehearsal=dry_run) | own
    api = find_api(url, token)
    key = idempotency_key or f"rasl-send-{ids.mint_random(24)}"
    reply = _post(api, path, fields, upload, key)
    _tell(reply, key, as_json=as_json, is_rehearsal=dry_run)


class Filling(NamedTuple):
    """What fills a template."""

    fields: Sequence[str]
    params: Sequence[str]
    header: str | None
    buttons: Sequence[str]


def _content(
    text: str | None,
    template: str | None,
    language: str,
    filling: Filling,
    file: Path | None,
    kind: str | None,
) -> tuple[str, dict[str, Any], tuple[str, Path] | None]:
    """Return the path to post to, the fields that are its own, and the file to upload under its name."""
    if template is not None:
        if text is not None:
            raise typer.BadParameter("A template has its own text: give values by --field.")
        upload = None if file is None else (f"header_{_kind(file, kind, _HEADER_KINDS)}_file", file)
        return "/messages/template", _filled(template, language, filling), upload
    if any(filling):
        raise typer.BadParameter("--field, --param, --header and --button need --template.")
    if file is not None:
        fields = {"media_type": _kind(file, kind, _MEDIA_KINDS)} | ({"caption": text} if text else {})
        return "/messages/media", fields, ("media_file", file)
    if not text:
        raise typer.BadParameter("Say what to send: a text, --template or --file.")
    return "/messages/text", {"message": text}, None


def _common(to: str, reply_to: str | None, sender: str | None, *, is_rehearsal: bool) -> dict[str, Any]:
    contact = _CONTACT.fullmatch(to)
    fields: dict[str, Any] = {"contact_id": int(contact[1])} if contact else {"phone": to}
    if reply_to is not None:
        fields["context"] = {"message_id": reply_to}
    if sender is not None:
        fields["from_phone_number_id"] = sender
    if is_rehearsal:
        fields["dry_run"] = True
    return fields


def _filled(template: str, language: str, filling: Filling) -> dict[str, Any]:
    fields: dict[str, Any] = {"template_name": template, "language": language}
    fields |= {f"field_{place}": value for place, value in enumerate(filling.fields, 1) if value}
    fields |= {f"button_{place}": value for place, value in enumerate(filling.buttons) if value}
    if filling.header is not None:
        fields["header_field_1"] = filling.header
    if filling.params:
        pairs = [item.partition("=") for item in filling.params]
        if any(not sign for _, sign, _ in pairs):
            raise typer.BadParameter("Write --param NAME=VALUE.")
        fields["parameters"] = {name: value for name, _, value in pairs}
    return fields


def _kind(file: Path, given: str | None, kinds: Sequence[str]) -> str:
    """Return what a file is sent as; the API looks at its content, and refuses what is something else."""
    if given is not None:
        if given not in kinds:
            raise typer.BadParameter(f"--type must be one of {', '.join(kinds)}.")
        return given
    guessed = mimetypes.guess_type(file.name)[0] or ""
    kind = _KIND_OF_TYPE.get(guessed, guessed.partition("/")[0])
    return kind if kind in kinds else "document"


def _post(api: Api, path: str, fields: dict[str, Any], upload: tuple[str, Path] | None, key: str) -> Reply:
    if upload is None:
        kind, body = "application/json", msgspec.json.encode(fields)
    else:
        kind, body = _form(fields, *upload)
    headers = {**api.headers, "idempotency-key": key, "content-type": kind, "accept": "application/json"}
    try:
        return call("POST", f"{api.base_url}{path}", headers, body)
    except BrokenOffError as error:
        # Whether it was sent is not known; the same key makes sure that it is not sent twice.
        raise BrokenOffError(
            error.code,
            f"{error} It may have been sent.",
            told={"idempotency_key": key},
            lines=(f"Call it again with --idempotency-key {key}: it goes out once.",),
        ) from None


def _form(fields: dict[str, Any], name: str, file: Path) -> tuple[str, bytes]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError("FILE_UNREADABLE", f"{file} cannot be read: {error.strerror}.") from None
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    texts = [
        (item, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for item, value in fields.items()
    ]
    return multipart(texts, {name: (file.name, kind, content)})


def _tell(reply: Reply, key: str, *, as_json: bool, is_rehearsal: bool) -> None:
    if not reply.is_good:
        raise refusal(reply)
    answer = reply.value()
    data = answer.get("data")
    if not isinstance(data, dict):
        raise refusal(reply)
    _tell_ignored(answer.get("meta"))
    if is_rehearsal:
        show(as_json, data, *_rehearsed(data))
        if not data.get("would_send"):
            raise typer.Exit(1)
        return
    wamid = f" {data['message_id']}" if data.get("message_id") else ""
    show(
        as_json,
        {**data, "idempotency_key": key},
        f"{answer.get('message')}.",
        f"  message {data.get('chat_message_id')}{wamid}",
        f"  to {data.get('phone')} (contact {data.get('contact_id')}), status {data.get('status')}",
    )


def _tell_ignored(meta: Any) -> None:
    """Say what had no effect, such as more values than a template has variables."""
    ignored = meta.get("ignored") if isinstance(meta, dict) else None
    for item in ignored if isinstance(ignored, list) else ():
        hint = f", did you mean {item['did_you_mean']}?" if item.get("did_you_mean") else ""
        progress(f"warning: {item.get('field')} had no effect{hint}")


def _rehearsed(data: dict[str, Any]) -> list[str]:
    problems = [f"  {item['message']} ({item['code']})" for item in data.get("problems", ())]
    head = "It would be sent." if data.get("would_send") else "It would not be sent:"
    payload = data.get("payload")
    shown = [] if payload is None else [msgspec.json.format(msgspec.json.encode(payload)).decode()]
    return [head, *problems, *shown, "Dry run: nothing was sent and nothing was stored."]
