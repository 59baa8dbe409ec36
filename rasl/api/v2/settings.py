"""Settings: what an account chooses for itself."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import JSONBody

from rasl.api.audit import actor_of
from rasl.api.caller import Requires
from rasl.api.nouns import Noun
from rasl.domain.tenant_settings import ChangeSettings
from rasl.domain.tenants import Caller
from rasl.services.ground import tenant_settings
from rasl.web.request import ApiRequest, Objections

MayRead = Annotated[Caller, Requires("settings:read")]
MayWrite = Annotated[Caller, Requires("settings:write")]


class KeptDays(msgspec.Struct):
    """Days for which data is kept, by kind; null: as long as the server keeps it."""

    messages: int | None
    message_bodies: int | None
    media: int | None
    unused_media: int | None
    otps: int | None


class SettingsItem(msgspec.Struct):
    """What an account chose; words and formats are those in force."""

    default_country: str | None
    default_type: str
    default_status_id: int | None
    default_source_id: int | None
    default_assigned_id: int | None
    window_policy: str
    fallback_template: dict[str, str] | None
    unknown_policy: str
    time_zone: str
    language: str
    stop_words: list[str]
    start_words: list[str]
    retention_days: KeptDays
    webhook_format: str
    otp_return_generated_code: bool


_EXAMPLE = {
    "default_country": "GB",
    "default_type": "lead",
    "default_status_id": 2,
    "default_source_id": 5,
    "default_assigned_id": None,
    "window_policy": "fallback_template",
    "fallback_template": {
        "template_name": "order_update",
        "language": "en_GB",
        "field_1": "@{contact_first_name}",
    },
    "unknown_policy": "hold",
    "time_zone": "Europe/London",
    "language": "en_GB",
    "stop_words": ["opt out", "optout", "stop", "unsubscribe"],
    "start_words": ["opt in", "optin", "start", "subscribe", "unstop"],
    "retention_days": {
        "messages": 365,
        "message_bodies": 90,
        "media": None,
        "unused_media": None,
        "otps": None,
    },
    "webhook_format": "n8n",
    "otp_return_generated_code": False,
}
SETTINGS = Noun(
    "/settings", Tag("Settings", "What the account chooses for itself."), "settings", SettingsItem, _EXAMPLE
)


async def _against_changing(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    resources = request.resources
    return await tenant_settings.find_objections(
        resources.database, resources.settings, caller.tenant.id, right
    )


@SETTINGS.get("")
async def get_settings(caller: MayRead, request: ApiRequest) -> SettingsItem:
    """Get the settings.

    All of them, as they are in force.
    """
    return _shown(await tenant_settings.get(request.resources.database, caller.tenant.id))


@SETTINGS.patch(
    "",
    also=_against_changing,
    asks={
        "country": {"default_country": "GB", "time_zone": "Europe/London"},
        "words": {"stop_words": ["stop", "unsubscribe", "no more"], "start_words": None},
        "retention": {"retention_days": {"messages": 365}},
    },
)
async def change_settings(
    data: JSONBody[ChangeSettings], caller: MayWrite, request: ApiRequest
) -> SettingsItem:
    """Change settings.

    What is left out stays. All of it is changed or, when anything is wrong, nothing. A change is in force everywhere in
    less than a second, and in the audit.
    """
    resources = request.resources
    changed = await tenant_settings.change(
        resources.database, resources.settings, caller.tenant.id, data, actor_of(request)
    )
    request.callers.told(str(caller.tenant.id))  # other processes hear of it from the database
    return _shown(changed)


def _shown(values: Mapping[str, Any]) -> SettingsItem:
    return msgspec.convert(values, SettingsItem)


HANDLERS = (get_settings, change_settings)
