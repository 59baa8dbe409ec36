"""Options of `rasl tenant set`: what a tenant chooses for itself as a command writes it."""

from typing import Annotated

import typer

DefaultCountry = Annotated[
    str | None, typer.Option(help="Country of numbers without +, such as GB, or none.")
]
WindowPolicy = Annotated[
    str | None, typer.Option(help="Free texts outside the 24-hour window: pass, reject, fallback_template.")
]
Fallback = Annotated[
    str | None,
    typer.Option(
        help="What goes out instead with fallback_template, where a send names none: "
        '\'{"template_name": "…", "language": "en", "field_1": "…"}\', or none.'
    ),
]
UnknownPolicy = Annotated[
    str | None, typer.Option(help="Messages Meta may or may not have taken: hold, resend.")
]
DefaultStatusId = Annotated[str | None, typer.Option(help="Contact status of new contacts, or none.")]
DefaultSourceId = Annotated[str | None, typer.Option(help="Source of new contacts, or none.")]
DefaultAssignedId = Annotated[str | None, typer.Option(help="Who new contacts are assigned to, or none.")]
DefaultType = Annotated[str | None, typer.Option(help="Type of new contacts: lead, customer, guest.")]
TimeZone = Annotated[str | None, typer.Option(help="Time zone, such as Europe/Berlin.")]
Language = Annotated[str | None, typer.Option(help="Language, such as en or en_GB.")]
StopWord = Annotated[
    list[str] | None,
    typer.Option(help="A word that opts a contact out; may be repeated, or none for the usual ones."),
]
StartWord = Annotated[
    list[str] | None,
    typer.Option(help="A word that opts a contact in again; may be repeated, or none for the usual ones."),
]
RetentionDays = Annotated[
    list[str] | None,
    typer.Option(
        help="Days for which a kind of data is kept, such as messages=365, messages=none (as long as the server), or "
        "none for all kinds; may be repeated."
    ),
]
WebhookFormat = Annotated[str | None, typer.Option(help="Format of outbound webhooks: n8n, default.")]
OtpBudget = Annotated[
    list[str] | None,
    typer.Option(
        help="A budget of one-time passwords of its own, such as prefix_per_hour=500 (0: no limit), "
        "prefix_per_hour=none, or none for all of them; may be repeated."
    ),
]
OtpMaxAttempts = Annotated[
    str | None, typer.Option(help="Wrong codes that one one-time password takes, 1 to 20, or none.")
]
ShowsCodes = Annotated[
    bool | None,
    typer.Option(
        "--otp-return-generated-code/--no-otp-return-generated-code",
        help="Answers show one-time codes that are made here, or do not.",
    ),
]
Status = Annotated[
    str | None, typer.Option(help="active or suspended; a suspended tenant's tokens are refused.")
]
