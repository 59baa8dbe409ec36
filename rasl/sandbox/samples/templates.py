"""The templates of the demo account, as Meta would list them."""

from typing import Any

Json = dict[str, Any]

_PICTURE = {"header_handle": ["https://harbour.test/pictures/box.png"]}
_OTP = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp"


def _body(text: str, *examples: str) -> Json:
    example = {"example": {"body_text": [list(examples)]}} if examples else {}
    return {"type": "BODY", "text": text, **example}


def _header() -> Json:
    return {"type": "HEADER", "format": "IMAGE", "example": _PICTURE}


def _replies(*texts: str) -> list[Json]:
    return [{"type": "QUICK_REPLY", "text": text} for text in texts]


def _url(text: str, address: str) -> Json:
    return {"type": "URL", "text": text, "url": f"{address}{{{{1}}}}", "example": [f"{address}A-1044"]}


def _buttons(*buttons: Json) -> Json:
    return {"type": "BUTTONS", "buttons": list(buttons)}


def _code(text: str, footer: str, button: str) -> list[Json]:
    return [
        {**_body(text, "482913"), "add_security_recommendation": True},
        {"type": "FOOTER", "text": footer, "code_expiration_minutes": 10},
        _buttons({**_url(button, _OTP), "example": [f"{_OTP}482913"]}),
    ]


def _card(title: str) -> Json:
    parts = [
        _header(),
        _body("{{1}} is in our window this week.", title),
        _buttons(*_replies("Keep one"), _url("Look inside", "https://harbour.test/books/")),
    ]
    return {"components": parts}


TEMPLATES: tuple[Json, ...] = (
    {
        "id": "1689556908129832",
        "name": "order_shipped",
        "language": "en_GB",
        "category": "UTILITY",
        "quality": "GREEN",
        "components": [
            _header(),
            _body("Hi {{1}}, your order {{2}} has left our shop.", "Priya", "#A-1044"),
            {"type": "FOOTER", "text": "Harbour Books"},
            _buttons(_url("Track it", "https://harbour.test/track/")),
        ],
    },
    {
        "id": "1689556908129833",
        "name": "order_shipped",
        "language": "de",
        "category": "UTILITY",
        "components": [
            _header(),
            _body("Hallo {{1}}, deine Bestellung {{2}} ist unterwegs.", "Lena", "#A-1044"),
            {"type": "FOOTER", "text": "Harbour Books"},
            _buttons(_url("Verfolgen", "https://harbour.test/track/")),
        ],
    },
    {
        "id": "1689556908129840",
        "name": "parcel_ready",
        "language": "en_GB",
        "category": "UTILITY",
        "components": [_body("Hi {{1}}, your parcel is ready.", "Priya"), _buttons(*_replies("Thanks"))],
    },
    {
        "id": "1689556908129834",
        "name": "login_code",
        "language": "en",
        "category": "AUTHENTICATION",
        "components": _code(
            "*{{1}}* is your verification code. For your security, do not share this code.",
            "This code expires in 10 minutes.",
            "Copy code",
        ),
    },
    {
        "id": "1689556908129835",
        "name": "login_code",
        "language": "de",
        "category": "AUTHENTICATION",
        "components": _code(
            "*{{1}}* ist dein Verifizierungscode. Teile diesen Code zu deiner Sicherheit mit niemandem.",
            "Dieser Code läuft in 10 Minuten ab.",
            "Code kopieren",
        ),
    },
    {
        "id": "1689556908129836",
        "name": "summer_sale",
        "language": "en",
        "category": "MARKETING",
        "components": [
            _header(),
            _body("Hi {{1}}, until Sunday every second book costs half.", "Priya"),
            {"type": "FOOTER", "text": "Answer STOP for no more offers"},
            _buttons(*_replies("Show me", "Not now")),
        ],
    },
    {
        "id": "1689556908129837",
        "name": "new_arrivals",
        "language": "en",
        "category": "MARKETING",
        "components": [
            _body("Hi {{1}}, these came in this week:", "Priya"),
            {"type": "CAROUSEL", "cards": [_card("The Lighthouse"), _card("Low Tide")]},
        ],
    },
    {
        "id": "1689556908129838",
        "name": "win_a_prize",
        "language": "en",
        "category": "MARKETING",
        "status": "REJECTED",
        "rejected_reason": "PROMOTIONAL",
        "components": [_body("You have won! Tell us your card number to claim it.")],
    },
    {
        "id": "1689556908129839",
        "name": "flash_sale",
        "language": "en",
        "category": "MARKETING",
        "status": "PAUSED",
        "quality": "RED",
        "components": [_body("Hurry, {{1}}: everything must go tonight!", "Priya")],
    },
    {
        "id": "1689556908129841",
        "name": "old_notice",
        "language": "en",
        "category": "UTILITY",
        "components": [_body("We are closed on the first Monday of May.")],
    },
)
