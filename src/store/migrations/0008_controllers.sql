-- Several controllers on one database: who they are, and to whom the leader hands over.

-- To whom the leader wants to give the lead; empty for nobody. An empty holder: given up, to be
-- taken at once.
alter table lease add column successor text not null default '';

-- Each controller counts here that it is alive; a row whose count stands still is of one that died.
create table controllers (
  name text primary key,
  url text not null,
  version text not null,
  started_ms bigint not null,
  beats bigint not null,
  last_event_seq bigint not null
);
