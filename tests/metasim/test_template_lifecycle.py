from typing import Any

import pytest

from .conftest import WABA, Answered, Meta, Receiver

HOUR = 3600
DAY = 24 * HOUR
STATUS = "message_template_status_update"
BODY: dict[str, Any] = {"type": "body", "text": "Hello, this is all we have to say."}


def template(name: str = "greeting", **more: Any) -> dict[str, Any]:
    return {"name": name, "language": "en_US", "category": "utility", "components": [BODY], **more}


async def create(meta: Meta, name: str = "greeting", **more: Any) -> Answered:
    return await meta.graph("POST", f"{WABA}/message_templates", json=template(name, **more))


async def created(meta: Meta, name: str = "greeting", **more: Any) -> str:
    answered = await create(meta, name, **more)
    assert answered.status == 200, answered.body
    return str(answered.body["id"])


async def approved(meta: Meta, name: str = "greeting") -> str:
    template_id = await created(meta, name)
    await act(meta, template_id, "approve")
    return template_id


async def act(meta: Meta, template_id: str, action: str, **more: Any) -> dict[str, Any]:
    done: dict[str, Any] = await meta.control(
        "template", {"template_id": template_id, "action": action, **more}
    )
    return done


async def node(meta: Meta, template_id: str) -> dict[str, Any]:
    fields = "status,category,components,quality_score,rejected_reason,previous_category,correct_category"
    read: dict[str, Any] = (await meta.graph("GET", f"{template_id}?fields={fields}")).body
    return read


async def test_a_template_is_pending_and_then_approved(meta: Meta, hook: Receiver) -> None:
    answered = await create(meta)
    assert answered.body == {"id": answered.body["id"], "status": "PENDING", "category": "UTILITY"}
    [value] = await hook.told(STATUS)
    assert value == {
        "event": "APPROVED",
        "message_template_id": int(answered.body["id"]),
        "message_template_name": "greeting",
        "message_template_language": "en_US",
        "reason": "NONE",
        "message_template_category": "UTILITY",
    }
    assert isinstance(hook.bodies()[0]["entry"][0]["time"], int)
    assert (await node(meta, answered.body["id"]))["components"][0]["type"] == "BODY"


@pytest.mark.parametrize(
    ("suffix", "events"),
    [
        ("rejected", ["REJECTED"]),
        ("miscategorised", ["REJECTED"]),
        ("paused", ["APPROVED", "PAUSED"]),
        ("disabled", ["APPROVED", "DISABLED"]),
    ],
)
async def test_a_name_decides_its_fate(meta: Meta, hook: Receiver, suffix: str, events: list[str]) -> None:
    template_id = await created(meta, f"x_{suffix}")
    told = await hook.told(STATUS, len(events))
    assert [value["event"] for value in told] == events
    assert (await node(meta, template_id))["status"] == events[-1]


async def test_other_fates(meta: Meta, hook: Receiver) -> None:
    pending = await created(meta, "x_pending")
    assert (await create(meta, "x_approved")).body["status"] == "APPROVED"
    assert (await create(meta, "x_marketing")).body["category"] == "MARKETING"
    recategorised = await created(meta, "x_recategorised")
    await created(meta, "x_red")
    first, second = await hook.told("template_category_update", 2)
    assert (first["new_category"], first["correct_category"]) == ("UTILITY", "MARKETING")
    assert (second["previous_category"], second["new_category"]) == ("UTILITY", "MARKETING")
    assert (await hook.told("message_template_quality_update"))[0]["new_quality_score"] == "RED"
    await meta.settle()
    assert (await node(meta, pending))["status"] == "PENDING"
    assert (await node(meta, recategorised))["previous_category"] == "UTILITY"


async def test_a_rejection_says_why(meta: Meta) -> None:
    info = {"reason": "r", "recommendation": "s"}
    template_id = await created(meta, "x_pending")
    done = await act(meta, template_id, "reject", reason="INVALID_FORMAT", rejection_info=info)
    assert done["webhook"]["value"]["rejection_info"] == info
    assert (await node(meta, template_id))["rejected_reason"] == "INVALID_FORMAT"


