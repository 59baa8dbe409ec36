from typing import Any

import pytest

from rasl.api.v2.sends.contacts import SendContacts
from tests.domain.message_types.bodies import body_of, problems_of, reloaded

NAME = {"formatted_name": "Priya Nair"}
WHOLE = {
    "name": {**NAME, "first_name": "Priya", "middle_name": "A", "last_name": "Nair", "prefix": "Dr", "suffix": "II"},
    "phones": [{"phone": "+44 20 7946 0012", "type": "WORK", "wa_id": "442079460012"}, {"phone": "112"}],
    "emails": [{"email": "priya@harbour.test", "type": "WORK"}],
    "addresses": [{"street": "1 Pier Road", "city": "Leeds", "zip": "LS1", "country": "UK", "country_code": "gb"}],
    "urls": [{"url": "https://harbour.test", "type": "WORK"}],
    "org": {"company": "Harbour Books", "department": "Shop", "title": "Owner"},
    "birthday": "1990-05-31",
}  # fmt: skip


def test_a_card_is_sent_with_all_it_has() -> None:
    content = body_of(SendContacts, contacts=[WHOLE]).content()
    assert content.graph_fields({}) == {"type": "contacts", "contacts": [WHOLE]}
    assert reloaded(content) == content


def test_a_card_with_one_name_gets_the_second_part_that_meta_asks_for() -> None:
    content = body_of(SendContacts, contacts=[{"name": NAME, "phones": [], "org": {}}]).content()
    [card] = content.graph_fields({})["contacts"]
    assert card["name"] == {"formatted_name": "Priya Nair", "first_name": "Priya Nair"}


def test_the_names_are_shown_in_lists() -> None:
    cards = [{"name": NAME}, {"name": {"formatted_name": "Rui"}}]
    assert body_of(SendContacts, contacts=cards).content().preview() == "Priya Nair, Rui"


@pytest.mark.parametrize(
    ("contacts", "problems"),
    [
        ([], {"contacts": ["The contacts field must have at least 1 items"]}),
        ({}, {"contacts": ["The contacts field must be an array"]}),
        ([{"name": NAME}] * 258, {"contacts": ["The contacts field must not have more than 257 items"]}),
        (["Priya"], {"contacts.0": ["The contacts.0 field must be an object"]}),
        ([None], {"contacts.0": ["The contacts.0 field is required"]}),
        ([{}], {"contacts.0.name": ["The contacts.0.name field is required"]}),
        (
            [{"name": NAME}, {"name": {"first_name": "Rui"}, "phone": []}],
            {
                "contacts.1.name.formatted_name": ["The contacts.1.name.formatted_name field is required"],
                "contacts.1.phone": ['Unknown field; did you mean "phones"?'],
            },
        ),
        (
            [
                {
                    "name": NAME | {"formatted": 1},
                    "phones": [{"phone": "1"}, {"phone": True, "wa_id": "+44"}],
                    "emails": [{}],
                    "addresses": [{"country_code": "GBR"}],
                    "org": "Harbour Books",
                    "birthday": "31.5.1990",
                }
            ],
            {
                "contacts.0.name.formatted": ['Unknown field; did you mean "formatted_name"?'],
                "contacts.0.phones.1.phone": ["The contacts.0.phones.1.phone field must be a string"],
                "contacts.0.phones.1.wa_id": ["The contacts.0.phones.1.wa_id field format is invalid"],
                "contacts.0.emails.0.email": ["The contacts.0.emails.0.email field is required"],
                "contacts.0.addresses.0.country_code": [
                    "The contacts.0.addresses.0.country_code field format is invalid"
                ],
                "contacts.0.org": ["The contacts.0.org field must be an object"],
                "contacts.0.birthday": ["The birthday must be a date such as 1990-05-31"],
            },
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_card_is_refused_by_its_place(contacts: Any, problems: Any) -> None:
    assert problems_of(SendContacts, contacts=contacts) == problems


def test_as_many_cards_as_meta_takes_may_be_sent() -> None:
    assert len(body_of(SendContacts, contacts=[{"name": NAME}] * 257).contacts) == 257
