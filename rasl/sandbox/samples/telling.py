"""Brings the samples into the demo account through the doors that everybody uses: the API, and the simulated Meta."""

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from rasl.sandbox.calls import File, call, post_form
from rasl.sandbox.samples import people, pictures
from rasl.sandbox.samples.people import FAY, LENA, PRIYA
from rasl.sandbox.samples.templates import TEMPLATES

# In the documentation's examples, too.
FIRST_WAMID = "wamid.HBgMNDQyMDc5NDYwMDExFQIAEhgS"
_WEBHOOK = {
    "url": "https://n8n.example.test/webhook/rasl",
    "events": ["contact.updated"],
    "description": "An example: paused, as nobody listens there.",
    "is_active": False,
}
_QUESTION = "Where is my parcel?"
_PATIENCE = 20.0
_PAUSE = 0.02


class SamplesError(Exception):
    """Something of the samples could not be brought in; the sandbox runs without it."""


class Doors(msgspec.Struct, frozen=True):
    """Where the account's API and the simulated Meta answer."""

    api_url: str
    token: str
    control_url: str
    phone_number_id: str
    waba_id: str

    def get(self, path: str) -> dict[str, Any]:
        """Read from the API."""
        return _good(call("GET", f"{self.api_url}{path}", token=self.token), path)

    def post(self, path: str, body: Any = None) -> Any:
        """Write to the API and return the data of its answer."""
        return _good(call("POST", f"{self.api_url}{path}", body, self.token), path)["data"]

    def post_file(self, path: str, file: File) -> Any:
        """Give the API a file and return the data of its answer."""
        return _good(post_form(f"{self.api_url}{path}", file, self.token), path)["data"]

    def knows(self, wamid: str) -> bool:
        """Tell whether the API shows the message."""
        return call("GET", f"{self.api_url}/messages/{quote(wamid)}", token=self.token)[0] == 200

    def write_in(self, phone: str, name: str, **message: Any) -> str:
        """Let somebody write to the account, wait until it is applied, and return its wamid."""
        order = {
            "phone_number_id": self.phone_number_id,
            "from": phone.lstrip("+"),
            "profile_name": name,
            **message,
        }
        answer = _good(call("POST", f"{self.control_url}/inbound", order), "inbound")
        wamid = str(answer["wamid"])
        _wait(lambda: self.knows(wamid), "an inbound message")
        return wamid


def tell(doors: Doors) -> dict[str, Any]:
    """Bring in what is not there yet, and return the ids that examples and tours need; raises SamplesError."""
    try:
        return _tell(doors)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SamplesError(f"{type(error).__name__}: {error}") from error


def _tell(doors: Doors) -> dict[str, Any]:
    templates = {"waba_id": doors.waba_id, "templates": TEMPLATES}
    _good(call("POST", f"{doors.control_url}/templates", templates), "templates")
    doors.post("/templates/sync")
    doors.post("/contacts/batch", {"contacts": people.CONTACTS, "options": {"skip_duplicates": True}})
    if not doors.get("/contacts/imports?per_page=1")["data"]:
        file = File("file", people.IMPORT_NAME, "text/csv", people.IMPORT.encode())
        doors.post_file("/contacts/import", file)
    media = [doors.post_file("/media", file) for file in _files()]
    if _QUESTION not in {item["message"] for item in doors.get("/messages?per_page=100")["data"]}:
        _converse(doors, media[0]["id"])
        _comment(doors)
    if not doors.get("/webhooks?per_page=1")["data"]:
        _subscribe(doors)
    _wait(lambda: _is_imported(doors), "the import")
    return _ids(doors, media)


def _files() -> list[File]:
    return [
        _file("image", "box.png", "image/png", pictures.box_picture()),
        _file("image", "lighthouse.png", "image/png", pictures.lighthouse_picture()),
        _file("document", "invoice-1044.pdf", "application/pdf", pictures.invoice()),
    ]


