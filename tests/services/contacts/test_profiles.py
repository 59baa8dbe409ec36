"""New people in one batch of sends."""

import datetime as dt

from rasl.db.pool import Database
from rasl.domain import phone
from rasl.domain.message_types.text import Text
from rasl.domain.phone import Phone
from rasl.errors import ValidationFailed
from rasl.sealing import Sealer
from rasl.services.composing.draft import Draft
from rasl.services.contacts.profiles import NewProfile
from rasl.services.ground.callers import Callers
from rasl.services.sending import accepting
from rasl.services.sending.work import Accepted
from tests.world import World


async def test_one_email_for_two_new_people_of_a_batch_refuses_the_second_and_nobody_else(
    database: Database, world: World, sealer: Sealer
) -> None:
    caller = await Callers(database, sealer).authenticate(world.acme.token)
    assert caller.tenant.number is not None

    def draft(digits: str, email: str | None) -> Draft:
        understood = phone.understand(f"+{digits}")
        assert isinstance(understood, Phone)
        assert caller.tenant.number is not None
        return Draft(
            tenant=caller.tenant,
            number=caller.tenant.number,
            content=Text("hi"),
            phone=understood,
            contact_id=None,
            request_id="00000000-0000-0000-0000-000000000001",
            profile=NewProfile(email=email) if email else None,
        )

    drafts = [
        draft("442079460001", "Ana@x.test"),
        draft("442079460002", "ana@X.test"),
        draft("442079460003", None),
    ]
    first, second, third = await accepting.accept(database, drafts, dt.timedelta(seconds=10))
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert isinstance(second, ValidationFailed)
    assert list(second.details) == ["contact.email"]
