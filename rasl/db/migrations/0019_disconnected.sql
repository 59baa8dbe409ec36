-- A number that is disconnected says so in a column of its own. Its sealed access token is that of an empty text, which a
-- program that knows no such column opens, and Meta refuses: its messages wait, as with any token that is dead.
alter table whatsapp_numbers add column disconnected_at timestamptz;
update whatsapp_numbers set disconnected_at = now() where access_token_sealed = '';
