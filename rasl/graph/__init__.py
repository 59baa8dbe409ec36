"""The adapter to Meta's Graph API: client, error table, inbound payloads and their signature."""