async def test_pauses_grow_and_end_in_disablement(meta: Meta, hook: Receiver) -> None:
    template_id = await approved(meta, "x_pending")
    first = (await act(meta, template_id, "pause"))["webhook"]["value"]
    assert (first["event"], first["other_info"]["title"]) == ("PAUSED", "FIRST_PAUSE")
    await meta.control("clock", {"advance": 3 * HOUR - 60})
    assert (await node(meta, template_id))["status"] == "PAUSED"
    await meta.control("clock", {"advance": 120})
    await hook.until(lambda: len(hook.changes(STATUS)) == 3)
    assert hook.changes(STATUS)[-1]["other_info"]["title"] == "UNPAUSE"
    second = (await act(meta, template_id, "pause"))["webhook"]["value"]
    assert second["other_info"]["title"] == "SECOND_PAUSE"
    await meta.control("clock", {"advance": 6 * HOUR + 60})
    await hook.until(lambda: len(hook.changes(STATUS)) == 5)
    assert (await node(meta, template_id))["status"] == "APPROVED"
    third = (await act(meta, template_id, "pause"))["webhook"]["value"]
    assert (third["event"], third["other_info"]["title"]) == ("DISABLED", "DISABLED")
    assert "disable_date" in third["disable_info"]
    refused = await meta.graph("DELETE", f"{WABA}/message_templates?name=x_pending")
    assert "disabled" in refused.body["error"]["error_user_msg"]


async def test_a_pause_is_ended_by_hand(meta: Meta) -> None:
    template_id = await approved(meta, "x_pending")
    assert (await meta.graph("POST", f"{template_id}/unpause")).body["success"] is False
    await act(meta, template_id, "pause")
    assert (await meta.graph("POST", f"{template_id}/unpause")).body == {"success": True}
    assert (await node(meta, template_id))["status"] == "APPROVED"


async def test_a_category_is_announced_and_changes_after_a_day(meta: Meta, hook: Receiver) -> None:
    template_id = await approved(meta, "x_pending")
    await act(meta, template_id, "announce_category", category="MARKETING")
    assert (await node(meta, template_id))["correct_category"] == "MARKETING"
    await meta.control("clock", {"advance": DAY + 60})
    await hook.told("template_category_update", 2)
    read = await node(meta, template_id)
    assert (read["category"], read["previous_category"]) == ("MARKETING", "UTILITY")
    assert "correct_category" not in read


