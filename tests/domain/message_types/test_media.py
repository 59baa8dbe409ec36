from typing import Any

import pytest

from rasl.domain.message_types.media import MEDIA_KINDS, Audio, Document, Image, Sticker, Video
from rasl.errors import ValidationFailed
from tests.domain.message_types.bodies import reloaded

UPLOADED = {7: "998877"}
NAMED = {"contact_first_name": "Priya", "contact_email": None}


@pytest.mark.parametrize(
    ("content", "payload", "preview"),
    [
        (Image(7), {"type": "image", "image": {"id": "998877"}}, ""),
        (Image(7, "A box"), {"type": "image", "image": {"id": "998877", "caption": "A box"}}, "A box"),
        (Video(7, "A box"), {"type": "video", "video": {"id": "998877", "caption": "A box"}}, "A box"),
        (Document(7), {"type": "document", "document": {"id": "998877"}}, ""),
        (
            Document(7, filename="bill.pdf"),
            {"type": "document", "document": {"id": "998877", "filename": "bill.pdf"}},
            "bill.pdf",
        ),
        (
            Document(7, "Your bill", "bill.pdf"),
            {
                "type": "document",
                "document": {"id": "998877", "caption": "Your bill", "filename": "bill.pdf"},
            },
            "Your bill",
        ),
        (Audio(7), {"type": "audio", "audio": {"id": "998877"}}, ""),
        (Audio(7, is_voice=True), {"type": "audio", "audio": {"id": "998877", "voice": True}}, ""),
        (Sticker(7), {"type": "sticker", "sticker": {"id": "998877"}}, ""),
    ],
)
def test_a_file_is_sent_under_metas_id_of_it(content: Any, payload: dict[str, Any], preview: str) -> None:
    assert content.media_ids() == (7,)
    assert content.graph_fields(UPLOADED) == payload
    assert content.preview() == preview
    assert reloaded(content) == content


def test_the_kinds_are_named_like_metas_types() -> None:
    assert set(MEDIA_KINDS) == {"image", "video", "document", "audio", "sticker"}
    assert all(kind.type_name == name for name, kind in MEDIA_KINDS.items())


@pytest.mark.parametrize("kind", [Image, Video, Document])
def test_a_caption_is_filled_from_its_recipient(kind: Any) -> None:
    assert kind(7, "Hi @{contact_first_name}").rendered(NAMED) == kind(7, "Hi Priya")
    assert kind(7, "@{contact_email}").rendered(NAMED) == kind(7)
    fitting = "x" * 1019 + "@{contact_first_name}"
    assert len(kind(7, fitting).rendered(NAMED).caption) == 1024
    with pytest.raises(ValidationFailed) as caught:
        kind(7, "x" + fitting).rendered(NAMED)
    assert caught.value.details == {
        "caption": ["The caption must not be greater than 1024 characters after merging"]
    }


def test_a_file_without_a_caption_needs_no_filling() -> None:
    assert not Image(7).needs_rendering()
    assert not Sticker(7).needs_rendering()
    assert Image(7, "@{contact_first_name}").needs_rendering()
