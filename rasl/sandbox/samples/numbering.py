"""Where ids begin in a new sandbox, so that those of the documentation's examples are there.

Contact 812 is Priya, message 9031 our answer to her; an id that is taken for one of another kind is not found.
"""

FIRST_IDS = {
    "contacts": 812,
    "webhook_deliveries": 4711,
    "webhook_endpoints": 7,
    "conversations": 77,
    "messages": 9030,
    "media": 12,
    "comments": 14,
    "contact_imports": 17,
    "templates": 31,
}

CONTACT_ID = 812
STATUS_ID, SOURCE_ID, GROUP_ID = 2, 5, 3
