import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.sealing import Sealer, SealError

OURS = Sealer("the key of this installation, as it should be")
THEIRS = Sealer("the key of another installation, quite unlike")


@pytest.mark.parametrize("plain", ["EAAG0123456789", "", "a" * 10_000, "schlüssel \x00 مفتاح"])
def test_what_was_sealed_opens_again(plain: str) -> None:
    assert OURS.unseal(OURS.seal(plain, "access_token"), "access_token") == plain


def test_sealing_twice_shows_no_likeness() -> None:
    assert OURS.seal("same", "access_token") != OURS.seal("same", "access_token")


def test_the_plain_text_is_not_in_it() -> None:
    assert b"EAAG0123456789" not in OURS.seal("EAAG0123456789", "access_token")


def test_a_value_of_one_column_does_not_open_as_another() -> None:
    sealed = OURS.seal("secret", "access_token")
    with pytest.raises(SealError, match="app_secret"):
        OURS.unseal(sealed, "app_secret")


def test_another_installations_key_opens_nothing_and_the_error_names_the_setting() -> None:
    with pytest.raises(SealError, match="RASL_SECRET_KEY") as caught:
        THEIRS.unseal(OURS.seal("secret", "access_token"), "access_token")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_one_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(OURS.seal("secret", "access_token"))
    sealed[place] ^= 1
    with pytest.raises(SealError):
        OURS.unseal(bytes(sealed), "access_token")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 11, 12, 27])
def test_garbage_and_truncated_values_do_not_open(length: int) -> None:
    sealed = OURS.seal("secret", "access_token")
    with pytest.raises(SealError):
        OURS.unseal(sealed[:length], "access_token")


def test_a_digest_is_the_same_for_the_same_key_purpose_and_text_only() -> None:
    digest = OURS.digest("verify-me", "verify_token")
    assert digest == Sealer("the key of this installation, as it should be").digest(
        "verify-me", "verify_token"
    )
    others = [
        OURS.digest("verify-you", "verify_token"),
        OURS.digest("verify-me", "app_secret"),
        THEIRS.digest("verify-me", "verify_token"),
    ]
    assert digest not in others


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_an_echo_of_ours_leads_to_its_message(tenant_id: int, message_id: int) -> None:
    opaque = OURS.mint_opaque(tenant_id, message_id)
    assert OURS.read_opaque(tenant_id, opaque) == message_id
    assert len(opaque) <= 64


def test_an_echo_means_nothing_to_another_tenant_or_installation() -> None:
    opaque = OURS.mint_opaque(1, 9031)
    assert OURS.read_opaque(2, opaque) is None
    assert THEIRS.read_opaque(1, opaque) is None


def test_an_echo_of_one_message_does_not_name_another() -> None:
    prefix, _, mac = OURS.mint_opaque(1, 9031).split(".")
    _, number, _ = OURS.mint_opaque(1, 9032).split(".")
    assert OURS.read_opaque(1, f"{prefix}.{number}.{mac}") is None


@pytest.mark.parametrize(
    "opaque",
    [
        "",
        ".",
        "..",
        "...",
        "rasl1",
        "rasl1..",
        "rasl1.aa.",
        "rasl1.a.aaaaaaaaaaaa",
        "rasl1.18.aaaaaaaaaaaa",
        "rasl1.!!.aaaaaaaaaaaa",
        "rasl1.é.aaaaaaaaaaaa",
        "rasl1.aa.éééééééééééé",
        "rasl1.aa.\ud800",
        "rasl1.aa.\x00",
        "rasl1." + "a" * 13 + ".aaaaaaaaaaaa",
        "rasl1." + "a" * 100_000 + ".aaaaaaaaaaaa",
        "rasl2.aa.aaaaaaaaaaaa",
        "order-1044",
        '{"id": 5}',
    ],
)
def test_what_others_put_there_is_not_ours(opaque: str) -> None:
    assert OURS.read_opaque(1, opaque[:200]) is None
    assert OURS.read_opaque(1, opaque) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert OURS.read_opaque(1, text) is None
    assert OURS.read_opaque(1, f"rasl1.aa.{text}") is None
    assert OURS.read_opaque(1, f"rasl1.{text}.aaaaaaaaaaaa") is None
