grant select on outcome, waiting_escalation, notice to breakwater_app;
grant insert, update, delete on waiting_escalation to breakwater_app;
-- What was found and told stays as it was.
grant insert on outcome to breakwater_app;
grant insert (addressee, work_date, kind, sentence, detail, at), update (seen_at) on notice to breakwater_app;

revoke execute on function tell_of_notices(), number_notice() from public;
revoke execute on function
    looked_at(timestamptz, timestamptz, tstzmultirange, tstzmultirange, timestamptz),
    looked_seconds(tstzmultirange), is_paused(tstzmultirange), there_from(shift), there_until(shift)
    from public;
grant execute on function
    looked_at(timestamptz, timestamptz, tstzmultirange, tstzmultirange, timestamptz),
    looked_seconds(tstzmultirange), is_paused(tstzmultirange), there_from(shift), there_until(shift)
    to breakwater_app;
