-- The step that a registered file belongs to: how far a program was when it wrote a checkpoint.
alter table artifacts add column step bigint;
