from typing import Any

import pytest

from rasl.api.v2.sends.location import SendLocation
from tests.domain.message_types.bodies import body_of, problems_of, reloaded


@pytest.mark.parametrize(
    ("fields", "place", "preview"),
    [
        (
            {"latitude": 51.4779, "longitude": -0.0015},
            {"latitude": 51.4779, "longitude": -0.0015},
            "51.4779, -0.0015",
        ),
        (
            {"latitude": "51.5", "longitude": 0, "name": "Pier", "address": "1 Pier Road"},
            {"latitude": 51.5, "longitude": 0.0, "name": "Pier", "address": "1 Pier Road"},
            "Pier, 1 Pier Road",
        ),
        (
            {"latitude": -90, "longitude": 180, "name": "x" * 1000, "address": " "},
            {"latitude": -90.0, "longitude": 180.0, "name": "x" * 1000},
            "x" * 1000,
        ),
    ],
)
def test_a_place_is_sent_as_metas_location(fields: Any, place: Any, preview: str) -> None:
    content = body_of(SendLocation, **fields).content()
    assert content.graph_fields({}) == {"type": "location", "location": place}
    assert content.preview() == preview
    assert reloaded(content) == content


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (
            {},
            {
                "latitude": ["The latitude field is required"],
                "longitude": ["The longitude field is required"],
            },
        ),
        (
            {"latitude": 90.01, "longitude": -180.01},
            {
                "latitude": ["The latitude field must be between -90 and 90"],
                "longitude": ["The longitude field must be between -180 and 180"],
            },
        ),
        (
            {"latitude": "north", "longitude": True},
            {
                "latitude": ["The latitude field must be a number"],
                "longitude": ["The longitude field must be a number"],
            },
        ),
        (
            {"latitude": "nan", "longitude": "inf"},
            {
                "latitude": ["The latitude field must be between -90 and 90"],
                "longitude": ["The longitude field must be between -180 and 180"],
            },
        ),
        (
            {"latitude": 1, "longitude": 1, "name": "x" * 1001, "adress": "1 Pier Road"},
            {
                "name": ["The name field must not be greater than 1000 characters"],
                "adress": ['Unknown field; did you mean "address"?'],
            },
        ),
    ],
)
def test_what_is_no_place_is_refused(fields: Any, problems: Any) -> None:
    assert problems_of(SendLocation, **fields) == problems
