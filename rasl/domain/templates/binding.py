"""From a definition and a caller's values to exactly what WhatsApp takes, or to every field that is wrong.

Everything Meta would refuse for its shape is refused here, before the message is accepted. Files stand in the
components as `{"media_id": ours}` and the code of an authentication template as `{"secret": true}`: what a message
stores holds neither Meta's ids, which expire, nor codes. `fitting` puts both in.
"""

import re
from typing import Any

import msgspec

from rasl.domain import merge_fields
from rasl.domain.templates.definition import Button, Card, Definition, Header, Text, fill
from rasl.domain.templates.fitting import MASK
from rasl.domain.templates.lint_buttons import MAX_COPY_CODE, MAX_URL
from rasl.domain.templates.linter import MAX_BODY, MAX_CARD_BODY, MAX_HEADER, MAX_OFFER_BODY
from rasl.domain.templates.values import CardValues, HeaderFile, Product, Values
from rasl.errors import ValidationFailed

MAX_CODE = 15
MAX_PAYLOAD = 256
MAX_SECTIONS, MAX_PRODUCTS = 10, 30
_UNSENDABLE = re.compile(r"[\n\r\t]| {5,}")
_KINDS = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document", "GIF": "video"}
_Json = dict[str, Any]


class Bound(msgspec.Struct, frozen=True):
    """Send components, the text as the person reads it (codes masked), and the code, if the template carries one."""

    components: list[_Json]
    text: str
    code: str | None


def bind(definition: Definition, values: Values, *, is_merged: bool = False) -> Bound:
    """Bind values to a definition; raises ValidationFailed naming every field that is missing or wrong.

    Before merging, a value that holds merge fields is not measured: nobody knows yet how long it will be.
    """
    binder = _Binder(definition, values, is_merged=is_merged)
    components = binder.components()
    if binder.problems:
        raise ValidationFailed(binder.problems)
    return Bound(components, binder.text, binder.code)


