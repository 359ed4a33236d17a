-- Recover: ends what a vanished worker has left, by what was durably recorded and nothing else.
--
-- Owns       claimed -> aborted, and transmitting -> in_doubt, of attempts whose worker is gone or whose time is over.
-- Promises   an attempt that had not passed its fence surely sent nothing: its mail is pending again, with its slot as it was; an attempt that
--            had may have been accepted: its mail is in doubt, and nothing sends it again on its own. A worker's own attempts are spared.
-- Leaves     who is gone to the caller, who holds the lock on the worker's name: p_gone are incarnations whose session is gone, p_seen_gone those
--            of them whose process was seen gone as well.
--
-- Its shape, and why:
--   The lock on a name proves a session gone, not a process. A doubtful attempt's mailbox therefore waits until the attempt's deadline, unless
--   the process was seen gone: then its sockets are closed.
--   Attempts are locked in id order, skipping locked ones (somebody is just settling them), then messages in id order.
--   What an aborted attempt took stays taken (its worker may have offered the mail to the server), but for one that its own worker never held.

create function goniec.recover(
  p_incarnation bigint,
  p_gone bigint[] default '{}',
  p_seen_gone bigint[] default '{}',
  p_held bigint[] default null)
returns table (attempt_id bigint, message_id bigint, state text)
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := goniec.now();
  v_lost bigint[];
begin
  v_lost := array(
    select a.id from goniec.attempt a
    where a.state in ('claimed', 'transmitting')
      and case
            when a.incarnation_id is not null and a.incarnation_id is not distinct from p_incarnation then a.state = 'claimed' and p_held is not null and a.id <> all (p_held)
            else coalesce(a.incarnation_id = any (p_gone), false)
                 or (a.state = 'claimed' and a.lease_until <= v_now)
                 or (a.state = 'transmitting' and a.deadline_at <= v_now)
          end
    order by a.id
    for no key update skip locked);
  perform m.id from goniec.message m where m.id in (select a.message_id from goniec.attempt a where a.id = any (v_lost)) order by m.id for no key update;

  return query
  with
  lost as materialized (
    select a.* from goniec.attempt a where a.id = any (v_lost)
  ),
  ended as (
    update goniec.attempt a
    set state = case l.state when 'claimed' then 'aborted' else 'in_doubt' end,
        outcome = case l.state when 'claimed' then 'aborted' else 'unknown' end,
        response = case l.state when 'claimed' then 'its worker was gone before any content went out' else 'its worker was gone before the server''s answer was known' end,
        finished_at = v_now, ended_by = 'recovery',
        give_back = l.state = 'claimed' and l.incarnation_id is not distinct from p_incarnation and p_incarnation is not null
    from lost l
    where a.id = l.id
    returning a.id, a.message_id, a.mailbox_id, a.state, a.incarnation_id, l.deadline_at, l.state as state_before
  ),
  quarantined as (
    update goniec.mailbox_gate g
    set free_from = greatest(g.free_from, e.deadline_at)
    from ended e
    where g.mailbox_id = e.mailbox_id and e.state = 'in_doubt' and e.incarnation_id <> all (p_seen_gone)
  ),
  messages as (
    update goniec.message m
    set status = case when e.state = 'in_doubt' then 'in_doubt' when goniec.is_out(m) then 'cancelled' else 'pending' end,
        uncounted_attempts = m.uncounted_attempts + (e.state = 'aborted')::integer,
        held_reason = case when e.state = 'aborted' and m.uncounted_attempts >= 9 then 'ten attempts ended through no fault of the mail' else m.held_reason end,
        rfc_message_id = coalesce(m.rfc_message_id, (select c.headers ->> 'message-id' from goniec.message_content c where c.message_id = m.id and e.state = 'in_doubt'))
    from ended e
    where m.id = e.message_id
  )
  select e.id, e.message_id, e.state from ended e;
  perform goniec.finish_business(null);
end $$;

comment on function goniec.recover(bigint, bigint[], bigint[], bigint[]) is
  'Ends attempts of vanished workers, and of time that ran out. p_held: what the calling worker holds in memory; its other claimed attempts are aborted (a claim whose reply was lost).';
