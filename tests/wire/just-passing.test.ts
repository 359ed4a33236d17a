/**
 * A fence is just being committed when somebody pauses: it has looked already, and nobody can see it yet. The pause returns behind it, and
 * says that one has passed; what comes to the server after it and was not told of is the broken promise.
 */
import { afterEach, expect, test } from 'vitest'
import { pauseCampaign } from '../../src/campaigns/pause.ts'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

let recorder: Recorder | undefined

afterEach(async () => {
  await endWorkers()
  await recorder?.close()
})

test('a pause tells of every mail of its campaign that comes to the server after it', async () => {
  const database = await createTestDatabase()
  recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  await database.query(SLOW_DISK)
  const disk = await database.session()
  await disk.query('select pg_advisory_lock(7)')
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, `select from pg_stat_activity where ${WAITS} and query like '%goniec.fence%'`)

  const pausing = pauseCampaign(database, 'campaign-1')
  await Promise.race([
    pausing,
    untilRow(database, `select from pg_stat_activity where ${WAITS} and query like '%goniec.pass_barrier%'`),
  ])
  await disk.query('select pg_advisory_unlock(7)')
  const { alreadyPassed } = await pausing
  await recorder.until(1)
  expect({ told: alreadyPassed, came: recorder.mails.length }).toEqual({ told: 1, came: 1 })
})

const WAITS = `datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()`

/** The content that a fence writes takes until the test says so: the fence has decided by then, and has not committed. */
const SLOW_DISK = `
  create function public.write_slowly() returns trigger language plpgsql as $$
  begin
    perform set_config('lock_timeout', '0', true);
    perform pg_advisory_xact_lock_shared(7);
    return new;
  end $$;
  create trigger write_slowly before insert on goniec.message_content for each row execute function public.write_slowly()`
