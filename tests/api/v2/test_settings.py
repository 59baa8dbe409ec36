"""What an account chooses for itself: checked at once, in force at once, and in the audit."""

import asyncio
import itertools
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import rows
from tests.api.v2.templated import ORDER, have, template
from tests.serving import Answer, Api, Client
from tests.things import PREFIX

SETTINGS, AUDIT = f"{PREFIX}/settings", f"{PREFIX}/audit"
FALLBACK = {
    "template_name": "order_update",
    "language": "en_GB",
    "field_1": "@{contact_phone}",
    "field_2": "7",
}


async def patch(client: Client, **changes: Any) -> Answer:
    return await client.call("PATCH", SETTINGS, json=changes)


async def test_every_setting_can_be_changed_and_is_kept(api: Api) -> None:
    await have(api, ORDER)
    changes = {
        "default_country": "GB",
        "default_type": "customer",
        "default_status_id": api.world.acme.status_id,
        "default_source_id": None,
        "default_assigned_id": 4,
        "window_policy": "fallback_template",
        "fallback_template": FALLBACK,
        "unknown_policy": "resend",
        "time_zone": "Europe/Berlin",
        "language": "en_GB",
        "stop_words": ["halt", "stop"],
        "start_words": ["weiter"],
        "retention_days": {
            "messages": 30,
            "message_bodies": 9,
            "media": None,
            "unused_media": 9,
            "otps": 2,
        },
        "webhook_format": "default",
        "otp_return_generated_code": True,
    }
    before = (await api.acme.get(SETTINGS)).data
    assert before.keys() == changes.keys()
    changed = await patch(api.acme, **changes)
    assert changed.status == 200
    assert changed.data == changes
    assert (await api.acme.get(SETTINGS)).data == changes
    [entry] = (await api.acme.get(AUDIT)).data
    differing = {name for name in changes if changes[name] != before[name]}
    assert entry["before"] == {name: before[name] for name in differing}
    assert entry["after"] == {name: changes[name] for name in differing}


async def test_what_is_written_otherwise_is_understood(api: Api) -> None:
    given = {
        "default_country": "gb",
        "time_zone": "europe/berlin",
        "language": "pt-br",
        "stop_words": [" HALT! "],
    }
    data = (await patch(api.acme, **given)).data
    assert [data[name] for name in given] == ["GB", "Europe/Berlin", "pt_BR", ["halt"]]


async def test_null_takes_back_what_can_be_without(api: Api) -> None:
    await patch(
        api.acme, default_country="GB", stop_words=["halt"], retention_days={"messages": 30, "otps": 3}
    )
    data = (await patch(api.acme, default_country=None, stop_words=None, retention_days={"otps": None})).data
    assert data["default_country"] is None
    assert "unsubscribe" in data["stop_words"]
    assert (data["retention_days"]["messages"], data["retention_days"]["otps"]) == (30, None)
    assert set((await patch(api.acme, retention_days=None)).data["retention_days"].values()) == {None}
    assert list((await patch(api.acme, default_type=None)).details) == ["default_type"]


async def test_everything_wrong_is_named_at_once_and_nothing_changes(api: Api, database: Database) -> None:
    before = (await api.acme.get(SETTINGS)).data
    answer = await patch(
        api.acme,
        default_country="UK",
        default_type="robot",
        default_status_id=api.world.globex.status_id,
        default_source_id=10**15,
        window_policy="maybe",
        fallback_template={"template_name": "nowhere", "language": "en"},
        time_zone="Berlin",
        language="english please",
        stop_words=["stop", "STOP.", "!"],
        start_words=["subscribe"],
        retention_days={"messages": 3, "otps": 31},
        webhook_format="xml",
        unknown_policy="hold",
    )
    assert answer.status == 422
    assert answer.details["default_country"] == [
        'The default_country field must be a country of two letters, such as GB; did you mean "GB"?'
    ]
    assert answer.details["time_zone"] == [
        'The time_zone field must be the name of a time zone; did you mean "Europe/Berlin"?'
    ]
    assert set(answer.details) == {
        "default_country",
        "default_type",
        "default_status_id",
        "default_source_id",
        "window_policy",
        "fallback_template.template_name",
        "time_zone",
        "language",
        "stop_words.1",
        "stop_words.2",
        "retention_days.messages",
        "webhook_format",
    }
    assert (await api.acme.get(SETTINGS)).data == before
    assert await rows(database, "select from audit_log") == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "posixrules"}, "time_zone"),
        ({"default_country": "Atlantis"}, "default_country"),
        ({"start_words": ["stop"]}, "start_words"),
        ({"stop_words": ["start"]}, "stop_words"),
        ({"stop_words": []}, "stop_words"),
        ({"retention_days": {"otps": 31}}, "retention_days.otps"),
        ({"retention_days": {"otps": 0}}, "retention_days.otps"),
        ({"retention_days": {"messages": 7}}, "retention_days.messages"),
        ({"default_status_id": 99}, "default_status_id"),
        ({"fallback_template": {"template_name": "order_update"}}, "fallback_template.language"),
    ],
)
async def test_what_the_database_or_the_server_speaks_against(
    api: Api, changes: dict[str, Any], place: str
) -> None:
    answer = await patch(api.acme, **changes)
    assert (answer.status, list(answer.details)) == (422, [place])


