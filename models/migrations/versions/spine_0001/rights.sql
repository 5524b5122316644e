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

grant insert on audit, unplanned, exposure_limit to breakwater_app;
-- Not the id and the transaction, which say what a plan has known of.
grant insert (at, auditor, work_date, entry, category, severity, modality, seconds, items, slot) on ledger
    to breakwater_app;
-- What was proposed stays as it was, and a limit's change is counted by its guard alone.
grant insert, update (state, decided_by, decided_at) on limit_proposal to breakwater_app;
grant update (policy) on installation to breakwater_app;
grant insert, update on
    policy, auditor, shift, work_day, item, plan, slot, task, token, idempotency
    to breakwater_app;
grant delete on shift, idempotency to breakwater_app;

revoke execute on all functions in schema public from public;
grant execute on function
    limits_lock(), refuse_old_snapshots(), lock_guards(text[]), lock_limits(),
    exposure_measured(exposure_use, text, smallint, bigint, bigint, bigint),
    effective_amount(bigint, text, smallint), limits_passed(exposure_touched[]),
    exposure_use_of(text[], smallint, text), ledger_sums(integer), set_dose_weights(jsonb),
    lower_limit(text, bigint), approve_raise(bigint, text, timestamptz),
    limits_of(text, date), selection_in_words(text[], smallint, smallint, text),
    as_measured(numeric, text), units_in_one(text),
    limit_in_words(text, text, integer, numeric, numeric, numeric),
    work_date_of(text, timestamptz), slot_reserved(bigint, date), part_of_address(text)
    to breakwater_app;
