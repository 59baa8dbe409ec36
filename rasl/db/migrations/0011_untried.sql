-- Set while a message that has files was never given to Meta: its process may die while it uploads them, and the message
-- is still known to be unsent. Messages without files never touch it.
alter table jobs add column is_untried boolean not null default false;
