"""An independent client writes, reads, changes, sends and deletes templates."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pywa_async import WhatsApp
from pywa_async.errors import WhatsAppError
from pywa_async.types.templates import (
    AuthenticationBody,
    AuthenticationFooter,
    BaseParams,
    BodyText,
    Buttons,
    Carousel,
    CarouselCard,
    CatalogButton,
    CopyCodeButton,
    CopyCodeOTPButton,
    FooterText,
    HeaderImage,
    HeaderLocation,
    HeaderText,
    LimitedTimeOffer,
    ParamFormat,
    PhoneNumberButton,
    QuickReplyButton,
    Template,
    TemplateCategory,
    TemplateLanguage,
    TemplateStatus,
    URLButton,
)

from .clients import pywa_at
from .conftest import PIXEL, USER, WABA, Meta

TO = USER.lstrip("+")
ENGLISH = TemplateLanguage.ENGLISH_US

Kind = Callable[[], tuple[Template, Sequence[BaseParams]]]


@pytest.fixture
async def pywa(meta: Meta) -> AsyncIterator[WhatsApp]:
    client, session = pywa_at(meta.url)
    yield client
    await session.aclose()


def template(name: str, category: TemplateCategory, *components: object, **more: object) -> Template:
    return Template(name=name, language=ENGLISH, category=category, components=list(components), **more)


def positional() -> tuple[Template, Sequence[BaseParams]]:
    header = HeaderText("Order {{1}} news", "12")
    body = BodyText("Hello {{1}}, your order {{2}} is on its way to you today, thank you.", "Ana", "12")
    url = URLButton(text="Track", url="https://x.test/{{1}}", example="https://x.test/12")
    reply = QuickReplyButton(text="Stop")
    buttons = Buttons(buttons=[url, PhoneNumberButton(text="Call", phone_number="15550051310"), reply])
    made = template(
        "order_approved", TemplateCategory.UTILITY, header, body, FooterText(text="Acme"), buttons
    )
    params = [
        header.params("12"),
        body.params("Ana", "12"),
        url.params(url_variable="12", index=0),
        reply.params(callback_data="stop", index=2),
    ]
    return made, params


def named() -> tuple[Template, Sequence[BaseParams]]:
    body = BodyText("Hello dear {{first_name}}, thank you very much indeed.", first_name="Ana")
    made = template(
        "hello_approved", TemplateCategory.UTILITY, HeaderLocation(), body, parameter_format=ParamFormat.NAMED
    )
    return made, [HeaderLocation.params(lat=1, lon=2, name="a", address="b"), body.params(first_name="Ana")]


def offer() -> tuple[Template, Sequence[BaseParams]]:
    body = BodyText("Hello dear {{1}}, this is for you and nobody else.", "Ana")
    code, link = (
        CopyCodeButton(example="25OFF"),
        URLButton(text="Shop", url="https://x.test/{{1}}", example="1"),
    )
    limited = LimitedTimeOffer(text="Ends soon!", has_expiration=True)
    made = template(
        "offer_approved", TemplateCategory.MARKETING, limited, body, Buttons(buttons=[code, link])
    )
    params = [
        limited.params(expiration_time=datetime(2030, 1, 1, tzinfo=UTC)),
        body.params("Ana"),
        code.params(coupon_code="25OFF", index=0),
        link.params(url_variable="1", index=1),
    ]
    return made, params


def otp() -> tuple[Template, Sequence[BaseParams]]:
    body, button = AuthenticationBody(add_security_recommendation=True), CopyCodeOTPButton(text="Copy")
    footer = AuthenticationFooter(code_expiration_minutes=5)
    made = template("code_approved", TemplateCategory.AUTHENTICATION, body, footer, Buttons(buttons=[button]))
    return made, [AuthenticationBody.params(otp="123456"), CopyCodeOTPButton.params(otp="123456")]


def catalog() -> tuple[Template, Sequence[BaseParams]]:
    button = CatalogButton(text="View catalog")
    body = BodyText("Everything we have is here.")
    made = template("catalog_approved", TemplateCategory.MARKETING, body, Buttons(buttons=[button]))
    return made, [button.params(thumbnail_product_sku="sku", index=0)]


@pytest.mark.parametrize("kind", [positional, named, offer, otp, catalog])
async def test_it_creates_and_sends(pywa: WhatsApp, kind: Kind) -> None:
    made, params = kind()
    created = await pywa.create_template(made)
    assert created.status == TemplateStatus.APPROVED
    details = await created.get()
    assert (details.name, details.category) == (made.name, made.category)
    sent = await pywa.send_template(TO, made.name, ENGLISH, params)
    assert sent.id.startswith("wamid.")


async def test_a_header_with_a_picture_goes_through_a_resumable_upload(pywa: WhatsApp, meta: Meta) -> None:
    header = HeaderImage(PIXEL, mime_type="image/png")
    body = BodyText("Look at this.")
    await pywa.create_template(template("look_approved", TemplateCategory.MARKETING, header, body))
    [listed] = [item async for item in _all(pywa)]
    address = listed.components[0].example
    assert (await meta.call("GET", address)).raw == PIXEL
    media = await pywa.upload_media(PIXEL, mime_type="image/png", filename="a.png")
    params = [header.params(image=media.id)]
    assert (await pywa.send_template(TO, "look_approved", ENGLISH, params)).id


async def test_a_carousel(pywa: WhatsApp) -> None:
    cards = [
        CarouselCard(
            components=[
                HeaderImage(PIXEL, mime_type="image/png"),
                BodyText("A very nice thing."),
                Buttons(buttons=[QuickReplyButton(text="More")]),
            ]
        )
        for _ in range(2)
    ]
    made = template(
        "cards_approved", TemplateCategory.MARKETING, BodyText("Two very nice things."), Carousel(cards=cards)
    )
    assert (await pywa.create_template(made)).status == TemplateStatus.APPROVED
    media = await pywa.upload_media(PIXEL, mime_type="image/png", filename="a.png")
    filled = [
        CarouselCard.params(
            params=[
                HeaderImage.params(image=media.id),
                QuickReplyButton.params(callback_data="more", index=0),
            ],
            index=index,
        )
        for index in range(2)
    ]
    sent = await pywa.send_template(TO, "cards_approved", ENGLISH, [Carousel.params(cards=filled)])
    assert sent.id.startswith("wamid.")


async def test_it_edits_lists_and_deletes(pywa: WhatsApp) -> None:
    made, _ = positional()
    created = await pywa.create_template(made)
    updated = await pywa.update_template(created.id, new_components=[BodyText("Something else.")])
    assert (updated.success, updated.id, updated.name) == (True, created.id, made.name)
    details = await pywa.get_template(created.id)
    assert [component.type.value for component in details.components] == ["BODY"]
    assert (await pywa.delete_template(made.name)).success
    with pytest.raises(WhatsAppError, match="Invalid parameter"):
        await pywa.create_template(made)


async def test_it_pages_through_thousands(pywa: WhatsApp, meta: Meta) -> None:
    order = {"waba_id": WABA, "templates": [{"name": "many"}], "count": 1000}
    assert len((await meta.control("templates", order))["data"]) == 1000
    names = [item.name async for item in _all(pywa)]
    assert (len(names), len(set(names))) == (1000, 1000)


# The library hands raw JSON to httpx the old way there.
@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
async def test_it_upserts_authentication_templates(pywa: WhatsApp) -> None:
    made = await pywa.upsert_authentication_template(
        name="codes_approved",
        languages=[ENGLISH, TemplateLanguage.SPANISH],
        otp_button=CopyCodeOTPButton(),
        code_expiration_minutes=5,
    )
    assert [item.status for item in made] == [TemplateStatus.APPROVED] * 2


async def _all(pywa: WhatsApp) -> AsyncIterator[Any]:
    page = await pywa.get_templates()
    while True:
        for item in page:
            yield item
        if not page.has_next:
            return
        page = await page.next()
