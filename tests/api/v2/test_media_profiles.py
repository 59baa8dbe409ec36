"""What a send says about new people, when several sends say it in the same moment."""

import asyncio

from rasl.db.pool import Database
from tests import samples
from tests.api.v2.media_calls import form
from tests.serving import Answer, Api


async def _send(api: Api, phone: str, email: str) -> Answer:
    fields = {"phone": phone, "media_type": "image", "contact[email]": email}
    return await api.acme.call(
        "POST", "/api/v2/messages/media", data=form(samples.PNG, "a.png", "media_file", **fields)
    )


async def test_one_email_for_two_new_people_refuses_one_of_them_and_nobody_else(
    api: Api, database: Database
) -> None:
    wishes = [(f"+44207946{n:04}", "ana@x.test" if n % 2 else "Ana@X.test") for n in range(8)]
    strangers = [api.globex.send(f"+44207947{n:04}") for n in range(8)]
    answers, others = await asyncio.gather(
        asyncio.gather(*(_send(api, *wish) for wish in wishes)), asyncio.gather(*strangers)
    )
    assert sorted(answer.status for answer in answers) == [200, *[422] * 7]
    refused = [answer for answer in answers if answer.status == 422]
    assert all("contact.email" in answer.details for answer in refused)
    assert {answer.status for answer in others} == {200}
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from contacts where lower(email) = 'ana@x.test'") == 1


async def test_zero_is_nobody(api: Api, database: Database) -> None:
    for phone, assigned_id in (("+442079460001", "0"), ("+442079460002", "7")):
        fields = {"phone": phone, "media_type": "image", "contact[assigned_id]": assigned_id}
        sent = await api.acme.call(
            "POST", "/api/v2/messages/media", data=form(samples.PNG, "a.png", "media_file", **fields)
        )
        assert sent.status == 200, sent.body
    async with database.connection() as db:
        found = await db.fetch("select assigned_id from contacts order by phone")
    assert [row["assigned_id"] for row in found] == [None, 7]
