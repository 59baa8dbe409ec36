"""Meta's error codes as data: what each one is called, what it asks of us, and the cure in plain words."""

import enum
from collections.abc import Iterator

import msgspec


class FailureKind(enum.StrEnum):
    """What a failure asks of us."""

    RETRY = "retry"  # Meta's trouble: send again after a pause
    THROTTLED = "throttled"  # the number, app or account sends too fast: slow all of it down
    PAIR_THROTTLED = "pair_throttled"  # one recipient gets too much: only that pair waits
    WAIT = "wait"  # hours or days, never by itself
    TOKEN = "token"  # noqa: S105 - the whole connection stops until it has a new token
    FIX = "fix"  # the request or template is wrong
    SUPPRESS = "suppress"  # this recipient cannot or must not be reached
    ACCOUNT = "account"  # somebody must act in the Meta account


class KnownError(msgspec.Struct, frozen=True):
    """One row of the table."""

    kind: FailureKind
    title: str
    cure: str


# Two lines per row: codes (a range, or a list), kind and title; then the cure.
_CODES = """
0 token AuthException
Meta could not verify the access token. Create a new one and save it in the WhatsApp connection.
1 retry API Unknown
Meta had an unknown problem. It is tried again; if it stays, check the request.
2 retry API Service
Meta's service is down for the moment. It is tried again by itself.
3 account API Method
Give the Meta app the WhatsApp capability that this call needs, then try again.
4 throttled API Too Many Calls
The Meta app makes too many calls. They are slowed down and tried again by themselves.
10 account Permission Denied
Give the access token's user the whatsapp_business_messaging and whatsapp_business_management permissions.
33 account Parameter value is not valid
The sending number was deleted at Meta. Connect another number.
100 fix Invalid parameter
Correct the value that Meta names in the details.
104 token Access token required
No access token was sent. Save one in the WhatsApp connection.
190 token Access token has expired
Create a new access token, best one of a system user that never expires, and save it in the connection.
200-299 account API Permission
Give the access token's user access to this WhatsApp account with the needed permissions.
368 account Temporarily blocked for policies violations
Meta blocked the account for a policy violation. See Business Support Home and appeal there.
613 throttled Calls to this API have exceeded the rate limit
Too many calls to this API. They are slowed down and tried again by themselves.
1026 suppress Receiver incapable
The recipient's WhatsApp cannot show this kind of message. Reach the person another way.
80007 throttled Rate limit issues
The WhatsApp account makes too many calls. They are slowed down and tried again by themselves.
130429 throttled Rate limit hit
The number sends faster than Meta allows. Sending slows down and the message is tried again by itself.
130472 suppress User's number is part of an experiment
Meta keeps marketing from this person for an experiment. Do not send it again.
130497 suppress Business account is restricted from messaging users in this country
Meta does not let this business write to people in the recipient's country. Take them off the list.
130501 fix Group request failed
Correct the group request as Meta's details say.
131000 retry Something went wrong
Meta had an unknown problem. It is tried again by itself.
131005 account Access denied
Give the access token's user the missing permission, or have the account owner renew it.
131008 fix Required parameter is missing
Add the value that Meta names in the details.
131009 fix Parameter value is not valid
Correct the value that Meta names in the details; the message referred to may be too old or deleted.
131014 fix Request for URL failed
Meta could not fetch the media link. Make it public and reachable, then send again.
131016 retry Service unavailable
Meta's service is overloaded. It is tried again by itself.
131020 fix Group is not valid
Check the group id; the group may have been deleted.
131021 fix Recipient cannot be sender
The number cannot write to itself. Use another recipient.
131026 suppress Message undeliverable
Check that the number is on WhatsApp, uses a current version and has accepted the current terms.
131030 fix Recipient phone number not in allowed list
A test number only writes to listed recipients. Add this one in the Meta app, or use a real number.
131031 account Account has been locked
Meta locked the account, for policy or for a wrong two-step PIN. See Business Support Home.
131037 account Display name approval needed
The number needs an approved display name. Set one in WhatsApp Manager and wait for the approval.
131041 fix Group is unknown
Check the group id; the group may have been deleted.
131042 account Business eligibility payment issue
Fix the payment method, credit line, currency or time zone of the WhatsApp account in Meta's billing.
131044 account Business eligibility payment issue for calling
Fix the payment method of the WhatsApp account in Meta's billing.
131045 account Incorrect certificate
Register the phone number again, then send again.
131047 fix Re-engagement message
More than 24 hours have passed since the person last wrote. Send an approved template instead.
131048 wait Spam rate limit hit
Too many people blocked or reported this number. Stop marketing, improve it and wait for the limit to lift.
131049 wait This message was not delivered to maintain healthy ecosystem engagement
The person gets enough marketing at the moment. Wait at least 24 hours before trying again.
131050 suppress User has stopped receiving marketing messages
The person opted out of marketing. Do not send any until they opt in again.
131051 fix Unsupported message type
Use one of the message types that WhatsApp supports.
131052 fix Media download error
The person's file could not be loaded. Ask them to send it again.
131053 fix Media upload error
Check the file's type, size and link, then send again.
131055 fix Method not allowed
This way of sending only takes marketing templates. Send other messages the normal way.
131056 pair_throttled (Business Account, Consumer Account) pair rate limit hit
Too many messages to this person in a short time. The message waits and is tried again by itself.
131057 retry Account in maintenance mode
Meta is raising the number's throughput. It is tried again by itself in a few minutes.
131059 fix Invalid cursor
The list changed while it was read. Read it again from the start.
131062 fix Business-scoped user ids are not supported for this message
Authentication templates need a phone number. Ask the person for theirs.
131063 account Marketing templates are disabled on Cloud API
The account sends marketing only through the Marketing Messages API. Switch Cloud API marketing on again.
131064 wait Messaging limit for template classification violations
Templates were filed under the wrong category. Correct them and wait for Meta to lift the limit.
131201-131215 fix Group request failed
Correct the group request as Meta's details say.
132000 fix Template Param Count Mismatch
Fill exactly as many variables as the template has.
132001 fix Template does not exist
Check the template's name and language, and that Meta has approved it; a new one needs a few minutes.
132005 fix Template Hydrated Text too long
Use shorter values: the text with its variables filled in is too long.
132007 fix Template Format Character Policy Violated
Remove line breaks, tabs or runs of spaces from the variables.
132008 fix Template param value invalid
Correct the template variable that Meta names in the details.
132012 fix Template Parameter Format Mismatch
Give each variable and header the kind of value that the template expects.
132015 fix Template is Paused
Meta paused the template for low quality. Use another one, or improve it and wait until it is active again.
132016 fix Template is Disabled
Meta disabled the template for good. Create a new one with other content.
132018 fix Issue with the template parameters
Check the template's variables against what Meta names in the details.
132068 account Flow is blocked
Fix the flow in WhatsApp Manager until Meta unblocks it.
132069 throttled Flow is throttled
The flow's endpoint fails too often, so Meta allows few messages. Repair the endpoint.
133000 retry Incomplete Deregistration
Deregistering did not finish. Deregister the number again.
133004 retry Server Temporarily Unavailable
Meta's service is down for the moment. It is tried again by itself.
133005 fix Two step verification PIN Mismatch
Enter the right two-step verification PIN, or reset it in WhatsApp Manager.
133006 account Phone number re-verification needed
Verify the phone number again by a code before registering it.
133008-133009 wait Too many two step verification PIN guesses
Wait as long as Meta's details say, then enter the right PIN.
133010 account Phone number Not Registered
Register the phone number with Cloud API, then send again.
133015 wait Wait before registering this phone number
The number was deleted a moment ago. Wait five minutes, then register it.
133016 wait Account register deregister rate limit exceeded
The number was registered too often. Wait 72 hours.
134011 account WhatsApp Payments terms of service not accepted
Accept the terms of WhatsApp Payments in Meta's account.
134100 fix Only marketing messages supported
Send only marketing templates this way.
134101 retry Template is still syncing
The new template is still being prepared. It is tried again by itself in about ten minutes.
134102 account Template unavailable for use
The account or template is not ready for the Marketing Messages API. Send it through Cloud API.
135000 fix Generic user error
Check the request against what Meta names in the details.
136024 fix Code request failed
Check the number and wait a while before asking for another code.
136025 fix Code verification failed
Enter the newest code, or ask for another one.
137000 fix Recipient identity key mismatch
The person changed phone or app. Confirm their identity, then send without the old identity key.
138000-138018 fix Calling request failed
Check that calling is enabled and allowed for this number.
139000 account Flow blocked by integrity
The account may not publish flows at the moment. See Business Support Home.
139001-139004 fix Flow cannot be changed
Check the flow's state in WhatsApp Manager.
139100 fix Blocking users failed
Some people could not be blocked; only those who wrote in the last 24 hours can be.
139101 fix Block list is full
Take people off the block list first.
139102-139103 retry Block list could not be changed now
The block list was being changed. It is tried again by itself.
147001 fix Username is unavailable
Choose another business username.
147002-147004 account Business username cannot be claimed
Make the account eligible or link the Facebook or Instagram account that holds the name.
147005 account Business username must be transferred
Confirm the transfer of the username to this number.
200005-200007 fix Template insights unavailable
Switch template insights on in WhatsApp Manager.
1752041 retry Duplicate request in flight
The same request is still running at Meta. It is tried again by itself.
2388001,2388012,2494100 account Number migration failed
Follow Meta's steps for moving the number, then try again.
2388019 account Template limit reached
Delete unused templates, or verify the business to be allowed more.
2388023 fix Template language is being deleted
Wait until the deletion is done (up to 30 days), or use another template name.
2388024 fix Template language already exists
Edit the existing template, or use another name or language.
2388040 fix Template field is too long
Shorten the text that Meta names in the details.
2388047 fix Template header format is wrong
Remove emoji, formatting, line breaks or extra variables from the header.
2388072 fix Template body format is wrong
Check the variables, line breaks and formatting of the body.
2388073 fix Template footer format is wrong
Remove variables, emoji and formatting from the footer.
2388091,2388093,2388103 account Number verification failed
Check the number, wait a while and ask for another code.
2388293 fix Too many variables for the template's length
Use fewer variables or more fixed text.
2388299 fix Variable at the start or end of the template
Put fixed text before the first and after the last variable.
2593079,2593085 account WhatsApp account transfer needed
Have the owner accept the transfer of the WhatsApp account in Business Manager.
2593107 account Synchronisation limit reached
Connect the WhatsApp Business app again to synchronise it once more.
2593108 account Synchronisation is too late
Connect the WhatsApp Business app again and synchronise within 24 hours.
"""

