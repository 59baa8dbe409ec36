import pytest

from rasl.domain.credentials import no_token_of_ours, read_token
from rasl.errors import Unauthorized


@pytest.mark.parametrize(
    ("authorization", "api_key", "token"),
    [
        ("Bearer a", None, "a"),
        ("bearer   a ", None, "a"),
        (None, "a", "a"),
        (None, " a ", "a"),
        ("Bearer a", "a", "a"),
        ("Bearer a", "", "a"),
        ("Basic x", "a", "a"),
        ("", "a", "a"),
    ],
)
def test_a_token_is_found_in_either_header(
    authorization: str | None, api_key: str | None, token: str
) -> None:
    assert read_token(authorization, api_key) == token


@pytest.mark.parametrize(
    ("authorization", "api_key", "text"),
    [
        (None, None, "No API token was sent"),
        ("", None, "No API token was sent"),
        (None, "", "X-API-Key header is empty"),
        (None, "  ", "X-API-Key header is empty"),
        ("a", None, "does not begin with Bearer"),
        ("Bearer:a", None, "does not begin with Bearer"),
        ("Basic x", "", "does not begin with Bearer"),
        ("Digest x", "a", "does not begin with Bearer"),
        ("Bearer", None, "no token after Bearer"),
        ("Bearer  ", "a", "no token after Bearer"),
        ("Bearer a", "b", "Two different"),
    ],
)
def test_what_is_wrong_is_said(authorization: str | None, api_key: str | None, text: str) -> None:
    with pytest.raises(Unauthorized, match=text):
        read_token(authorization, api_key)


def test_what_has_not_the_form_of_a_token_is_described_without_being_repeated() -> None:
    for text in ("secret", "Bearer secret"):
        assert "secret" not in no_token_of_ours(text).message
