"""What docs/message-types.md shows can be sent as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

from rasl.api.v2.sends.contacts import SendContacts
from rasl.api.v2.sends.cta import SendCta
from rasl.api.v2.sends.interactive_bodies import AnyInteractive
from rasl.api.v2.sends.location import SendLocation
from rasl.api.v2.sends.reaction import SendReaction
from rasl.api.v2.sends.read_receipt import MarkRead
from rasl.domain.message_types import MESSAGE_TYPES
from rasl.domain.validation import read

TEXT = (Path(__file__).parents[3] / "docs/message-types.md").read_text(encoding="utf-8")
BODIES: dict[str, Any] = {
    "## Interactive messages": AnyInteractive,
    "## Links": SendCta,
    "## Locations": SendLocation,
    "## Contact cards": SendContacts,
    "## Reactions": SendReaction,
    "## Marking messages as read": MarkRead,
}


def _examples(heading: str) -> list[str]:
    section = re.split(r"^## ", TEXT.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"```json\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("heading", BODIES)
def test_every_example_is_a_body(heading: str) -> None:
    examples = _examples(heading)
    assert examples
    for example in examples:
        assert read(BODIES[heading], example.encode())


def test_every_kind_of_interactive_message_is_documented() -> None:
    kinds = [str(kind.__struct_config__.tag) for kind in MESSAGE_TYPES if kind.type_name == "interactive"]
    assert [kind for kind in kinds if not re.search(rf"^### .*`{kind}`", TEXT, re.MULTILINE)] == []