async def test_a_fallback_is_bound_when_it_is_chosen(api: Api) -> None:
    await have(api, ORDER)
    lacking = {key: value for key, value in FALLBACK.items() if key != "field_2"}
    assert list((await patch(api.acme, fallback_template=lacking)).details) == ["fallback_template.field_2"]
    assert list((await patch(api.globex, fallback_template=FALLBACK)).details) == [
        "fallback_template.template_name"
    ]


async def test_a_change_is_in_force_for_the_next_request(api: Api) -> None:
    sample = {"phone": "07946 001100", "message": "Hi"}
    assert list((await api.acme.post(f"{PREFIX}/messages/text", sample)).details) == ["phone"]
    await patch(api.acme, default_country="GB", window_policy="reject")
    answer = await api.acme.post(f"{PREFIX}/messages/text", sample)
    assert answer.code == "SERVICE_WINDOW_CLOSED"


async def test_the_default_fallback_goes_out_where_a_send_names_none(api: Api, database: Database) -> None:
    other = template("other_news", {"type": "BODY", "text": "News"})
    await have(api, ORDER, other)
    await patch(api.acme, window_policy="fallback_template", fallback_template=FALLBACK)
    answer = await api.acme.send("+442079460011", "Hi")
    assert (answer.data["sent_as"], answer.data["template_name"]) == ("template", "order_update")
    own = {"template_name": "other_news", "language": "en_GB"}
    text = {"phone": "+442079460011", "message": "Hi", "fallback_template": own}
    assert (await api.acme.post(f"{PREFIX}/messages/text", text)).data["template_name"] == "other_news"
    await rows(database, "update conversations set window_expires_at = now() + interval '1 hour'")
    assert (await api.acme.send("+442079460011", "Hi")).data["sent_as"] == "text"


async def test_a_default_fallback_that_is_gone_keeps_back_only_what_needs_it(
    api: Api, database: Database
) -> None:
    await have(api, ORDER)
    await patch(api.acme, window_policy="fallback_template", fallback_template=FALLBACK)
    await api.acme.send("+442079460011", "Hi")
    await rows(database, "update templates set status = 'PAUSED'")
    await rows(database, "update conversations set window_expires_at = now() + interval '1 hour'")
    assert (await api.acme.send("+442079460011", "Hi")).status == 200
    await rows(database, "update conversations set window_expires_at = null")
    assert (await api.acme.send("+442079460011", "Hi")).code == "SERVICE_WINDOW_CLOSED"


async def test_what_a_stand_in_lacks_of_a_contact_is_told_as_its_own(api: Api) -> None:
    await have(api, ORDER)
    fallback = FALLBACK | {"field_1": "@{contact_email}"}
    await patch(api.acme, window_policy="fallback_template", fallback_template=fallback)
    assert list((await api.acme.send("+442079460011", "Hi")).details) == ["fallback_template.field_1"]


async def test_changes_made_at_once_come_one_after_the_other(api: Api, database: Database) -> None:
    words = [f"word{number}" for number in range(10)]
    start = asyncio.Barrier(len(words))

    async def change(word: str) -> Answer:
        await start.wait()
        return await patch(api.acme, stop_words=[word], language="de" if word > "word4" else "fr")

    answers = await asyncio.gather(*map(change, words))
    assert {answer.status for answer in answers} == {200}
    entries = await rows(database, "select before, after from audit_log order by id")
    assert len(entries) == len(words)
    for earlier, later in itertools.pairwise(entries):
        assert later["before"]["stop_words"] == earlier["after"]["stop_words"]
    data = (await api.acme.get(SETTINGS)).data
    assert data["stop_words"] == entries[-1]["after"]["stop_words"]
    assert data["language"] == ("de" if data["stop_words"][0] > "word4" else "fr")


async def test_what_changes_nothing_is_no_change(api: Api) -> None:
    country = {"default_country": "GB"}
    for changes in (country, country, {}):
        assert (await patch(api.acme, **changes)).status == 200
    assert len((await api.acme.get(AUDIT)).data) == 1


async def test_strangers_see_neither_settings_nor_audit(api: Api) -> None:
    await patch(api.acme, default_country="GB")
    assert (await api.globex.get(SETTINGS)).data["default_country"] is None
    assert (await api.globex.get(AUDIT)).data == []
    assert (await patch(api.reader, default_country="DE")).code == "INSUFFICIENT_SCOPE"
