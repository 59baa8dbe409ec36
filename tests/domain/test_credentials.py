import pytest

from rasl import ids
from rasl.domain.credentials import no_admin_token, no_token_of_ours, read_token
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


def test_a_token_of_the_other_kind_is_told_where_it_is_taken() -> None:
    admin, ours = ids.mint_token(ids.ADMIN_PREFIX), ids.mint_token()
    assert "under /api/admin/v1 only" in no_token_of_ours(admin).message
    assert "admin-token create" in no_admin_token(ours).message
    assert "checksum" in no_admin_token(admin[:-1]).message
    assert "once too often" in no_admin_token(f"Bearer {admin}").message
    for text in (no_token_of_ours(admin), no_admin_token(ours)):
        assert admin not in text.message
        assert ours not in text.message
