-- A number that is disconnected says so in a column of its own. Its sealed access token is that of an empty text, which a
-- program that knows no such column opens, and Meta refuses: its messages wait, as with any token that is dead.
alter table whatsapp_numbers add column disconnected_at timestamptz;
update whatsapp_numbers set disconnected_at = now() where access_token_sealed = '';

-- A search for two characters finds them by what stands beside them (rasl/domain/short_terms.py): letters of their
-- script, digits, marks, an end of the text. This tells texts with two that stand between others, as `ok` does between
-- Chinese signs or emojis, and those whose letters become others in lower case. Plain ASCII, which most is, has none and
-- costs next to nothing: control characters beside letters, which nobody types, are not looked for.
create function has_lone_pair(value text) returns boolean language sql immutable strict parallel safe as $$
    select octet_length(value) > length(value) and (
        value ~ '[\u0130\u017f\u1e9e\u03f4\u2126\u212a\u212b]'
        or lower(value) ~ '[^a-z\u00df-\u00f6\u00f8-\u00ff\u0101\u0103\u0105\u0107\u010d\u010f\u0111\u0113\u0117\u0119\u011b\u011f\u0123\u0131\u012b\u012f\u0137\u013c\u0142\u0144\u0146\u0148\u014d\u0151\u0153\u0155\u0159\u015b\u015f\u0161\u0163\u0165\u016b\u016f\u0171\u0173\u017c\u017a\u017e0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb][a-z\u00df-\u00f6\u00f8-\u00ff\u0101\u0103\u0105\u0107\u010d\u010f\u0111\u0113\u0117\u0119\u011b\u011f\u0123\u0131\u012b\u012f\u0137\u013c\u0142\u0144\u0146\u0148\u014d\u0151\u0153\u0155\u0159\u015b\u015f\u0161\u0163\u0165\u016b\u016f\u0171\u0173\u017c\u017a\u017e0-9]{2}[^a-z\u00df-\u00f6\u00f8-\u00ff\u0101\u0103\u0105\u0107\u010d\u010f\u0111\u0113\u0117\u0119\u011b\u011f\u0123\u0131\u012b\u012f\u0137\u013c\u0142\u0144\u0146\u0148\u014d\u0151\u0153\u0155\u0159\u015b\u015f\u0161\u0163\u0165\u016b\u016f\u0171\u0173\u017c\u017a\u017e0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb]'
        or lower(value) ~ '[^\u03ac-\u03ce0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb](?:[\u03ac-\u03ce][\u03ac-\u03ce0-9]|[0-9][\u03ac-\u03ce])[^\u03ac-\u03ce0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb]'
        or lower(value) ~ '[^\u0430-\u045f\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e90-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb](?:[\u0430-\u045f\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e9][\u0430-\u045f\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e90-9]|[0-9][\u0430-\u045f\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e9])[^\u0430-\u045f\u0491\u0493\u049b\u04a3\u04af\u04b1\u04bb\u04d9\u04e90-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb]'
        or lower(value) ~ '[^\u05d0-\u05ea0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb](?:[\u05d0-\u05ea][\u05d0-\u05ea0-9]|[0-9][\u05d0-\u05ea])[^\u05d0-\u05ea0-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb]'
        or lower(value) ~ '[^\u0621-\u063a\u0641-\u064a\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d20-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb](?:[\u0621-\u063a\u0641-\u064a\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d2][\u0621-\u063a\u0641-\u064a\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d20-9]|[0-9][\u0621-\u063a\u0641-\u064a\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d2])[^\u0621-\u063a\u0641-\u064a\u0679\u067e\u0686\u0688\u0691\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06cc\u06d20-9\t-\r -/:-@\[-`{-~\u00a0\u00b7\u00ab\u00bb]'
    )
$$;
create index contacts_with_lone_pair on contacts (tenant_id) where has_lone_pair(search_text);
create index messages_with_lone_pair on messages (tenant_id) where has_lone_pair(text);