# The same, by code and subcode, where the subcode says more than the code.
_SUBCODES = """
100/33 account Object does not exist or cannot be accessed
Check the id in the WhatsApp connection, and that the access token may use this WhatsApp account.
190/458 token App is not authorised any more
The Meta app was removed from the account. Authorise it again and save the new access token.
190/460 token Password was changed
The token's owner changed the password. Create a new access token and save it in the connection.
190/463 token Access token has expired
Create a new access token, best one of a system user that never expires, and save it in the connection.
190/467 token Access token is not valid any more
The access token was withdrawn. Create a new one and save it in the connection.
"""


def _rows(table: str) -> Iterator[tuple[str, KnownError]]:
    lines = table.strip().splitlines()
    for head, cure in zip(lines[::2], lines[1::2], strict=True):
        key, kind, title = head.split(" ", 2)
        yield key, KnownError(FailureKind(kind), title, cure)


def _by_code() -> Iterator[tuple[int, KnownError]]:
    for key, row in _rows(_CODES):
        for part in key.split(","):
            first, _, last = part.partition("-")
            yield from ((code, row) for code in range(int(first), int(last or first) + 1))


def _by_subcode() -> Iterator[tuple[tuple[int, int], KnownError]]:
    for key, row in _rows(_SUBCODES):
        code, _, subcode = key.partition("/")
        yield (int(code), int(subcode)), row


ERRORS: dict[int, KnownError] = dict(_by_code())
ERRORS_BY_SUBCODE: dict[tuple[int, int], KnownError] = dict(_by_subcode())
