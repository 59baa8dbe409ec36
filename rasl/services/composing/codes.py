"""Everything that speaks against sending a code, at once: what has to be looked up, field by field."""

from collections.abc import Mapping
from typing import Any

from rasl.db import contact_lists
from rasl.domain import otp
from rasl.domain.tenants import Tenant
from rasl.errors import NotFound, ValidationFailed
from rasl.services.composing.addressing import Collecting, find_number, read_phone
from rasl.services.ground.resources import Resources
from rasl.services.otp import passwords
from rasl.services.otp.passwords import CodeWish


async def problems(
    resources: Resources, tenant: Tenant, given: Mapping[str, Any], *, is_strict: bool
) -> dict[str, list[str]]:
    """Return what is wrong with fields that are well-formed each by itself; others may be absent from `given`.

    The template is looked for in the account of the number asked for, or of the default one where that is wrong.
    """
    found: dict[str, list[str]] = {}
    number = tenant.number
    with Collecting(found):
        read_phone(given.get("phone"), tenant)
    asked, contact_id = given.get("from_phone_number_id"), given.get("contact_id")
    if asked is not None:
        with Collecting(found):
            number = await find_number(resources, tenant, asked)
    if contact_id is not None:
        async with resources.database.connection() as db:
            if not await contact_lists.find_contacts(db, tenant.id, [contact_id]):
                found["contact_id"] = ["Contact not found"]
    if number is not None and given.get("template_name") is not None:
        try:
            with Collecting(found):
                await passwords.compose(resources, tenant, number, wish_of(given, is_strict=is_strict))
        except NotFound as error:
            found["template_name"] = [error.message]
    return found


async def whole_refusal(
    resources: Resources,
    tenant: Tenant,
    given: Mapping[str, Any],
    error: NotFound | ValidationFailed,
    *,
    is_strict: bool,
) -> NotFound | ValidationFailed:
    """Return the refusal that names all that is wrong, given the first that was met.

    A template that is not there is NotFound as long as it is all there is.
    """
    found = await problems(resources, tenant, given, is_strict=is_strict)
    if isinstance(error, ValidationFailed):
        return ValidationFailed({**error.details, **found})
    return error if found.keys() <= {"template_name"} else ValidationFailed(found)


def wish_of(given: Mapping[str, Any], *, is_strict: bool) -> CodeWish:
    """Return what fields of a request ask for; those that may be left out may be absent."""
    return CodeWish(
        template_name=given["template_name"],
        language=given.get("language") or otp.DEFAULT_LANGUAGE,
        purpose=given.get("purpose") or otp.DEFAULT_PURPOSE,
        expiry_minutes=given.get("expiry_minutes") or otp.DEFAULT_EXPIRY_MINUTES,
        code=given.get("code"),
        code_length=given.get("code_length") or otp.DEFAULT_LENGTH,
        additional_params=tuple(map(str, given.get("additional_params") or ())),
        is_strict=is_strict,
    )
