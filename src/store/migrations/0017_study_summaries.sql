-- How far a study came, so that a list of old ones needs none of their journals: JSON, or empty.
alter table studies add column summary text not null default '';
