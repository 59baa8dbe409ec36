"""To whom a message goes, from which number of ours, and in answer to what: looked up before anything is stored."""

import msgspec

from rasl.api.v2.sends.recipient import Recipient, read_phone, sending_number
from rasl.domain.phone import Phone
from rasl.domain.tenants import Caller, Number
from rasl.errors import ValidationFailed
from rasl.services.composing.draft import Reply
from rasl.services.ground.resources import Resources
from rasl.services.sending import message_list

_NO_NUMBER = "The account has no WhatsApp number with this phone_number_id"


class Addressed(msgspec.Struct, frozen=True):
    """A recipient as understood; without a phone a contact's own address is meant."""

    phone: Phone | None
    number: Number
    reply: Reply | None = None


async def address(
    resources: Resources, caller: Caller, recipient: Recipient, about_number_id: int | None = None
) -> Addressed:
    """Look up what a send says besides its content; `about_number_id` is the number of a message it reacts to.

    The number is that of the message quoted or reacted to, else the one asked for, else the tenant's default. Raises
    WhatsAppNotConfigured, or ValidationFailed naming every field that is wrong.
    """
    default = sending_number(caller)
    problems: dict[str, list[str]] = {}
    phone: Phone | None = None
    asked: Number | None = None
    reply: Reply | None = None
    with Collecting(problems):
        phone = read_phone(recipient.phone, caller)
    with Collecting(problems):
        asked = await find_number(resources, caller, recipient.from_phone_number_id)
    if recipient.context is not None:
        with Collecting(problems):
            name = str(recipient.context.message_id)
            reply = await message_list.find_reply(resources.database, caller.tenant.id, name)
    tied_id = reply.number_id if reply else about_number_id
    tied = None if tied_id is None else await resources.numbers.get(caller.tenant.id, tied_id)
    if tied is not None and asked is not None and asked.id != tied.id:
        problems["from_phone_number_id"] = [
            f"The message that this one answers belongs to the number {tied.phone_number_id}: only that one can answer"
        ]
    if problems:
        raise ValidationFailed(problems)
    return Addressed(phone, tied or asked or default, reply)


async def find_number(
    resources: Resources, caller: Caller, phone_number_id: int | str | None
) -> Number | None:
    """Return the number a send asks for, if it does; raises ValidationFailed when the tenant has no such number."""
    if phone_number_id is None:
        return None
    found = await resources.numbers.find(caller.tenant.id, str(phone_number_id).strip())
    if found is None:
        raise ValidationFailed({"from_phone_number_id": [_NO_NUMBER]})
    return found


class Collecting:
    """Takes down what is wrong in its block, so that the next field is looked at, too."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        self._problems = problems

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Keep a ValidationFailed, and let everything else pass."""
        if not isinstance(error, ValidationFailed):
            return False
        self._problems |= error.details
        return True
