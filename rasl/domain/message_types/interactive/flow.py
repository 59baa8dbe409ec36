"""A button that opens a form, a WhatsApp Flow."""

from collections.abc import Iterator, Mapping, Set
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from rasl.domain.emoji import holds_emoji
from rasl.domain.message_types.base import present
from rasl.domain.message_types.interactive.base import Headed
from rasl.domain.validation.rules import Rule, where

MAX_DEPTH = 20
_MESSAGE_VERSION = "3"
FlowText = Annotated[str, msgspec.Meta(max_length=1000)]
FlowButtonText = Annotated[
    str, msgspec.Meta(max_length=30, description="What the button says; without emoji.")
]


def _start_of_an_exchange(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if data.get("flow_action") != "data_exchange":
        return
    for name in ("flow_screen", "flow_data"):
        if data.get(name):
            yield name, f"The {name} field is only for the flow_action navigate"


def _depth_of_data(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    level = [data.get("flow_data")]
    for _ in range(MAX_DEPTH):
        inner = [list(item.values()) if isinstance(item, dict) else item for item in level]
        level = [below for items in inner if isinstance(items, list) for below in items]
    if level:
        yield "flow_data", f"The flow_data field must not be nested deeper than {MAX_DEPTH} levels"


class Flow(Headed, frozen=True, kw_only=True, tag="flow"):
    """A button that opens a WhatsApp Flow, named by `flow_id` or `flow_name`."""

    flow_button_text: FlowButtonText
    flow_id: (
        Annotated[
            str, msgspec.Meta(max_length=100, description="The flow's id at Meta, unless flow_name is given.")
        ]
        | None
    ) = None
    flow_name: FlowText | None = None
    flow_token: (
        Annotated[str, msgspec.Meta(max_length=1000, description="Comes back with the answers.")] | None
    ) = None
    flow_mode: Literal["draft", "published"] | None = None
    flow_action: Literal["navigate", "data_exchange"] | None = None
    flow_screen: (
        Annotated[str, msgspec.Meta(max_length=1000, description="Where it begins (navigate).")] | None
    ) = None
    flow_data: (
        Annotated[
            dict[str, Any], msgspec.Meta(min_length=1, description="What its first screen gets (navigate).")
        ]
        | None
    ) = None

    rules: ClassVar[tuple[Rule, ...]] = (
        where("flow_button_text", holds_emoji, "must not contain emoji"),
        _start_of_an_exchange,
        _depth_of_data,
    )

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require one name of the flow, and the screen that its data are for."""
        problems = super().missing(given)
        if not given & {"flow_id", "flow_name"}:
            problems["flow_id"] = ["The flow_id field is required, or flow_name"]
        if {"flow_id", "flow_name"} <= given:
            problems["flow_name"] = ["The flow_name field must not be given beside flow_id"]
        if "flow_data" in given and "flow_screen" not in given:
            problems["flow_screen"] = ["The flow_screen field is required with flow_data"]
        return problems

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a form has no files
        """Return the button and the form."""
        start = present(screen=self.flow_screen, data=self.flow_data)
        parameters = present(
            flow_message_version=_MESSAGE_VERSION,
            flow_id=self.flow_id,
            flow_name=self.flow_name,
            flow_cta=self.flow_button_text,
            flow_token=self.flow_token,
            mode=self.flow_mode,
            flow_action=self.flow_action,
            flow_action_payload=start or None,
        )
        return {"name": "flow", "parameters": parameters}