async def test_quality_and_content_change(meta: Meta, hook: Receiver) -> None:
    template_id = await approved(meta, "x_pending")
    done = await act(meta, template_id, "quality", quality="YELLOW")
    assert (done["webhook"]["value"]["previous_quality_score"], done["webhook"]["ok"]) == ("UNKNOWN", True)
    assert hook.changes("message_template_quality_update") == [done["webhook"]["value"]]
    assert (await node(meta, template_id))["quality_score"]["score"] == "YELLOW"
    buttons = {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": "https://x.test"}]}
    content = [{"type": "HEADER", "format": "TEXT", "text": "T"}, BODY, buttons]
    value = (await act(meta, template_id, "components", components=content))["webhook"]["value"]
    assert value["message_template_element"] == BODY["text"]
    assert value["message_template_title"] == "T"
    assert value["message_template_buttons"][0]["message_template_button_url"] == "https://x.test"


async def test_only_some_states_can_be_edited(meta: Meta) -> None:
    template_id = await created(meta, "x_pending")
    change = {"components": [{"type": "BODY", "text": "New text."}]}
    assert "PENDING" in (await meta.graph("POST", template_id, json=change)).body["error"]["error_user_msg"]
    await act(meta, template_id, "approve")
    assert (await meta.graph("POST", template_id, json={"category": "MARKETING"})).status == 400
    assert (await meta.graph("POST", template_id, json=change)).body["success"] is True
    assert (await node(meta, template_id))["status"] == "PENDING"
    await act(meta, template_id, "approve")
    assert "24 hours" in (await meta.graph("POST", template_id, json=change)).body["error"]["error_user_msg"]
    for _ in range(9):
        await meta.control("clock", {"advance": DAY + 60})
        assert (await meta.graph("POST", template_id, json=change)).status == 200
        await act(meta, template_id, "approve")
    await meta.control("clock", {"advance": DAY + 60})
    assert "30 days" in (await meta.graph("POST", template_id, json=change)).body["error"]["error_user_msg"]
    await act(meta, template_id, "reject")
    category = {"category": "MARKETING"}
    assert (await meta.graph("POST", template_id, json=category)).body["success"] is True


async def test_a_deleted_name_is_blocked_for_thirty_days(meta: Meta, hook: Receiver) -> None:
    await approved(meta, "x_pending")
    await created(meta, "x_pending", language="es")
    assert (await meta.graph("DELETE", f"{WABA}/message_templates?name=x_pending")).body == {"success": True}
    deleted = [value for value in await hook.told(STATUS, 3) if value["event"] == "DELETED"]
    assert [value["reason"] for value in deleted] == [None, None]
    error = (await create(meta, "x_pending")).body["error"]
    assert (error["error_subcode"], error["error_user_title"]) == (
        2388023,
        "Message template language is being deleted",
    )
    # Spanish was never approved, so nothing holds its name.
    assert (await create(meta, "x_pending", language="es")).status == 200
    await meta.control("clock", {"advance": 30 * DAY + 60})
    assert (await create(meta, "x_pending")).status == 200


async def test_one_language_is_deleted_by_its_id(meta: Meta) -> None:
    english, spanish = await created(meta), await created(meta, language="es")
    path = f"{WABA}/message_templates?name=greeting"
    assert (await meta.graph("DELETE", f"{path}&hsm_id=1")).status == 400
    assert (await meta.graph("DELETE", f"{path}&hsm_id={english}")).body == {"success": True}
    assert (await meta.graph("GET", english)).status == 400
    assert (await meta.graph("GET", spanish)).status == 200


async def test_a_second_of_the_same_name_is_refused(meta: Meta) -> None:
    await created(meta)
    error = (await create(meta)).body["error"]
    error.pop("fbtrace_id")
    assert error == {
        "message": "Invalid parameter",
        "type": "OAuthException",
        "code": 100,
        "error_subcode": 2388024,
        "is_transient": False,
        "error_user_title": "Content in This Language Already Exists",
        "error_user_msg": "There is already English (US) content for this template."
        " You can create a new template and try again.",
    }


async def test_counts_are_limited(meta: Meta) -> None:
    await meta.control("settings", {"template_creates_per_hour": 2})
    for name in ("a", "b"):
        await created(meta, name)
    assert (await create(meta, "c")).body["error"]["code"] == 80007
    await meta.control("clock", {"advance": HOUR + 1})
    await created(meta, "c")
    await meta.control("settings", {"template_limit": 3})
    assert (await create(meta, "d")).body["error"]["error_subcode"] == 2388019


async def test_an_otp_button_reads_back_as_a_url(meta: Meta) -> None:
    otp = {"type": "OTP", "otp_type": "ONE_TAP", "text": "Copy", "autofill_text": "Fill"}
    apps = [{"package_name": "com.example.app", "signature_hash": "K8a/AINcGX7"}]
    parts = [
        {"type": "body", "add_security_recommendation": True},
        {"type": "footer", "code_expiration_minutes": 5},
        {"type": "buttons", "buttons": [{**otp, "supported_apps": apps}]},
    ]
    template_id = await created(meta, category="AUTHENTICATION", components=parts)
    body, footer, buttons = (await node(meta, template_id))["components"]
    assert body["text"].startswith("*{{1}}* is your verification code.")
    assert footer["code_expiration_minutes"] == 5
    [button] = buttons["buttons"]
    assert (button["type"], button["url"].endswith("code=otp{{1}}")) == ("URL", True)


async def test_thousands_are_listed_page_by_page_and_counted(meta: Meta) -> None:
    order = {"waba_id": WABA, "templates": [{"name": "many"}], "count": 3000}
    await meta.control("templates", order)
    assert len((await meta.look(f"templates?waba_id={WABA}"))["data"]) == 3000
    first = (
        await meta.graph("GET", f"{WABA}/message_templates?summary=total_count,message_template_limit")
    ).body
    assert (len(first["data"]), first["summary"]) == (
        25,
        {"total_count": 3000, "message_template_limit": 6000},
    )
    after = first["paging"]["cursors"]["after"]
    rest = (await meta.graph("GET", f"{WABA}/message_templates?limit=2975&after={after}")).body
    assert (len(rest["data"]), "next" in rest["paging"]) == (2975, False)


async def test_a_template_of_another_account_is_not_there(meta: Meta) -> None:
    await meta.control("tokens", {"token": "other"})
    template_id = await created(meta)
    number = (await meta.look("numbers"))["data"][0]["phone_number_id"]
    await meta.control("tokens", {"token": "token", "phone_number_ids": [number]})
    assert (await meta.graph("GET", template_id, "other")).body["error"]["error_subcode"] == 33


async def test_mistakes_of_the_control_call_are_told(meta: Meta) -> None:
    template_id = await created(meta)
    assert "category is required" in await meta.refused(
        "template", {"template_id": template_id, "action": "recategorise"}
    )
    assert "waba_id and name" in await meta.refused("template", {"action": "approve"})
    by_name = {"waba_id": WABA, "name": "greeting", "action": "disable", "webhook": False}
    assert (await meta.control("template", by_name))["webhook"] is None
