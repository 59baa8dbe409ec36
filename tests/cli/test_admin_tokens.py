"""Tokens of the operator API, from the command line."""

import pytest

from rasl import ids
from tests.cli.commands import Rasl


def test_a_token_is_made_shown_once_rotated_and_revoked_and_the_audit_has_it(rasl: Rasl) -> None:
    made = rasl.good(
        "admin-token", "create", "--name", "billing", "--expires-in-days", "30", "--allowed-cidr", "10.0.0.0/8"
    )  # fmt: skip
    assert ids.is_token(made["token"], ids.ADMIN_PREFIX)
    assert (made["allowed_cidrs"], made["last_four"]) == (["10.0.0.0/8"], made["token"][-4:])
    spoken = rasl("admin-token", "create", "--name", "spoken")
    assert "rasladm_" in spoken.out
    assert "RASL_ADMIN_PORT" in spoken.out
    at_port = rasl("admin-token", "create", "--name", "at a port", RASL_ADMIN_PORT="9300")
    assert "http://127.0.0.1:9300/api/admin/v1" in at_port.out
    beside = rasl("admin-token", "create", "--name", "beside", RASL_ADMIN_PORT="8080")
    assert "http://127.0.0.1:8080/api/admin/v1" in beside.out
    rotated = rasl.good("admin-token", "rotate", str(made["id"]), "--overlap", "1h")
    assert (rotated["name"], rotated["replaces"]["id"]) == ("billing", made["id"])
    assert rotated["replaces"]["expires_at"] < made["expires_at"]
    for _ in range(2):
        rasl.good("admin-token", "revoke", str(made["id"]))
    listed = rasl("admin-token", "list")
    assert "rasladm_" not in listed.everything
    states = {it["id"]: it["state"] for it in rasl.good("admin-token", "list")["admin_tokens"]}
    assert (states[made["id"]], states[rotated["id"]]) == ("revoked", "active")
    kept = rasl.query(
        "select tenant_id, action, actor_type from audit_log where subject = 'admin_token' and subject_id = $1 "
        "order by id",
        str(made["id"]),
    )
    actions = ["admin_token.created", "admin_token.rotated", "admin_token.revoked"]
    assert [tuple(row) for row in kept] == [(0, action, "operator") for action in actions]
    texts = str(
        rasl.query(
            "select audit_log::text, (select string_agg(a::text, '') from admin_tokens a) from audit_log"
        )
    )
    assert not any(token in texts for token in (made["token"], rotated["token"]))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "--name", " "], "INVALID_VALUE", "a name must be 1 to 200"),
        (["create", "--name", "x", "--expires-in-days", "-1"], "INVALID_VALUE", "more than 0"),
        (
            ["create", "--name", "x", "--allowed-cidr", "fe80::1%eth0", "--allowed-cidr", "x"],
            "INVALID_VALUE",
            "%eth0",
        ),
        (["rotate", "999999"], "NOT_FOUND", "no admin token 999999"),
        (["revoke", "0"], "NOT_FOUND", "no admin token 0"),
    ],
)
def test_what_cannot_be_is_said(rasl: Rasl, arguments: list[str], code: str, said: str) -> None:
    error = rasl.bad("admin-token", *arguments)
    assert (error["code"], said in error["message"]) == (code, True)
