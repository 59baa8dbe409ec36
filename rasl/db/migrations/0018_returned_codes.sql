-- Whether an answer to a send shows the one-time code that was made here (docs/otp.md).
alter table tenants add column otp_return_generated_code boolean not null default false;
