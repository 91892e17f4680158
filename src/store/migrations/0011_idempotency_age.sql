-- Keys older than a day are forgotten at each submission that has one.
create index idempotency_age on idempotency (created_ms);
