"""Tenants, tokens and numbers from the command line."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

import pytest

from rasl.domain.tenant_settings import RETENTION
from tests.cli.commands import CONNECTION, Rasl

_names = itertools.count(1)


@pytest.fixture
def acme(rasl: Rasl) -> str:
    """The subdomain of a new tenant."""
    subdomain = f"acme-{next(_names)}"
    rasl.good("tenant", "create", "Acme", "--subdomain", subdomain)
    return subdomain


def test_it_creates_a_tenant_that_can_send_at_once(rasl: Rasl) -> None:
    created = rasl.good("tenant", "create", "Fresh Ltd", "--subdomain", "fresh", "--plan", "free")
    assert (created["subdomain"], created["name"], created["plan"]) == ("fresh", "Fresh Ltd", "free")
    sources = rasl.query("select id, name from sources where tenant_id = $1 order by id", created["id"])
    statuses = rasl.query(
        "select id, name, color from contact_statuses where tenant_id = $1 order by id", created["id"]
    )
    assert [row["name"] for row in sources] == ["WhatsApp", "API", "Website"]
    assert [row["name"] for row in statuses] == ["New", "In progress", "Won", "Lost"]
    assert statuses[0]["color"] == "#3B82F6"
    assert created["default_source_id"] == sources[1]["id"]
    assert created["default_status_id"] == statuses[0]["id"]


def test_it_speaks_to_people_without_json(rasl: Rasl) -> None:
    created = rasl("tenant", "create", "Human", "--subdomain", "human")
    assert created.code == 0
    assert "Created tenant Human" in created.out
    listed = rasl("tenant", "list")
    assert "human" in listed.out
    assert rasl("tenant", "set", "--tenant", "human", "--default-country", "gb").out.count("GB") == 1
    assert any(item["subdomain"] == "human" for item in rasl.good("tenant", "list")["tenants"])


@pytest.mark.parametrize("subdomain", ["ab", "-abc", "abc-", "Abc", "a_bc", "a" * 64, "äbc"])
def test_it_refuses_a_subdomain_that_cannot_be_one(rasl: Rasl, subdomain: str) -> None:
    error = rasl.bad("tenant", "create", "X", f"--subdomain={subdomain}")
    assert error["code"] == "INVALID_VALUE"
    assert subdomain in error["message"]


def test_it_refuses_a_subdomain_that_is_taken(rasl: Rasl, acme: str) -> None:
    assert rasl.bad("tenant", "create", "Again", "--subdomain", acme)["code"] == "ALREADY_TAKEN"


def test_it_refuses_an_unknown_plan_and_names_the_known(rasl: Rasl) -> None:
    error = rasl.bad("tenant", "create", "X", "--subdomain", "planless", "--plan", "gold")
    assert "free" in error["message"]
    assert "unlimited" in error["message"]


def test_it_changes_settings_and_takes_them_back(rasl: Rasl, acme: str) -> None:
    changed = rasl.good(
        "tenant", "set", "--tenant", acme, "--default-country", "GB", "--window-policy", "reject",
        "--unknown-policy", "resend", "--default-type", "customer", "--default-status-id", "none",
        "--plan", "free", "--name", "Acme 2", "--status", "suspended",
    )  # fmt: skip
    assert changed["default_country"] == "GB"
    assert changed["window_policy"] == "reject"
    assert changed["unknown_policy"] == "resend"
    assert changed["default_type"] == "customer"
    assert changed["default_status_id"] is None
    assert (changed["plan"], changed["name"], changed["status"]) == ("free", "Acme 2", "suspended")
    assert (
        rasl.good("tenant", "set", f"--tenant={changed['id']}", "--default-country=none")["default_country"]
        is None
    )


def test_it_changes_budgets_of_one_time_passwords_and_takes_them_back(rasl: Rasl, acme: str) -> None:
    def change(*options: str) -> Any:
        return rasl.good("tenant", "set", "--tenant", acme, *options)

    assert change("--otp-budget", "prefix_per_hour=7", "--otp-budget=phone_per_day=0")["otp_budgets"] == {
        "prefix_per_hour": 7,
        "phone_per_day": 0,
    }
    assert change("--otp-budget", "prefix_per_hour=none", "--otp-max-attempts", "3")["otp_budgets"] == {
        "phone_per_day": 0
    }
    changed = change("--otp-budget", "none", "--otp-max-attempts", "none")
    assert (changed["otp_budgets"], changed["otp_max_attempts"]) == ({}, None)
    assert changed["otp_return_generated_code"] is False
    for option, value in (("--otp-return-generated-code", True), ("--no-otp-return-generated-code", False)):
        assert change(option)["otp_return_generated_code"] is value
    for wrong in (
        ["--otp-budget", "planet_per_hour=1"],
        ["--otp-budget", "phone_per_day=99999999999"],
        ["--otp-max-attempts", "21"],
    ):
        rasl.bad("tenant", "set", "--tenant", acme, *wrong)


def test_it_refuses_settings_that_make_no_sense(rasl: Rasl, acme: str) -> None:
    other = rasl.good("tenant", "create", "Other", "--subdomain", f"{acme}-other")
    for options in (
        ["--default-country", "Britain"],
        ["--window-policy", "maybe"],
        ["--default-status-id", str(other["default_status_id"])],
        ["--default-source-id", "99999999999999999999"],
        [],
    ):
        rasl.bad("tenant", "set", "--tenant", acme, *options)
    assert "rasl tenant list" in rasl.bad("tenant", "set", "--tenant", "nobody", "--plan", "free")["message"]


def test_it_has_every_setting_that_the_api_has(rasl: Rasl, acme: str) -> None:
    def change(*options: str) -> Any:
        return rasl.good("tenant", "set", "--tenant", acme, *options)

    changed = change(
        "--time-zone", "europe/berlin", "--language", "en-gb", "--webhook-format", "default",
        "--default-assigned-id", "4",
        "--stop-word", "halt", "--stop-word", "stop", "--start-word", "weiter", "--retention-days", "messages=30",
        "--retention-days=otps=3",
    )  # fmt: skip
    expected = {
        "time_zone": "Europe/Berlin",
        "language": "en_GB",
        "webhook_format": "default",
        "default_assigned_id": 4,
        "stop_words": ["halt", "stop"],
        "start_words": ["weiter"],
        "retention_days": dict.fromkeys(RETENTION) | {"messages": 30, "otps": 3},
    }
    assert {name: changed[name] for name in expected} == expected
    taken_back = change("--stop-word", "none", "--start-word", "none", "--retention-days", "none")
    assert "unsubscribe" in taken_back["stop_words"]
    assert set(taken_back["retention_days"].values()) == {None}
    for option, value, word in (
        ("--time-zone", "Berlin", "Europe/Berlin"),
        ("--default-country", "UK", "GB"),
        ("--fallback-template", '{"template_name": "nowhere", "language": "en"}', "no template of this name"),
        ("--fallback-template", "nowhere", "must be an object"),
        ("--retention-days", "letters=3", "letters"),
        ("--stop-word", "start", "start_words"),
    ):
        assert word in rasl.bad("tenant", "set", "--tenant", acme, option, value)["message"]


def test_the_audit_keeps_who_gave_a_command_and_what_was_before(rasl: Rasl, acme: str) -> None:
    rasl.good("tenant", "set", "--tenant", acme, "--default-country", "gb", "--plan", "free")
    rasl.bad("tenant", "set", "--tenant", acme, "--default-country", "DE", "--plan", "gold")
    tenant_id = rasl.good("tenant", "show", "--tenant", acme)["id"]
    entries = rasl.query("select * from audit_log where tenant_id = $1 order by id", tenant_id)
    assert [(entry["action"], entry["before"], entry["after"]) for entry in entries[1:]] == [
        ("settings.changed", '{"default_country": null}', '{"default_country": "GB"}'),
        ("tenant.changed", '{"plan": "unlimited"}', '{"plan": "free"}'),
    ]
    assert entries[0]["action"] == "tenant.created"
    assert {entry["actor_type"] for entry in entries} == {"operator"}
    assert all("@" in entry["actor"] for entry in entries)


def test_it_shows_a_token_once_and_keeps_its_hash(rasl: Rasl, acme: str) -> None:
    created = rasl.good(
        "token", "create", "--tenant", acme, "--name", "ci", "--scopes", "messages:send,account:read",
        "--expires-in-days", "30", "--rate-limit", "600",
    )  # fmt: skip
    token = created["token"]
    (row,) = rasl.query(
        "select * from tokens where tenant_id = $1 and id = $2", created["tenant_id"], created["id"]
    )
    assert row["hash"] == hashlib.sha256(token.encode()).digest()
    assert token not in repr(dict(row))
    assert (row["last_four"], row["rate_limit_per_minute"]) == (token[-4:], 600)
    assert sorted(row["scopes"]) == ["account:read", "messages:send"]
    assert 29.9 < (row["expires_at"] - row["created_at"]).total_seconds() / 86400 < 30.1
    for listed in (
        rasl("token", "list", "--tenant", acme),
        rasl("token", "list", "--tenant", acme, "--json"),
    ):
        assert token[-4:] in listed.out
        assert token not in listed.everything
        assert row["hash"].hex() not in listed.everything


def test_it_revokes_a_token_by_option_or_argument(rasl: Rasl, acme: str) -> None:
    create = ("token", "create", "--tenant", acme, "--name", "x", "--scopes", "all")
    first, second = rasl.good(*create)["id"], rasl.good(*create)["id"]
    assert rasl.good("token", "revoke", "--tenant", acme, "--id", str(first))["revoked"] is True
    assert rasl("token", "revoke", "--tenant", acme, str(second)).code == 0
    tokens = rasl.good("token", "list", "--tenant", acme)["tokens"]
    assert [token["state"] for token in tokens] == ["revoked", "revoked"]
    assert rasl.bad("token", "revoke", "--tenant", acme, "999999")["code"] == "NOT_FOUND"
    assert rasl.bad("token", "revoke", "--tenant", acme)["code"] == "USAGE"


def test_a_token_is_rotated_and_the_old_one_ends_after_the_overlap(rasl: Rasl, acme: str) -> None:
    old = rasl.good(
        "token", "create", "--tenant", acme, "--name", "ci", "--scopes", "messages:send", "--rate-limit", "70",
        "--expires-in-days", "30",
    )  # fmt: skip
    new = rasl.good("token", "rotate", "--tenant", acme, str(old["id"]), "--overlap", "7d")
    assert (new["name"], new["replaces"]["id"], new["token"] == old["token"]) == ("ci", old["id"], False)
    kept = {
        row["id"]: row
        for row in rasl.query("select *, now() from tokens where tenant_id = $1", old["tenant_id"])
    }
    first, second = kept[old["id"]], kept[new["id"]]
    assert second["hash"] == hashlib.sha256(new["token"].encode()).digest()
    assert (second["scopes"], second["rate_limit_per_minute"]) == (first["scopes"], 70)
    assert 6.9 < (first["expires_at"] - first["now"]).total_seconds() / 86400 <= 7
    assert 29.9 < (second["expires_at"] - second["now"]).total_seconds() / 86400 <= 30
    last = rasl.good("token", "rotate", "--tenant", acme, str(new["id"]), "--overlap=0")
    listed = rasl("token", "list", "--tenant", acme)
    assert new["token"] not in listed.everything
    states = {item["id"]: item["state"] for item in rasl.good("token", "list", "--tenant", acme)["tokens"]}
    assert states == {old["id"]: "active", new["id"]: "expired", last["id"]: "active"}
    for wrong in ((str(new["id"]),), ("999999",), (str(last["id"]), "--overlap", "soon")):
        rasl.bad("token", "rotate", "--tenant", acme, *wrong)
    other = rasl.good("tenant", "create", "Other", "--subdomain", f"{acme}-other")
    assert rasl.bad("token", "rotate", f"--tenant={other['id']}", str(last["id"]))["code"] == "NOT_FOUND"


def test_a_tenant_is_shown_with_what_it_has_and_no_secret(rasl: Rasl, acme: str) -> None:
    token = rasl.good("token", "create", "--tenant", acme, "--name", "shown", "--scopes", "all")
    rasl.good(*rasl.connect(acme, "700000000000021"))
    rasl.good("tenant", "set", "--tenant", acme, "--plan", "free")
    shown = rasl.good("tenant", "show", "--tenant", acme)
    assert (shown["subdomain"], shown["plan"], shown["limits"]["max_contacts"]) == (acme, "free", 500)
    assert [item["phone_number_id"] for item in shown["numbers"]] == ["700000000000021"]
    assert [(item["name"], item["last_four"]) for item in shown["tokens"]] == [("shown", token["last_four"])]
    assert shown["counts"] == {
        "templates": 0, "groups": 0, "jobs": 0, "contacts": 0, "conversations_this_month": 0
    }  # fmt: skip
    spoken = rasl("tenant", "show", "--tenant", acme)
    assert "700000000000021" in spoken.out
    for secret in (
        token["token"],
        *(CONNECTION[name] for name in ("access-token", "app-secret", "verify-token")),
    ):
        assert secret not in spoken.everything


def test_it_names_every_wrong_scope_and_all_the_right_ones(rasl: Rasl, acme: str) -> None:
    message = rasl.bad(
        "token", "create", "--tenant", acme, "--name", "x", "--scopes", "messages:send,nope,never"
    )["message"]
    assert "never, nope" in message
    assert "contacts:delete" in message


def test_it_connects_a_number_and_keeps_its_secrets_sealed(rasl: Rasl, acme: str) -> None:
    connected = rasl.good(*rasl.connect(acme, "700000000000001"))
    assert connected["phone_number_id"] == "700000000000001"
    assert connected["verify_token"] == CONNECTION["verify-token"]
    url = connected["callback_url"]
    assert url.startswith("http://127.0.0.1:8080/webhooks/whatsapp/")
    again = rasl.good(*rasl.connect(acme, "700000000000001"), RASL_PUBLIC_URL="https://wa.example.com/")
    assert again["callback_url"] == url.replace("http://127.0.0.1:8080", "https://wa.example.com")
    rows = rasl.query("select n.*, a.* from whatsapp_numbers n join meta_apps a on a.id = n.app_id")
    for secret in ("access-token", "app-secret", "verify-token"):
        assert CONNECTION[secret].encode() not in b"".join(
            v for row in rows for v in row.values() if isinstance(v, bytes)
        )


def test_it_takes_secrets_from_files_and_the_environment(rasl: Rasl, acme: str) -> None:
    secret = rasl.data_dir.parent / "app-secret"
    secret.write_text("from-a-file\n", encoding="utf-8")
    arguments = rasl.connect(acme, "700000000000002", **{"app-secret": f"@{secret}"})
    without = [item for item in arguments if not item.startswith("--access-token")]
    assert rasl.good(*without, RASL_CONNECT_ACCESS_TOKEN="EAAfromtheenvironment")["id"]
    assert (
        rasl.bad(*rasl.connect(acme, "700000000000002", **{"app-secret": "@/no/such/file"}))["code"]
        == "USAGE"
    )


def test_it_refuses_a_number_of_another_tenant_without_naming_it(rasl: Rasl, acme: str) -> None:
    rasl.good(*rasl.connect(acme, "700000000000003"))
    rasl.good("tenant", "create", "Thief", "--subdomain", f"{acme}-thief")
    error = rasl.bad(*rasl.connect(f"{acme}-thief", "700000000000003"))
    assert error["code"] == "ALREADY_TAKEN"
    assert "700000000000003" in error["message"]
    assert "another tenant" in error["message"]
    assert acme not in error["message"]


def test_it_refuses_ids_that_are_not_metas(rasl: Rasl, acme: str) -> None:
    assert "phone_number_id" in rasl.bad(*rasl.connect(acme, "+1 555 078 3881"))["message"]
    assert (
        "access_token"
        in rasl.bad(*rasl.connect(acme, "700000000000004", **{"access-token": "two words"}))["message"]
    )


def test_the_number_to_send_from_is_the_first_until_another_is_chosen(rasl: Rasl, acme: str) -> None:
    empty = rasl("whatsapp", "list", "--tenant", acme)
    assert (empty.code, "no number yet" in empty.out) == (0, True)
    for phone_number_id in ("700000000000011", "700000000000012"):
        rasl.good(*rasl.connect(acme, phone_number_id))

    def defaults() -> dict[str, bool]:
        listed = rasl.good("whatsapp", "list", "--tenant", acme)["numbers"]
        return {item["phone_number_id"]: item["is_default"] for item in listed}

    assert defaults() == {"700000000000011": True, "700000000000012": False}
    chosen = rasl.good("whatsapp", "default", "--tenant", acme, "700000000000012")
    assert chosen["default_phone_number_id"] == "700000000000012"
    assert defaults() == {"700000000000011": False, "700000000000012": True}
    assert "700000000000012" in rasl("whatsapp", "list", "--tenant", acme).out


def test_only_a_number_of_the_tenant_can_be_its_default(rasl: Rasl, acme: str) -> None:
    rasl.good("tenant", "create", "Other", "--subdomain", f"{acme}-other")
    rasl.good(*rasl.connect(f"{acme}-other", "700000000000013"))
    for phone_number_id in ("700000000000013", "1", "x"):
        error = rasl.bad("whatsapp", "default", "--tenant", acme, phone_number_id)
        assert (error["code"], "rasl whatsapp list" in error["message"]) == ("NOT_FOUND", True)


def test_it_exports_and_deletes_a_tenant_that_was_named_twice(rasl: Rasl, acme: str, tmp_path: Path) -> None:
    token = rasl.good("token", "create", "--tenant", acme, "--name", "t", "--scopes", "all")
    path = tmp_path / "acme.tar"
    refused = rasl("tenant", "delete", acme, stdin="another\n")
    assert (refused.code, "nothing was deleted" in refused.err) == (1, True)
    assert rasl("tenant", "delete", acme).code == 1  # nobody typed anything
    assert "--yes" in rasl.bad("tenant", "delete", acme)["message"]
    assert rasl.bad("tenant", "delete", acme, "--yes", "--no-export", "--file", str(path))["code"] == "USAGE"
    assert rasl.bad("tenant", "delete", "nobody", "--yes")["code"] == "NOT_FOUND"
    path.write_text("there already")
    assert rasl.bad("tenant", "delete", acme, "--yes", "--file", str(path))["code"] == "ARCHIVE_EXISTS"
    assert rasl.good("tenant", "show", "--tenant", acme)["status"] == "active"

    path.unlink()
    assert rasl.good("tenant", "export", "--tenant", acme, "--file", str(path))["tables"]["tokens"] == 1
    path.unlink()
    told = rasl("tenant", "delete", acme, "--file", str(path), stdin=f"{acme}\n")
    assert told.code == 0, told.everything
    assert f"Deleted tenant {acme}" in told.out
    assert rasl.good("restore", str(path), "--verify")
    assert rasl.bad("tenant", "show", "--tenant", acme)["code"] == "NOT_FOUND"
    assert rasl.query("select from tokens where id = $1", token["id"]) == []
    rasl.good("tenant", "create", "Again", "--subdomain", acme)
    gone = rasl.good("tenant", "delete", acme, "--yes", "--no-export")
    assert gone["export"] is None
    assert gone["deleted"]["sources"] == 3


def test_a_token_is_bound_to_addresses_and_changed(rasl: Rasl, acme: str) -> None:
    made = rasl.good(
        *("token", "create", "--tenant", acme, "--name", "shop", "--scopes", "messages:send"),
        *("--allow", "203.0.113.0/24", "--allow", "2001:db8::1"),
    )
    assert made["allowed_cidrs"] == ["203.0.113.0/24", "2001:db8::1/128"]
    which = ("--tenant", acme, str(made["id"]))
    assert rasl.good("token", "show", *which)["allowed_cidrs"] == made["allowed_cidrs"]
    assert "203.0.113.0/24" in rasl("token", "list", "--tenant", acme).out
    changed = rasl.good(
        *("token", "change", *which, "--allow", "none", "--rate-limit", "600", "--name", "till"),
        *("--expires-at", "2099-01-31T12:00:00Z", "--scopes", "messages:read"),
    )
    assert (changed["allowed_cidrs"], changed["rate_limit_per_minute"], changed["name"]) == ([], 600, "till")
    assert (changed["scopes"], changed["expires_at"][:10]) == (["messages:read"], "2099-01-31")
    assert rasl.good("token", "change", *which, "--expires-at", "none")["expires_at"] is None
    entries = rasl.query(
        "select before, after from audit_log where action = 'token.changed' and subject_id = $1 order by id",
        str(made["id"]),
    )
    assert len(entries) == 2
    for wrong, says in (
        (("--allow", "fe80::1%eth0"), "zone"),
        (("--allow", "203.0.113.9/24"), "bits beyond"),
        (("--scopes", "messages:eat"), "messages:eat"),
        (("--expires-at", "2001-01-01"), "future"),
        (("--rate-limit", "0"), "rate limit"),
        (("--name", " "), "visible"),
        ((), "nothing to change"),
    ):
        assert says in rasl.bad("token", "change", *which, *wrong)["message"], wrong
    assert rasl.bad("token", "show", "--tenant", acme, "99999999999")["code"] == "NOT_FOUND"
    rasl.good("token", "revoke", *which)
    assert "revoked" in rasl.bad("token", "change", *which, "--name", "x")["message"]


def test_a_number_goes_by_both_words(rasl: Rasl, acme: str) -> None:
    assert rasl.good("number", "list", "--tenant", acme) == rasl.good("whatsapp", "list", "--tenant", acme)
    assert rasl.good("tenant", "change", "--tenant", acme, "--name", "New")["name"] == "New"