def _file(kind: str, name: str, mime_type: str, content: bytes) -> File:
    return File("media_file", name, mime_type, content, {"media_type": kind})


def _converse(doors: Doors, picture_id: int) -> None:
    """Let Priya and the account talk, a message fail, and somebody want no more."""
    doors.write_in(PRIYA, "Priya", id=FIRST_WAMID, body=_QUESTION)
    to_priya = {"phone": PRIYA}
    answer = doors.post(
        "/messages/text", to_priya | {"message": "Hi @{contact_first_name}, your parcel is ready."}
    )
    shipped = {
        "template_name": "order_shipped",
        "language": "en_GB",
        "header_media_id": picture_id,
        "field_1": "@{contact_first_name}",
        "field_2": "#A-1044",
        "button_0": "A-1044",
    }
    doors.post("/messages/template", to_priya | shipped)
    image = {"media_type": "image", "media_id": picture_id, "caption": "This is what it looks like."}
    doors.post("/messages/media", to_priya | image)
    asked = doors.post(
        "/messages/interactive",
        to_priya
        | {
            "type": "button",
            "body_text": "Hi @{contact_first_name}, shall we bring it tomorrow?",
            "buttons": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "Another day"}],
        },
    )
    doors.write_in(
        PRIYA,
        "Priya",
        type="interactive",
        interactive={"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}},
        context={"id": asked["message_id"]},
    )
    photo = base64.b64encode(pictures.lighthouse_picture()).decode()
    doors.write_in(
        PRIYA,
        "Priya",
        type="image",
        image={"caption": "The door beside the lighthouse"},
        content_base64=photo,
    )
    doors.write_in(
        PRIYA, "Priya", type="reaction", reaction={"message_id": answer["message_id"], "emoji": "👍"}
    )
    doors.post("/messages/text", {"phone": FAY, "message": "Fay, are you still at this number?"})
    doors.write_in(LENA, "Lena", body="STOP")


def _comment(doors: Doors) -> None:
    path = f"/comments/{quote(PRIYA)}"
    doors.post(path, {"comment": "Prefers to be called after five."})
    doors.post(path, {"comment": "Parcel A-1044 goes to the door beside the lighthouse."})


def _subscribe(doors: Doors) -> None:
    """Have a webhook that is paused, as nobody listens there, and a delivery that waits for it."""
    kept = doors.post("/webhooks", _WEBHOOK)
    contact = doors.get(f"/contacts?search={quote('priya@harbour.test')}")["data"][0]
    change = {"state": "West Yorkshire"}
    _good(call("PATCH", f"{doors.api_url}/contacts/{contact['id']}", change, doors.token), "a contact")
    deliveries = f"/webhooks/{kept['id']}/deliveries"
    _wait(lambda: bool(doors.get(deliveries)["data"]), "a webhook's delivery")


def _is_imported(doors: Doors) -> bool:
    found = doors.get("/contacts/imports?per_page=1")["data"]
    return not found or found[0]["status"] in {"done", "failed"}


def _ids(doors: Doors, media: list[Any]) -> dict[str, Any]:
    question = doors.get(f"/messages/{quote(FIRST_WAMID)}")["data"]["id"]
    contact = doors.get(f"/contacts?search={quote('priya@harbour.test')}")["data"][0]
    return {
        "contact_id": contact["id"],
        "phone": contact["phone"],
        "group_id": contact["group_id"][0],
        "source_id": contact["source_id"],
        "status_id": contact["status_id"],
        "message_id": question,
        "answer_id": question + 1,
        "media_ids": [item["id"] for item in media],
    }


def _good(answered: tuple[int, dict[str, Any]], what: str) -> dict[str, Any]:
    status, answer = answered
    if status >= 300:
        raise SamplesError(f"{what} was answered with {status}: {answer.get('error')}")
    return answer


def _wait(is_there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_there():
        if time.monotonic() > deadline:
            raise SamplesError(f"{what} was not applied within {_PATIENCE:.0f} seconds")
        time.sleep(_PAUSE)
