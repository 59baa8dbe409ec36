"""What an integration does first, through the generated client: a text, a template, a file, and all contacts."""

import json
import os
from pathlib import Path
from typing import Any

from rasl_client import AuthenticatedClient
from rasl_client.api.contacts import list_contacts
from rasl_client.api.messages import send_media, send_template, send_text
from rasl_client.models import Failure, MediaType, SendMedia, SendTemplateJson, SendText
from rasl_client.types import UNSET, File

PHONE = "+442079460011"


def good(answer: Any) -> Any:
    assert answer is not None
    assert not isinstance(answer, Failure), answer
    return answer


def everybody(client: AuthenticatedClient) -> list[int]:
    found: list[int] = []
    cursor: Any = UNSET
    while cursor is not None:
        page = good(list_contacts.sync(client=client, per_page=5, cursor=cursor))
        found += [contact.id for contact in page.data]
        cursor = page.meta.pagination.next_cursor
    return found


def main() -> None:
    client = AuthenticatedClient(
        base_url=os.environ["RASL_URL"], token=os.environ["RASL_TOKEN"], raise_on_unexpected_status=True
    )
    text = good(send_text.sync(client=client, body=SendText(phone=PHONE, message="From Python")))
    filled = SendTemplateJson(phone=PHONE, template_name="parcel_ready", language="en_GB", field_1="Priya")
    template = good(send_template.sync(client=client, body=filled))
    with Path(os.environ["RASL_PICTURE"]).open("rb") as picture:
        file = File(payload=picture, file_name="picture.png", mime_type="image/png")
        body = SendMedia(phone=PHONE, media_type=MediaType.IMAGE, media_file=file)
        media = good(send_media.sync(client=client, body=body))
    refused = send_text.sync(client=client, body=SendText(phone="+441", message=""))
    assert isinstance(refused, Failure)
    told = {
        "sent": [answer.data.message_id for answer in (text, template, media)],
        "contacts": everybody(client),
        "refused": str(refused.error.code),
    }
    print(json.dumps(told))  # noqa: T201 - the test reads it


main()
