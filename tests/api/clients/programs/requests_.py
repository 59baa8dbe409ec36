"""Requests as Python's `requests` and `httpx` make them: `pip install requests httpx`, then record with this program."""

import gzip
import io
import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import requests

URL = os.environ["URL"] + "/api/v2"
TOKEN = os.environ["TOKEN"]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
TEXT = {"phone": "+442079460011", "message": "Hello & welcome"}
TEMPLATE = {"phone": "442079460011", "template_name": "order_update", "language": "en_GB"}
MEDIA = {"phone": "442079460011", "media_type": "document", "caption": "Your invoice"}
CTA = {
    "phone": "442079460011",
    "message": "See our sale",
    "button_text": "Open",
    "button_url": "https://example.com/sale",
}
CONTACT: dict[str, Any] = {
    "firstname": "Zoe",
    "lastname": "Ng",
    "phone": 442079460777,
    "email": " zoe@example.com",
    "type": "lead",
    "status_id": 900006,
    "source_id": 900005,
}
NOTE = b"Invoice 7: five pounds.\n"


def say(name: str, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> None:
    requests.request(method, URL + path, headers=headers or BEARER, timeout=10, **options)
    print(name)


def say_httpx(name: str, method: str, path: str, **options: Any) -> None:
    httpx.request(method, URL + path, headers=BEARER, timeout=10, **options)
    print(name)


def pieces() -> Iterator[bytes]:
    yield b'{"phone":"+442079460011",'
    yield b'"message":"Hello & welcome"}'


say("text_data", "POST", "/messages/text", data=TEXT)
say("text_json", "POST", "/messages/text", json=TEXT)
say("text_params", "POST", "/messages/text", params=TEXT)
say("text_files", "POST", "/messages/text", files={name: (None, value) for name, value in TEXT.items()})
say("text_raw", "POST", "/messages/text", data='{"phone":"+442079460011","message":"Hello & welcome"}')
say("text_generated", "POST", "/messages/text", {**BEARER, "Content-Type": "application/json"}, data=pieces())
say(
    "text_gzip",
    "POST",
    "/messages/text",
    {**BEARER, "Content-Type": "application/json", "Content-Encoding": "gzip"},
    data=gzip.compress(json.dumps(TEXT).encode(), mtime=0),
)
say(
    "text_bom",
    "POST",
    "/messages/text",
    {**BEARER, "Content-Type": "application/json"},
    data=json.dumps(TEXT).encode("utf-8-sig"),
)
say("text_key", "POST", "/messages/text", {"X-API-Key": TOKEN}, json=TEXT)
say("text_none", "POST", "/messages/text", data={**TEXT, "contact_id": None, "context": ""})
say("text_nulls", "POST", "/messages/text", json={**TEXT, "contact_id": None, "context": ""})
say("text_wrong_header", "POST", "/messages/text", {**BEARER, "Content-Type": "application/json"}, data=TEXT)
say("text_unknown", "POST", "/messages/text", json={**TEXT, "preview_url": False, "tags": [], "from": ""})
say("text_number", "POST", "/messages/text", json={"phone": 442079460011, "message": 12345})
say("template_params", "POST", "/messages/template", params={**TEMPLATE, "field_1": "Jo", "field_2": "5.50"})
say("template_data", "POST", "/messages/template", data={**TEMPLATE, "field_1": "Jo", "field_2": "5.50"})
say("template_json", "POST", "/messages/template", json={**TEMPLATE, "parameters": {"1": "Jo", "2": "5.50"}})
say(
    "template_surplus",
    "POST",
    "/messages/template",
    json={**TEMPLATE, **{f"field_{n}": "" for n in range(3, 11)}, "field_1": "Jo", "field_2": "5.50"},
)
say("media_params", "POST", "/messages/media", params=MEDIA, files={"media_file": ("note.txt", NOTE)})
say("media_data", "POST", "/messages/media", data=MEDIA, files={"media_file": ("note.txt", io.BytesIO(NOTE), "text/plain")})
say_httpx("media_httpx", "POST", "/messages/media", data=MEDIA, files={"media_file": ("note.txt", NOTE)})
say("cta_json", "POST", "/messages/cta", json=CTA)
say("cta_data", "POST", "/messages/cta", data=CTA)
say("otp_json", "POST", "/auth/send-otp", json={"phone": "442079460011", "template_name": "login"})
say("otp_null", "POST", "/auth/send-otp", json={"phone": "442079460011", "template_name": "login", "code": None})
say("otp_given", "POST", "/auth/send-otp", data={"phone": "442079460011", "template_name": "login", "code": 482913})
say("contact_repeated", "POST", "/contacts", data={**CONTACT, "groups": [900003, 900004]})
say("contact_brackets", "POST", "/contacts", data={**CONTACT, "groups[]": [900003, 900004], "country_id": 0})
say("contact_json", "POST", "/contacts", json={**CONTACT, "groups": [900003, 900004], "assigned_id": 0})
say("contact_text_list", "POST", "/contacts", data={**CONTACT, "groups": "900003,900004"})
say("contact_wrong", "POST", "/contacts", json={"phone": "12", "email": "x", "groups": [77], "status_id": 78})
say("contact_patch", "PATCH", "/contacts/900001", json={"firstname": "Anna Maria"})
say("contact_patch_data", "PATCH", "/contacts/900001", data={"firstname": " Anna Maria "})
say("source_delete", "DELETE", "/sources/900005")
say("list_params", "GET", "/contacts", params={"filter[type]": "", "fields": "", "page": ""})
say("list_search", "GET", "/contacts", params={"search": "nn"})
say("list_phone", "GET", "/contacts", params={"filter[phone]": "+442079460001"})
say("list_email", "GET", "/contacts", params={"filter[email]": "ANNA@example.com"})
say("list_operator", "GET", "/contacts", params={"filter[source_id][>=]": 900005})
say("list_in", "GET", "/contacts", params={"filter[type]": ["customer", "lead"]})
say("list_sort", "GET", "/contacts", params={"sort": "firstname", "per_page": 2})
say("list_unknown", "GET", "/contacts", params={"limit": 1, "filter[frstname]": "Anna"})
say("contacts_head", "HEAD", "/contacts")
say("contacts_options", "OPTIONS", "/contacts")
say("contact_put", "PUT", "/contacts/900001", json={"firstname": "X"})
say("contact_known", "POST", "/contacts", json={**CONTACT, "phone": "+44 20 7946-0001"})
say("contact_known_data", "POST", "/contacts", data={**CONTACT, "phone": "+442079460001"})
say("sync", "POST", "/templates/sync")
say_httpx("text_httpx", "POST", "/messages/text", data=TEXT)
say_httpx("text_httpx_json", "POST", "/messages/text", json=TEXT)
say_httpx("contact_httpx", "POST", "/contacts", data={**CONTACT, "groups": ["900003", "900004"]})
