-- Who may do what. The owner (whoever migrates) and operators: everything, held by the guards. goniec_worker: what a worker does, and no more.
-- goniec_reporter: reading. Roles belong to the whole server; a user who may not create them is told so, and can grant later.

do $$
begin
  if not exists (select from pg_roles where rolname = 'goniec_worker') then create role goniec_worker nologin; end if;
  if not exists (select from pg_roles where rolname = 'goniec_reporter') then create role goniec_reporter nologin; end if;
exception
  when insufficient_privilege then
    raise notice 'the roles goniec_worker and goniec_reporter were not created: this user may not create roles';
  when duplicate_object or unique_violation then
    null; -- Another database of this server was migrated at the same moment.
end $$;

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant usage on schema goniec to goniec_reporter;
    grant select on all tables in schema goniec to goniec_reporter;
  end if;
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant usage on schema goniec to goniec_worker;
    grant select on all tables in schema goniec to goniec_worker;
    grant insert, update on goniec.message, goniec.attempt, goniec.message_content, goniec.message_material, goniec.incarnation,
      goniec.mailbox_day, goniec.campaign_day, goniec.salesperson_day, goniec.domain_day, goniec.domain_hour to goniec_worker;
    grant insert, delete on goniec.lead_day to goniec_worker;
    grant insert on goniec.event, goniec.contradiction, goniec.suppression to goniec_worker;
    grant update on goniec.mailbox_gate, goniec.campaign_gate to goniec_worker;
    grant update (status, status_reason, version) on goniec.mailbox to goniec_worker;
    grant update (status, status_reason, started_at, completed_at) on goniec.campaign to goniec_worker;
    grant update (bounced_at) on goniec.lead to goniec_worker;
    grant update (worker, answered_at, ok, response) on goniec.login_check to goniec_worker;
    grant delete on goniec.message_content, goniec.domain_day, goniec.domain_hour to goniec_worker;
    grant execute on all functions in schema goniec to goniec_worker;
  end if;
end $$;