class _Binder:
    """One binding under way; `text` and `code` are there once `components` has run."""

    def __init__(self, definition: Definition, values: Values, *, is_merged: bool) -> None:
        self.problems: dict[str, list[str]] = {}
        self.text = ""
        self.code: str | None = None
        self._definition = definition
        self._values = values
        self._is_merged = is_merged

    def components(self) -> list[_Json]:
        """Return the send components; what is wrong goes to the problems."""
        definition, values = self._definition, self._values
        parts = [
            *self._header(definition.header, values),
            *self._body(definition.body, values),
            *self._offer(),
            *self._carousel(),
            *self._buttons(definition.buttons, values, ""),
        ]
        self._refuse_idle_extras()
        return parts

    def _header(self, header: Header | None, values: Values) -> list[_Json]:
        variables = header.text.variables if header else ()
        if values.header_field is not None and not variables:
            self._problem("header_field_1", "The template's header takes no text")
        if values.location is not None and (header is None or header.format != "LOCATION"):
            self._problem("header_location", "The template has no location header")
        parameters: list[_Json] = []
        if header is not None and header.format == "LOCATION":
            parameters = self._location(values)
        elif header is not None and variables:
            name = variables[0]
            given = values.header_field
            field = "header_field_1"
            if given is None and name in values.parameters:
                given, field = values.parameters[name], f"parameters.{name}"
            if self._has(field, given, "The template's header needs a value"):
                parameters = [self._text_parameter(name, str(given))]
                self._measure(field, header.text.text, {name: str(given)}, MAX_HEADER, "The header")
        else:
            return self._rich_header(header, values, "")
        self._refuse_file(values.file)
        return _component("header", parameters)

    def _rich_header(self, header: Header | None, values: CardValues, prefix: str) -> list[_Json]:
        """Bind a header that is a file or a product, of the message or of a card."""
        if values.product is not None and (header is None or header.format != "PRODUCT"):
            self._problem(f"{prefix}header_product", "The template has no product header")
        if header is not None and header.is_media:
            return _component("header", [self._file(header, values.file, prefix)])
        self._refuse_file(values.file)
        if header is not None and header.format == "PRODUCT":
            return self._product(values.product, prefix)
        return []

    def _product(self, product: Product | None, prefix: str) -> list[_Json]:
        if product is None:
            self._problem(f"{prefix}header_product", "The template's header needs a product")
            return []
        shown = {"product_retailer_id": product.product_retailer_id, "catalog_id": product.catalog_id}
        return _component("header", [{"type": "product", "product": shown}])

    def _file(self, header: Header, file: HeaderFile | None, prefix: str) -> _Json:
        kind = _KINDS[header.format]
        shown = header.format.lower()
        if file is None:
            self._problem(
                f"{prefix}header_{kind}_url", f"The template's header needs {_article(kind)} {kind}"
            )
        elif file.kind != kind:
            self._problem(file.field, f"The template's header is {_article(kind)} {kind}")
        else:
            name = {"filename": file.filename} if file.filename and kind == "document" else {}
            return {"type": shown, shown: {"media_id": file.media_id, **name}}
        return {"type": shown}

    def _refuse_file(self, file: HeaderFile | None) -> None:
        if file is not None:
            self._problem(file.field, "The template's header takes no file")

    def _location(self, values: Values) -> list[_Json]:
        place = values.location
        if place is None:
            self._problem("header_location", "The template's header needs a location")
            return []
        if not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
            self._problem(
                "header_location", "latitude must be between -90 and 90, longitude between -180 and 180"
            )
        return [{"type": "location", "location": msgspec.to_builtins(place)}]

    def _body(self, body: Text, values: Values) -> list[_Json]:
        found = self._find(body, values, "")
        secret = self._take_code(body, found) if self._definition.is_authentication else None
        texts = {name: value for name, (_, value) in found.items()}
        self.text = fill(body.text, texts | ({secret: MASK} if secret else {}))
        most = MAX_OFFER_BODY if self._definition.offer else MAX_BODY
        field = next(iter(found.values()))[0] if found else "template_name"
        self._measure(field, body.text, texts, most, "The body")
        parameters = [
            self._text_parameter(name, value, is_secret=name == secret) for name, value in texts.items()
        ]
        return _component("body", parameters)

    def _take_code(self, body: Text, found: dict[str, tuple[str, str]]) -> str | None:
        """Take the one-time code out of the values; returns the variable it stands for."""
        place = self._values.code_field
        if not 1 <= place <= len(body.variables):
            self._problem("otp_field_number", f"The template has {_count(len(body.variables), 'body field')}")
            return None
        name = body.variables[place - 1]
        if name not in found:
            return None
        field, code = found[name]
        if len(code) > MAX_CODE or merge_fields.has_fields(code) or not code.isprintable() or " " in code:
            self._problem(
                field, f"The code must be at most {MAX_CODE} visible characters, without merge fields"
            )
        self.code = code
        return name

    def _find(self, text: Text, values: CardValues, prefix: str) -> dict[str, tuple[str, str]]:
        """Return field and value of every variable of a body."""
        found: dict[str, tuple[str, str]] = {}
        for place, name in enumerate(text.variables, 1):
            field, given = f"{prefix}field_{place}", values.fields.get(place)
            if name in values.parameters:
                if given is not None:
                    self._problem(field, f"The variable {name} is given twice, here and in parameters")
                field, given = f"{prefix}parameters.{name}", values.parameters[name]
            missing = f"The template needs a value for {{{{{name}}}}} of its body"
            if self._has(field, given, missing):
                found[name] = field, str(given)
        for place in values.fields:
            if place > len(text.variables):
                count = _count(len(text.variables), "body field")
                self._problem(f"{prefix}field_{place}", f"The template has {count}")
        known = set(text.variables)
        if not prefix and self._definition.header:
            known |= set(self._definition.header.text.variables)
        for name in values.parameters:
            if name not in known:
                self._problem(f"{prefix}parameters.{name}", "The template has no such variable")
        return found

    def _offer(self) -> list[_Json]:
        offer, moment = self._definition.offer, self._values.expires_at_ms
        field = "limited_time_offer_expiration_ms"
        if offer is None or not offer.has_expiration:
            if moment is not None:
                self._problem(field, "The template has no offer that expires")
            return []
        if moment is None:
            self._problem(field, "The template's offer needs the moment it expires")
            return []
        expiry = {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": moment}}
        return _component("limited_time_offer", [expiry])

    def _carousel(self) -> list[_Json]:
        cards, given = self._definition.cards, self._values.cards
        if len(cards) != len(given):
            self._problem("cards", f"The template has {_count(len(cards), 'card')}")
            return []
        bound = [self._card(place, *pair) for place, pair in enumerate(zip(cards, given, strict=True))]
        return [{"type": "carousel", "cards": bound}] if bound else []

    def _card(self, place: int, card: Card, values: CardValues) -> _Json:
        prefix = f"cards.{place}."
        text = card.body or Text("")
        found = self._find(text, values, prefix)
        texts = {name: value for name, (_, value) in found.items()}
        if found:
            field = next(iter(found.values()))[0]
            self._measure(field, text.text, texts, MAX_CARD_BODY, "The card's body")
        body = _component("body", [self._text_parameter(*item) for item in texts.items()])
        header = self._rich_header(card.header, values, prefix)
        return {
            "card_index": place,
            "components": [*header, *body, *self._buttons(card.buttons, values, prefix)],
        }

    def _buttons(self, buttons: tuple[Button, ...], values: CardValues, prefix: str) -> list[_Json]:
        bound: list[_Json] = []
        for button in buttons:
            field = f"{prefix}button_{button.index}"
            parameter = self._button(button, field, values.buttons.get(button.index))
            if parameter is not None:
                sub_type, content = parameter
                bound.append({"type": "button", "sub_type": sub_type, "index": str(button.index), **content})
        for index in values.buttons:
            if index >= len(buttons):
                self._problem(f"{prefix}button_{index}", f"The template has {_count(len(buttons), 'button')}")
        return bound

    def _button(self, button: Button, field: str, given: str | None) -> tuple[str, _Json] | None:
        """Return sub_type and parameters of a button, None when nothing has to be sent for it."""
        kind = button.type
        if self._definition.is_authentication and button.is_otp:
            kind = "OTP"
        elif kind == "URL" and not button.is_dynamic:
            kind = ""
        binders = {
            "OTP": self._otp,
            "URL": self._url,
            "COPY_CODE": self._copy_code,
            "QUICK_REPLY": self._quick_reply,
            "FLOW": self._flow,
            "CATALOG": self._catalog,
            "MPM": self._products,
        }
        if kind in binders:
            return binders[kind](button, field, given)
        if given is not None:
            self._problem(field, f"The button {button.text!r} takes no value")
        return None

    def _otp(self, _button: Button, field: str, given: str | None) -> tuple[str, _Json]:
        if given is not None and given != self.code:
            self._problem(field, "The button of an authentication template gets the code by itself")
        return "url", {"parameters": [{"type": "text", "secret": True}]}

    def _quick_reply(self, _button: Button, field: str, given: str | None) -> tuple[str, _Json] | None:
        if given is None or not self._is_sound(field, given, MAX_PAYLOAD):
            return None
        return "quick_reply", {"parameters": [{"type": "payload", "payload": given}]}

    def _catalog(self, _button: Button, _field: str, given: str | None) -> tuple[str, _Json] | None:
        return None if given is None else ("catalog", _action({"thumbnail_product_retailer_id": given}))

    def _url(self, button: Button, field: str, given: str | None) -> tuple[str, _Json] | None:
        if not self._has(field, given, f"The button {button.text!r} needs the end of its address"):
            return None
        end = str(given)
        self._measure(field, button.url or "", {"1": end}, MAX_URL, "The address")
        return "url", {"parameters": [{"type": "text", "text": end}]}

    def _copy_code(self, _button: Button, field: str, given: str | None) -> tuple[str, _Json] | None:
        if not self._has(field, given, "The template needs the code that the button copies"):
            return None
        self._is_sound(field, str(given), MAX_COPY_CODE)
        return "copy_code", {"parameters": [{"type": "coupon_code", "coupon_code": given}]}

    def _flow(self, _button: Button, _field: str, token: str | None) -> tuple[str, _Json]:
        data = self._values.flow_action_data
        return "flow", _action(
            {"flow_token": token or "unused", **({"flow_action_data": data} if data else {})}
        )

    def _products(self, _button: Button, field: str, thumbnail: str | None) -> tuple[str, _Json] | None:
        sections = self._values.product_sections
        if not sections:
            self._problem("product_sections", "The template needs the products it shows")
        products = [item for section in sections for item in section.product_retailer_ids]
        if len(sections) > MAX_SECTIONS or len(products) > MAX_PRODUCTS:
            self._problem("product_sections", f"At most {MAX_SECTIONS} sections and {MAX_PRODUCTS} products")
        if any(not section.product_retailer_ids for section in sections):
            self._problem("product_sections", "Each section needs at least one product")
        if not self._has(field, thumbnail, "The template needs the product that its picture shows"):
            return None
        listed = [
            {
                "title": section.title,
                "product_items": [{"product_retailer_id": item} for item in section.product_retailer_ids],
            }
            for section in sections
        ]
        return "mpm", _action({"thumbnail_product_retailer_id": thumbnail, "sections": listed})

    def _refuse_idle_extras(self) -> None:
        """Refuse what no button of the template can use."""
        if self._values.flow_action_data is None and not self._values.product_sections:
            return
        types = {button.type for button in self._definition.buttons}
        types |= {button.type for card in self._definition.cards for button in card.buttons}
        if self._values.flow_action_data is not None and "FLOW" not in types:
            self._problem("flow_action_data", "The template has no flow button")
        if self._values.product_sections and "MPM" not in types:
            self._problem("product_sections", "The template has no button that shows several products")

    def _text_parameter(self, name: str, value: str, *, is_secret: bool = False) -> _Json:
        content: _Json = {"secret": True} if is_secret else {"text": value}
        named = {"parameter_name": name} if self._definition.is_named else {}
        return {"type": "text", **named, **content}

    def _has(self, field: str, given: str | None, missing: str) -> bool:
        """Tell whether a value is there and may be sent; says what is wrong with it otherwise."""
        if given is None:
            self._problem(field, missing)
            return False
        return self._is_sound(field, given, None)

    def _is_sound(self, field: str, value: str, most: int | None) -> bool:
        if self._is_open(value):
            return True
        if not value.strip():
            self._problem(field, "The value is empty" + (" after merging" if self._is_merged else ""))
        elif _UNSENDABLE.search(value):
            self._problem(
                field, "WhatsApp takes no line breaks, tabs or more than 4 spaces in a row in a value"
            )
        elif most is not None and len(value) > most:
            self._problem(field, f"The value must not be greater than {most} characters")
        else:
            return True
        return False

    def _measure(self, field: str, text: str, values: dict[str, str], most: int, noun: str) -> None:
        """Refuse a text that is too long once its variables are filled."""
        if any(map(self._is_open, values.values())):
            return
        length = len(fill(text, values))
        if length > most:
            self._problem(field, f"{noun} has {length} characters with its values, the most is {most}")

    def _is_open(self, value: str) -> bool:
        """Tell whether merging will still change a value."""
        return not self._is_merged and merge_fields.has_fields(value)

    def _problem(self, field: str, text: str) -> None:
        self.problems.setdefault(field, []).append(text)


def _component(kind: str, parameters: list[_Json]) -> list[_Json]:
    """Return the component, or none where there is nothing to fill."""
    return [{"type": kind, "parameters": parameters}] if parameters else []


def _action(action: _Json) -> _Json:
    return {"parameters": [{"type": "action", "action": action}]}


def _count(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _article(kind: str) -> str:
    return "an" if kind == "image" else "a"
