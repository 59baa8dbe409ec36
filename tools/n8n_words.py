"""How people say in n8n what the API calls otherwise."""

# Words of names that are not simply capitalised.
WORDS = {
    "as": "as",
    "bom": "BOM",
    "cidrs": "CIDRs",
    "csv": "CSV",
    "cta": "CTA",
    "firstname": "First Name",
    "from": "From",
    "id": "ID",
    "ids": "IDs",
    "lastname": "Last Name",
    "ms": "(Ms)",
    "of": "of",
    "otp": "OTP",
    "to": "to",
    "ttl": "TTL",
    "url": "URL",
    "urls": "URLs",
    "waba": "WABA",
    "zip": "ZIP",
}
# The verbs of operation ids; any other is what it says.
VERBS = {
    "list": "Get Many",
    "get": "Get",
    "create": "Create",
    "change": "Update",
    "put": "Create or Update",
    "delete": "Delete",
}
# Resources whose one is not the plural without its s.
NOUNS = {"Statuses": "Status", "Settings": "Settings", "Auth": "Authentication"}
# Operations and fields with names of their own.
NAMES = {
    "from_phone_number_id": "Send From",
    "dry_run": "Dry Run",
    "context": "Reply To",
    "contact": "New Contact",
    "media_file": "Input Data Field Name",
    "file": "Input Data Field Name",
    "fields": "Fields to Return",
    "include": "Relations to Include",
    "mobile": "Phone",
    "bom": "Byte Order Mark",
    "getOtpStatus": "Get OTP Status",
    "markMessageRead": "Mark as Read",
    "lintTemplate": "Check",
    "tryWebhook": "Test",
}
# Fields whose values are loaded from the account, by the loader in `loaders.ts`.
LOADED = {
    "template_name": "templateNames",
    "language": "languages",
    "template_id": "templates",
    "group_id": "groups",
    "groups": "groups",
    "source_id": "sources",
    "default_source_id": "sources",
    "status_id": "statuses",
    "default_status_id": "statuses",
    "from_phone_number_id": "numbers",
    "phone_number_id": "numbers",
    "token_id": "tokens",
    "import_id": "imports",
    "webhook_id": "webhooks",
    "events": "events",
}
# Switches, in the words of n8n.
BOOLEANS = {
    "dry_run": "Whether to only check: nothing is sent or stored, and the answer tells what would be",
    "typing_indicator": "Whether to also show that an answer is being written, for up to 25 seconds",
    "is_default": "Whether messages go out from this number unless they name one",
    "auto_generate": "Whether the server makes the code, as it does when none is given",
    "auto_generate_otp": "Whether the server makes the code of an authentication template",
    "continue_on_error": "Whether to create the others when one cannot be created",
    "skip_duplicates": "Whether to skip contacts whose phone exists, instead of refusing them",
    "bom": "Whether to begin with a byte order mark, for spreadsheets that ask for one",
    "all_languages": "Whether to delete every language of the template's name",
    "subscribe": "Whether to let Meta post to us",
    "is_active": "Whether events are delivered",
    "is_ordered": "Whether events of one contact arrive in order",
}
# Fields that are asked for before others.
FIRST = {
    name: place for place, name in enumerate(("phone", "mobile", "template_name", "language", "media_type"))
}
