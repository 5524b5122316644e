-- What the application's role may do. It owns nothing; the sums, the guards and the weights it can only read,
-- and what was written to the ledger or the audit trail stays as it was.

do $$
begin
    if not exists (select from pg_roles where rolname = 'breakwater_app') then
        create role breakwater_app nologin;
    end if;
    if not pg_has_role(current_user, 'breakwater_app', 'member') then
        execute format('grant breakwater_app to %I', current_user);
    end if;
end
$$;

revoke create on schema public from public;
grant usage on schema public to breakwater_app;

grant select on all tables in schema public to breakwater_app;
do $$
declare
    part regclass;
begin
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'ledger'::regclass loop
        execute format('revoke all on %s from breakwater_app', part);
    end loop;
end
$$;

grant insert on ledger, audit, unplanned, exposure_limit to breakwater_app;
grant insert, update on
    policy, installation, limit_proposal, auditor, shift, work_day, item, plan, slot, task, token, idempotency
    to breakwater_app;
grant delete on shift, idempotency to breakwater_app;

revoke execute on all functions in schema public from public;
grant execute on function
    limits_lock(), lock_guards(text[]), exposure_measured(exposure_use, text, smallint, bigint, bigint, bigint),
    effective_amount(bigint, text, smallint), limits_passed(exposure_touched[]),
    exposure_use_of(text[], smallint, text), ledger_sums(integer), set_dose_weights(jsonb),
    lower_limit(text, bigint), approve_raise(bigint, text, timestamptz)
    to breakwater_app;
