"""To whom a message goes, from which number of ours, and in answer to what: looked up before anything is stored."""

import msgspec

from rasl.domain import phone as phones
from rasl.domain.phone import Phone, PhoneProblem
from rasl.domain.tenants import Number, Tenant
from rasl.errors import ValidationFailed, WhatsAppNotConfigured
from rasl.services.composing.draft import Reply
from rasl.services.composing.named_messages import find_reply
from rasl.services.ground.resources import Resources

_NO_NUMBER = "The account has no WhatsApp number with this phone_number_id"


class To(msgspec.Struct, frozen=True):
    """A recipient as somebody names it: a phone, a contact, or both.

    `reply_to` names the message that is quoted, `from_phone_number_id` the number of ours, by WhatsApp's id of it.
    """

    phone: str | None = None
    contact_id: int | None = None
    reply_to: str | None = None
    from_phone_number_id: int | str | None = None


class Addressed(msgspec.Struct, frozen=True):
    """A recipient as understood; without a phone a contact's own address is meant."""

    phone: Phone | None
    contact_id: int | None
    number: Number
    reply: Reply | None = None


async def address(
    resources: Resources, tenant: Tenant, to: To, about_number_id: int | None = None
) -> Addressed:
    """Look up what a send says besides its content; `about_number_id` is the number of a message it reacts to.

    The number is that of the message quoted or reacted to, else the one asked for, else the tenant's default. Raises
    WhatsAppNotConfigured, or ValidationFailed naming every field that is wrong.
    """
    default = sending_number(tenant)
    phone, asked, reply, problems = await _understand(resources, tenant, to)
    tied_id = reply.number_id if reply else about_number_id
    tied = None if tied_id is None else await resources.numbers.get(tenant.id, tied_id)
    if tied is not None and asked is not None and asked.id != tied.id:
        problems["from_phone_number_id"] = [
            f"The message that this one answers belongs to the number {tied.phone_number_id}: only that one can answer"
        ]
    if problems:
        raise ValidationFailed(problems)
    return Addressed(phone, to.contact_id, tied or asked or default, reply)


async def problems_of(resources: Resources, tenant: Tenant, to: To) -> dict[str, list[str]]:
    """Return what is wrong with the recipient of a send that is refused for something else already."""
    return (await _understand(resources, tenant, to))[3]


async def _understand(
    resources: Resources, tenant: Tenant, to: To
) -> tuple[Phone | None, Number | None, Reply | None, dict[str, list[str]]]:
    """Return the phone, the number asked for and the quoted message as far as they are known, and what is wrong."""
    problems: dict[str, list[str]] = {}
    phone: Phone | None = None
    asked: Number | None = None
    reply: Reply | None = None
    with Collecting(problems):
        phone = read_phone(to.phone, tenant)
    if to.from_phone_number_id is not None:
        with Collecting(problems):
            asked = await find_number(resources, tenant, to.from_phone_number_id)
    if to.reply_to is not None:
        with Collecting(problems):
            reply = await find_reply(resources.database, tenant.id, to.reply_to)
    return phone, asked, reply, problems


def read_phone(text: str | None, tenant: Tenant) -> Phone | None:
    """Understand a recipient's number; raises ValidationFailed saying what is missing."""
    if text is None:
        return None
    understood = phones.understand(text, tenant.default_country)
    if isinstance(understood, PhoneProblem):
        raise ValidationFailed({"phone": [understood.sentence]})
    return understood


def sending_number(tenant: Tenant) -> Number:
    """Return the number the tenant sends from by default; raises WhatsAppNotConfigured."""
    if tenant.number is None:
        raise WhatsAppNotConfigured
    return tenant.number


async def find_number(resources: Resources, tenant: Tenant, phone_number_id: int | str) -> Number:
    """Return the number a send asks for; raises ValidationFailed when the tenant has no such number."""
    found = await resources.numbers.find(tenant.id, str(phone_number_id).strip())
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
