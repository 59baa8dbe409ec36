"""Every switch of the simulator, with the value it starts with."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Window = Literal["off", "async", "sync"]
PayloadVersion = Literal["v23", "v24"]

FIXED_AT_START = frozenset({"seed", "request_ring", "delivery_ring"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """How the simulated Meta behaves; every field but the seed and ring sizes can change at run time."""

    seed: int = 1
    public_url: str | None = None
    public_media_url: str | None = None
    inbound_media_url: bool = True
    any_document_type: bool = False
    unknown_media_code: Literal[100, 131009] = 100
    check_media_ids: bool = True
    template_review_delay: Seconds | None = 0.5
    template_suffixes: bool = True
    template_limit: Annotated[int, msgspec.Meta(ge=1)] = 6000
    template_creates_per_hour: Annotated[int, msgspec.Meta(ge=1)] | None = 100
    template_edit_limits: bool = True
    template_words_per_variable: Seconds = 2.0
    template_edges: bool = True
    template_handles: bool = True
    template_edit_details: bool = True
    template_delete_event: Literal["DELETED", "PENDING_DELETION"] | None = "DELETED"
    template_language_dash: bool = False
    sent_delay: Seconds | None = 0.05
    delivered_delay: Seconds | None = 0.2
    read_delay: Seconds | None = 1.0
    played_delay: Seconds | None = None
    payload_version: PayloadVersion = "v24"
    status_contacts: bool = True
    failed_contacts: bool = False
    user_ids: bool = True
    window: Window = "async"
    require_registered_tokens: bool = False
    enforce_throughput: bool = True
    enforce_pair_rate: bool = False
    rewrite_wa_id: bool = True
    magic_recipients: bool = True
    latency_median: Seconds = 0.0
    latency_sigma: Seconds = 0.0
    webhook_batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    webhook_concurrency: Annotated[int, msgspec.Meta(ge=1)] = 8
    webhook_timeout: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    webhook_retry_base: Seconds = 0.5
    webhook_retry_cap: Seconds = 60.0
    webhook_max_attempts: Annotated[int, msgspec.Meta(ge=1)] = 12
    request_ring: Annotated[int, msgspec.Meta(ge=1)] = 200_000
    delivery_ring: Annotated[int, msgspec.Meta(ge=1)] = 10_000

    def changed(self, patch: Mapping[str, Any]) -> "SimulatorConfig":
        """The same settings with a checked patch applied; raises ValueError on a bad name or value."""
        known = {field.name for field in dataclasses.fields(self)}
        if unknown := patch.keys() - known:
            raise ValueError(f"unknown setting: {', '.join(sorted(unknown))}")
        if fixed := patch.keys() & FIXED_AT_START:
            raise ValueError(f"fixed at start: {', '.join(sorted(fixed))}")
        return msgspec.convert({**dataclasses.asdict(self), **patch}, SimulatorConfig)
