"""`rasl trigger`: let the simulated Meta do what the real one does by itself."""

import base64
import functools
import mimetypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from rasl.cli.calling import CommandError
from rasl.cli.output import AsJson, show
from rasl.cli.places import Simulator, find_api, find_simulator

SimulatorOption = Annotated[
    str | None,
    typer.Option(
        "--simulator",
        help="Address of the simulator. Default: that of the running sandbox, else RASL_GRAPH_BASE_URL.",
        show_default=False,
    ),
]
NumberOption = Annotated[
    str | None,
    typer.Option(
        "--number",
        help="phone_number_id of the number of yours. Default: the sandbox's, or the only one.",
        show_default=False,
    ),
]
FromOption = Annotated[
    str, typer.Option("--from", help="Phone number of the person who writes, with country code.")
]
_PERSON = "+15550100001"
_LARGEST_FILE = 100 * 1024 * 1024
_WORDS = {"opt-out": "STOP", "opt-in": "START"}
_STATUSES = ("sent", "delivered", "read", "played", "failed")
_UNDELIVERABLE = 131026
_QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
_KINDS = ("image", "video", "audio", "sticker")

app = typer.Typer(no_args_is_help=True)


@app.command()
def inbound(
    text: Annotated[str | None, typer.Argument(help="The text, or the caption of a file.")] = None,
    sender: FromOption = _PERSON,
    name: Annotated[str | None, typer.Option(help="Name in the person's profile.")] = None,
    button: Annotated[str | None, typer.Option(help="A tapped reply button: ID or ID=TITLE.")] = None,
    row: Annotated[str | None, typer.Option("--list", help="A chosen row of a list: ID or ID=TITLE.")] = None,
    quick_reply: Annotated[
        str | None, typer.Option(help="A tapped quick reply of a template: its text, or PAYLOAD=TEXT.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A picture, video, sound or document that was sent.", exists=True, dir_okay=False),
    ] = None,
    location: Annotated[str | None, typer.Option(help="A place: LATITUDE,LONGITUDE.")] = None,
    reaction: Annotated[
        str | None, typer.Option(help='An emoji on the message of --reply-to; "" takes it back.')
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(help="Id or wamid of the message that is answered or reacted to.")
    ] = None,
    number: NumberOption = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let a person write to you.

    rasl trigger inbound "Hi Acme!" --from +447911123456

    rasl trigger inbound --button track=Track --reply-to 17

    rasl trigger inbound --file photo.png

    rasl trigger inbound --reaction 👍 --reply-to 17
    """
    options = {"button": button, "list": row, "quick_reply": quick_reply, "location": location}
    content = _content(text, file, options | {"reaction": reaction})
    if reaction is not None and reply_to is None:
        raise typer.BadParameter("--reaction needs --reply-to: the message it is on.")
    meta = find_simulator(simulator)
    if reply_to is not None:
        wamid = _wamid(reply_to)
        if reaction is None:
            content["context"] = {"id": wamid}
        else:
            content["reaction"]["message_id"] = wamid
    _write(meta, number, sender, content | ({"profile_name": name} if name else {}), as_json=as_json)


@app.command("opt-out")
def opt_out(
    sender: FromOption = _PERSON,
    number: NumberOption = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let a person write STOP: messages to them are refused from then on.

    rasl trigger opt-out --from +447911123456
    """
    _write(find_simulator(simulator), number, sender, _text(_WORDS["opt-out"]), as_json=as_json)


@app.command("opt-in")
def opt_in(
    sender: FromOption = _PERSON,
    number: NumberOption = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let a person write START, and be written to again.

    rasl trigger opt-in --from +447911123456
    """
    _write(find_simulator(simulator), number, sender, _text(_WORDS["opt-in"]), as_json=as_json)


@app.command()
def status(
    message: Annotated[str, typer.Argument(help="Id (chat_message_id) or wamid of a message you sent.")],
    wanted: Annotated[str, typer.Argument(metavar="STATUS", help="sent, delivered, read, played or failed.")],
    code: Annotated[
        int | None, typer.Option(help="Meta's error code of a failure, such as 131049. Default: 131026.")
    ] = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let Meta report what became of a message.

    rasl trigger status 17 read

    rasl trigger status 17 failed --code 131049
    """
    if wanted not in _STATUSES:
        raise typer.BadParameter(f"A status is one of {', '.join(_STATUSES)}.")
    if code is not None and wanted != "failed":
        raise typer.BadParameter("--code belongs to failed.")
    meta = find_simulator(simulator)
    wamid = _wamid(message)
    order: dict[str, Any] = {"id": wamid, "status": wanted}
    if wanted == "failed":
        order["code"] = code or _UNDELIVERABLE
    answer = meta.post("statuses", {"statuses": [order]})
    _tell(
        answer["deliveries"][0], {"wamid": wamid, "status": wanted}, f"{wamid} is {wanted}", as_json=as_json
    )


def _template(verb: str, action: str, doing: str) -> None:
    """Add a command that does one thing to a template."""

    @app.command(
        f"template-{verb}", help=f"{doing}\n\nrasl trigger template-{verb} order_shipped --language en"
    )
    def command(
        name: Annotated[str, typer.Argument(help="Name of the template.")],
        language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
        waba: Annotated[str | None, typer.Option(help="Id of the WhatsApp account.")] = None,
        simulator: SimulatorOption = None,
        as_json: AsJson = False,
    ) -> None:
        _change(find_simulator(simulator), waba, name, language, {"action": action}, verb, as_json=as_json)


for _verb, _action, _doing in (
    ("approved", "approve", "Let Meta approve a template."),
    ("paused", "pause", "Let Meta pause a template, as it does when people complain."),
    ("unpaused", "unpause", "Let Meta take a pause back."),
    ("disabled", "disable", "Let Meta disable a template for good."),
    ("deleted", "delete", "Let somebody delete a template in WhatsApp Manager."),
):
    _template(_verb, _action, _doing)


@app.command("template-rejected")
def template_rejected(
    name: Annotated[str, typer.Argument(help="Name of the template.")],
    reason: Annotated[str, typer.Option(help="Meta's word for why.")] = "INVALID_FORMAT",
    language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
    waba: Annotated[str | None, typer.Option(help="Id of the WhatsApp account.")] = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let Meta reject a template.

    rasl trigger template-rejected order_shipped --reason TAG_CONTENT_MISMATCH
    """
    order = {"action": "reject", "reason": reason}
    _change(find_simulator(simulator), waba, name, language, order, "rejected", as_json=as_json)


@app.command("template-quality")
def template_quality(
    name: Annotated[str, typer.Argument(help="Name of the template.")],
    quality: Annotated[str, typer.Argument(help="GREEN, YELLOW, RED or UNKNOWN.")],
    language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
    waba: Annotated[str | None, typer.Option(help="Id of the WhatsApp account.")] = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let the quality of a template change.

    rasl trigger template-quality order_shipped RED
    """
    wanted = quality.upper()
    if wanted not in _QUALITIES:
        raise typer.BadParameter(f"A quality is one of {', '.join(_QUALITIES)}.")
    order = {"action": "quality", "quality": wanted}
    _change(find_simulator(simulator), waba, name, language, order, f"{wanted} now", as_json=as_json)


@app.command("template-category")
def template_category(
    name: Annotated[str, typer.Argument(help="Name of the template.")],
    category: Annotated[str, typer.Argument(help="MARKETING, UTILITY or AUTHENTICATION.")],
    language: Annotated[str, typer.Option(help="Language of the template.")] = "en",
    waba: Annotated[str | None, typer.Option(help="Id of the WhatsApp account.")] = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let Meta put a template into another category, which costs more or less.

    rasl trigger template-category order_shipped MARKETING
    """
    order = {"action": "recategorise", "category": category.upper()}
    _change(find_simulator(simulator), waba, name, language, order, category.upper(), as_json=as_json)


@app.command()
def webhook(
    field: Annotated[str, typer.Argument(help="Field of the webhook, such as phone_number_quality_update.")],
    value: Annotated[str, typer.Argument(help="Its value, as JSON.")],
    number: NumberOption = None,
    simulator: SimulatorOption = None,
    as_json: AsJson = False,
) -> None:
    """Let Meta post any webhook, rightly signed.

    rasl trigger webhook phone_number_quality_update '{"event": "FLAGGED", "current_limit": "TIER_1K"}'
    """
    try:
        told = msgspec.json.decode(value)
    except msgspec.DecodeError:
        raise typer.BadParameter("The value must be JSON.") from None
    meta = find_simulator(simulator)
    order = {"phone_number_id": _number(meta, number), "field": field, "value": told, "retries": True}
    _tell(meta.post("webhook", order), {"field": field}, f"Meta posted {field}", as_json=as_json)


def _write(
    meta: Simulator, number: str | None, sender: str, content: Mapping[str, Any], *, as_json: bool
) -> None:
    digits = re.sub(r"[^0-9]", "", sender)
    if not digits:
        raise typer.BadParameter(f"{sender} is no phone number.")
    answer = meta.post("inbound", {"phone_number_id": _number(meta, number), "from": digits, **content})
    told = {"wamid": answer["wamid"], "from": digits, "type": content["type"]}
    _tell(answer, told, f"+{digits} wrote ({content['type']}, {answer['wamid']})", as_json=as_json)


def _change(
    meta: Simulator,
    waba: str | None,
    name: str,
    language: str,
    order: Mapping[str, Any],
    became: str,
    *,
    as_json: bool,
) -> None:
    account = waba or meta.waba_id
    if account is None:
        raise typer.BadParameter("The simulator has several accounts, or none: name one by --waba.")
    answer = meta.post("template", {"waba_id": account, "name": name, "language": language, **order})
    told = {"name": name, "language": language, "template": answer["template"]}
    posted = answer["webhook"] or {"ok": True, "http": None, "error": None}
    _tell(posted, told, f"{name} ({language}) is {became}", as_json=as_json)


def _tell(posted: Mapping[str, Any], told: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """Say what happened, and how RASL took the webhook; exit 1 if it did not."""
    value = {**told, "ok": posted["ok"], "http": posted["http"], "error": posted["error"]}
    heard = "RASL took the webhook" if posted["ok"] else f"RASL did not take the webhook: {_why(posted)}"
    show(as_json, value, f"{sentence}. {heard}.")
    if not posted["ok"]:
        raise typer.Exit(1)


def _why(posted: Mapping[str, Any]) -> str:
    return f"HTTP {posted['http']}" if posted["http"] else str(posted["error"])


def _number(meta: Simulator, given: str | None) -> str:
    number = given or meta.phone_number_id
    if number is None:
        raise typer.BadParameter("The simulator has several numbers, or none: name one by --number.")
    return number


def _wamid(message: str) -> str:
    """Return Meta's id of a message, asking the API where we are given ours."""
    if not message.isdecimal():
        return message
    wamid = find_api(None, None).get(f"/messages/{message}").get("message_id")
    if not isinstance(wamid, str):
        raise CommandError("NO_WAMID", f"Message {message} has no wamid yet: Meta does not know it.")
    return wamid


def _content(text: str | None, file: Path | None, options: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the message as Meta's webhook has it (cloud-api 8.2)."""
    given = {name: value for name, value in options.items() if value is not None}
    if len(given) + (file is not None) > 1 or (given and text is not None):
        raise typer.BadParameter("A message is one thing: a text, or one of the options.")
    if file is not None:
        return _file(file, text)
    for name, value in given.items():
        return _BUILT[name](value)
    return _text(text if text is not None else "Hello")


def _text(body: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}}


def _interactive(kind: str, given: str) -> dict[str, Any]:
    id_, _, title = given.partition("=")
    reply = {"type": kind, kind: {"id": id_, "title": title or id_}}
    return {"type": "interactive", "interactive": reply}


def _quick_reply(given: str) -> dict[str, Any]:
    payload, _, title = given.partition("=")
    return {"type": "button", "button": {"payload": payload, "text": title or payload}}


def _reaction(emoji: str) -> dict[str, Any]:
    return {"type": "reaction", "reaction": {"emoji": emoji} if emoji else {}}


def _file(file: Path, caption: str | None) -> dict[str, Any]:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError("FILE_UNREADABLE", f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST_FILE:
        raise CommandError("FILE_TOO_LARGE", f"{file} is larger than the 100 MB that WhatsApp takes.")
    mime_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kind = "sticker" if mime_type == "image/webp" else mime_type.partition("/")[0]
    kind = kind if kind in _KINDS else "document"
    described: dict[str, Any] = {"filename": file.name} if kind == "document" else {}
    if caption is not None:
        described["caption"] = caption
    return {
        "type": kind,
        kind: described,
        "mime_type": mime_type,
        "content_base64": base64.b64encode(content).decode(),
    }


def _place(location: str) -> dict[str, Any]:
    try:
        latitude, longitude = map(float, location.split(","))
    except ValueError:
        raise typer.BadParameter("--location needs LATITUDE,LONGITUDE, such as 51.5,-0.12.") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise typer.BadParameter("A latitude is -90 to 90, a longitude -180 to 180.")
    return {"type": "location", "location": {"latitude": latitude, "longitude": longitude}}


_BUILT: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "button": functools.partial(_interactive, "button_reply"),
    "list": functools.partial(_interactive, "list_reply"),
    "quick_reply": _quick_reply,
    "location": _place,
    "reaction": _reaction,
}
