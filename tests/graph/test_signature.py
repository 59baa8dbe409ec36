import pytest

from rasl.graph.signature import is_signed, sign

SECRET = "app-secret"
BODY = rb'{"object":"whatsapp_business_account","entry":[],"note":"\u00e4\u00f6\u00e5 \ud83d\udc4d"}'
HEADER = "sha256=8db57106da8170ea5920a65d90d252726ebf5dbabf43eb630cabd0390f66569e"


def test_metas_test_vector_is_signed() -> None:
    assert is_signed(BODY, HEADER, SECRET)


def test_we_sign_as_meta_does() -> None:
    assert sign(BODY, SECRET) == HEADER


@pytest.mark.parametrize(
    ("raw", "header", "secret"),
    [
        (BODY + b" ", HEADER, SECRET),
        (BODY, HEADER, "another-secret"),
        (BODY, None, SECRET),
        (BODY, "", SECRET),
        (BODY, HEADER.removeprefix("sha256="), SECRET),
        (BODY, HEADER.replace("sha256", "sha1"), SECRET),
        (BODY, HEADER[:-1], SECRET),
        (BODY, "sha256=", SECRET),
        (BODY, "sha256=\u00e4", SECRET),
        (BODY, "sha256=\udc80", SECRET),
        (b"", HEADER, SECRET),
        (b"", sign(b"", ""), ""),
    ],
)
def test_anything_else_is_not(raw: bytes, header: str | None, secret: str) -> None:
    assert not is_signed(raw, header, secret)
