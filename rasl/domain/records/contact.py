"""The contact: a field told here is in bodies, answers, lists, files and statements."""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from rasl.domain.attributes import INVALID, Attributes
from rasl.domain.emails import MAX_EMAIL, PATTERN
from rasl.domain.listing import Kind
from rasl.domain.phone_spelling import pattern, sentence
from rasl.domain.records import ZERO_IS_NONE, Field, list_of, stores
from rasl.domain.validation import MAX_ID

LONGEST_PHONE = 20
NO_SOURCE = "The selected source does not exist or does not belong to your account"
NO_STATUS = "The selected status does not exist or does not belong to your account"
NO_GROUP = "One or more groups do not exist"
WRONG_TYPE = "Type must be either lead, customer, or guest"
RELATIONS = ("groups", "source", "status")
_NO_GROUPS = "Groups must be an array of group ids"

Name = Annotated[str, msgspec.Meta(max_length=255)]
PhoneText = Annotated[
    str,
    msgspec.Meta(
        pattern=pattern(1, LONGEST_PHONE),
        description=f"At most {LONGEST_PHONE} characters, kept as given; unique by the number it means. "
        "Without + it is read in the default country.",
    ),
]
Type = Literal["lead", "customer", "guest"]
Id = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
IdOrNone = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID, description="0 is none.", extra={ZERO_IS_NONE: True})]
Email = Annotated[
    str,
    msgspec.Meta(
        max_length=MAX_EMAIL,
        pattern=PATTERN,
        description="Unique in the account, in any case of letters.",
    ),
]
Zip = Annotated[str, msgspec.Meta(max_length=20)]
Address = Annotated[str, msgspec.Meta(max_length=500)]
GroupIds = Annotated[list[Id], msgspec.Meta(max_length=1_000, description="Ids of groups.")]


class Contact(msgspec.Struct, kw_only=True):
    """Somebody an account writes to."""

    id: Annotated[int, Field(812, is_written=False, is_sorted=True)]
    firstname: Annotated[
        Name,
        Field(
            "Priya",
            is_sorted=True,
            headers="givenname first forename vorname prenom nombre",
            texts={"required": "First name is required"},
        ),
    ]
    lastname: Annotated[
        Name,
        Field(
            "Nair",
            is_sorted=True,
            headers="surname familyname last nachname nom apellido apellidos sobrenome",
            texts={"required": "Last name is required"},
        ),
    ]
    phone: Annotated[
        PhoneText,
        Field(
            "+442079460011",
            filter=Kind.PHONE,
            headers="phonenumber phone1value mobile mobilephone mobilenumber cell cellphone whatsapp whatsappnumber tel"
            " telephone telefon msisdn handy telefono celular telefone",
            texts={
                "required": "Phone number is required",
                "string": "Phone number must be a string",
                "pattern": sentence(1, LONGEST_PHONE),
            },
        ),
    ]
    email: Annotated[
        Email | None,
        Field(
            "priya@harbour.test",
            filter=Kind.EMAIL,
            headers="emailaddress mail email1value correo",
            texts={"pattern": "Email must be a valid email address"},
        ),
    ] = None
    type: Annotated[
        Type,
        Field(
            "lead",
            filter=Kind.TEXT,
            headers="contacttype",
            texts={"required": WRONG_TYPE, "invalid": WRONG_TYPE},
        ),
    ]
    status_id: Annotated[
        Id,
        Field(
            2,
            filter=Kind.INTEGER,
            named="status",
            headers="leadstatus",
            texts={"required": "Status is required", "range": NO_STATUS},
        ),
    ]
    source_id: Annotated[
        Id,
        Field(
            5,
            filter=Kind.INTEGER,
            named="source",
            headers="leadsource",
            texts={"required": "Source is required", "range": NO_SOURCE},
        ),
    ]
    company: Annotated[
        Name | None, Field("Harbour Books", headers="companyname organisation organization firma empresa")
    ] = None
    description: Annotated[str | None, Field(None, headers="note notes comment comments")] = None
    city: Annotated[Name | None, Field("Leeds", headers="town ort stadt ciudad")] = None
    state: Annotated[Name | None, Field(None, headers="region province county bundesland")] = None
    zip: Annotated[Zip | None, Field("LS1 4AP", headers="zipcode postcode postalcode plz")] = None
    address: Annotated[Address | None, Field(None, headers="street streetaddress adresse")] = None
    country_id: Annotated[IdOrNone | None, Field(230)] = None
    assigned_id: Annotated[IdOrNone | None, Field(4, filter=Kind.INTEGER)] = None
    groups: Annotated[
        GroupIds | None,
        Field(
            [3],
            filter=Kind.ARRAY,
            shown_as="group_id",
            column="group_ids",
            headers="group tags labels",
            texts={"array": _NO_GROUPS, "invalid": _NO_GROUPS},
        ),
    ] = None
    is_opted_out: Annotated[bool, Field(False, is_written=False)]
    attributes: Annotated[
        Attributes | None,
        Field({"tier": "gold", "visits": 7}, filter=Kind.JSON, texts={"invalid": INVALID}),
    ] = None
    created_at: Annotated[
        dt.datetime,
        Field("2026-02-11T08:00:00+00:00", is_written=False, filter=Kind.MOMENT, is_sorted=True),
    ]
    updated_at: Annotated[dt.datetime, Field("2026-03-04T09:15:22+00:00", is_written=False, is_sorted=True)]


@stores(Contact)
class ContactColumns(msgspec.Struct, frozen=True):
    """The columns of what callers write, as `rasl.db.rows` makes rows of them."""


CONTACT_LIST = list_of(Contact, "-created_at", RELATIONS)
