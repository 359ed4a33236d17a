/** The proof's own judgement: a world that ended well has nothing broken in it, and each thing that can be broken is seen when it is. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createProofDatabase, type ProofDatabase } from '../../proof/database.ts'
import { checkFinished, countDoubts, type FinishedWorld } from '../../proof/invariants.ts'
import { openOracle, readOracle, type AcceptedMail } from '../../proof/oracle.ts'
import { shrinkBackOffs, SHRUNK } from '../../proof/shrunk.ts'
import { instantAt } from '../../src/time.ts'
import { makeFleet } from '../crash/fleet.ts'
import { startRecorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { serverOfTests } from './sample.ts'

const server = serverOfTests()
const directory = mkdtempSync(join(tmpdir(), 'goniec-proof-test-'))
let finished: ProofDatabase
let accepted: readonly AcceptedMail[]
let copy: ProofDatabase | undefined

/** Three leads with two mails each, and a response with an attachment; the third lead's first mail was refused for good. */
beforeAll(async () => {
  finished = await createProofDatabase(server)
  const oracle = openOracle(join(directory, 'accepted'))
  const mailServer = await startRecorder({
    onAccept: oracle.accept,
    refuse: { rcpt: ({ to }) => (to.startsWith('lead3') ? '554 5.7.1 Not wanted' : undefined) },
  })
  await makeFleet(finished, { mailboxes: 2, campaigns: 1, leads: 3, smtpPort: mailServer.port })
  await finished.query(`update goniec.mailbox set signature_text = 'Anna', name = 'Żaneta "Box"'`)
  const content = Buffer.from('A file').toString('base64')
  await finished.query(
    `select goniec.enqueue_response("to" => 'lead1@people.example', key => 'asked', subject => 'Answer ąę', text => 'Here', "from" => 'box1@team.example',
                                    attachments => $1)`,
    [JSON.stringify([{ filename: 'a.txt', contentType: 'text/plain', content }])],
  )
  await startWorker(finished.workerUrl, { args: ['--until-idle'], env: SHRUNK }).endedWell()
  oracle.close()
  await mailServer.close()
  // The response goes before campaign mail; the tests below want a campaign mail first.
  accepted = readOracle(oracle.path).toSorted(
    (one, other) => one.to.localeCompare(other.to) || other.subject.localeCompare(one.subject),
  )
  await finished.close()
})

afterEach(() => copy?.drop())

afterAll(async () => {
  await endWorkers()
  await (await createProofDatabase(server, { copyOf: finished.name })).drop()
  rmSync(directory, { recursive: true })
})

/** The world with this damage, done with every guard off. */
async function judge(damage: string[], changes: Partial<FinishedWorld> = {}): Promise<string[]> {
  copy = await createProofDatabase(server, { copyOf: finished.name })
  for (const statement of damage)
    await copy.query(`do $do$ begin set local session_replication_role = replica; ${statement}; end $do$`)
  return checkFinished({ database: copy, accepted, allDue: true, ...changes })
}

test('of a world that ended well nothing is broken', async () => {
  expect(accepted).toHaveLength(5)
  expect(await judge([], { faultless: true })).toEqual([])
})

test('a mail that was accepted twice is seen, also under another Message-ID', async () => {
  const [first] = accepted
  if (!first) throw new Error('there is a first mail')
  const other = { ...first, messageId: '<another@team.example>' }
  expect(await judge([], { accepted: [...accepted, first] })).toContainEqual(
    expect.stringMatching(/^"\w+ 1" to lead1@people.example was accepted 2 times/),
  )
  expect(await judge([], { accepted: [...accepted, other] })).toEqual([
    expect.stringMatching(/was accepted 2 times/),
    '<another@team.example> to lead1@people.example was accepted, and no message is known',
  ])
})

test('a mail that reached somebody else is seen', async () => {
  const [first, ...others] = accepted
  if (!first) throw new Error('there is a first mail')
  expect(await judge([], { accepted: [{ ...first, to: 'lead3@people.example' }, ...others] })).toEqual([
    expect.stringMatching(/was accepted for lead3@people.example, and .* is meant for/),
  ])
})

test('a mail that is called sent without having been accepted is seen', async () => {
  const broken = await judge([], { accepted: accepted.slice(1) })
  expect(broken).toEqual([expect.stringMatching(/is called sent, and the server never accepted it$/)])
})

test('a mail that was accepted and is called anything but sent or in doubt is seen', async () => {
  const broken = await judge([
    `update goniec.message set status = 'failed', failed_reason = 'x', sent_at = null where recipient = 'lead1@people.example' and step_key = 'intro'`,
  ])
  expect(broken).toContain('campaign-1/intro to lead1@people.example was accepted, and is failed')
})

test('a mail that nothing accounts for is seen', async () => {
  const failed = `recipient = 'lead3@people.example'`
  expect(await judge([`update goniec.message set failed_reason = null where ${failed}`])).toContain(
    'campaign-1/intro to lead3@people.example is failed, and nothing says why',
  )
  await copy?.drop()
  expect(await judge([`update goniec.message set status = 'pending' where ${failed}`])).toContainEqual(
    expect.stringMatching(
      /^campaign-1\/intro to lead3@people.example is pending at the end \(.+\), and everything was due$/,
    ),
  )
  await copy?.drop()
  const due = `update goniec.message set status = 'pending', scheduled_at = goniec.now() - interval '1 minute' where ${failed}`
  expect(await judge([due], { allDue: false })).toContain(
    'campaign-1/intro to lead3@people.example is due, and nobody has taken it',
  )
  await copy?.drop()
  expect(await judge([`update goniec.message set status = 'sending' where ${failed}`])).toContain(
    'campaign-1/intro to lead3@people.example is still called sending',
  )
})

test('a doubt is a defect where nothing went wrong, and a doubt that is not listed always', async () => {
  const inDoubt = `update goniec.message set status = 'in_doubt' where step_key = 'intro' and recipient = 'lead1@people.example'`
  const broken = await judge([inDoubt], { faultless: true })
  expect(broken).toContain('campaign-1/intro to lead1@people.example is in doubt, and nothing had gone wrong')
  expect(broken).toContain('campaign-1/intro to lead1@people.example is in doubt, and is not listed')
  expect(copy && (await countDoubts(copy))).toBe(1)
})

test('other bytes than those that the ledger keeps are seen', async () => {
  const broken = await judge([
    `update goniec.message_content set text = text || ' ' where message_id = (select min(message_id) from goniec.message_content)`,
  ])
  expect(broken).toEqual([expect.stringMatching(/was accepted with other bytes than the ledger keeps$/)])
  await copy?.drop()
  const gone = await judge([
    `delete from goniec.message_content where message_id = (select min(message_id) from goniec.message_content)`,
  ])
  expect(gone).toContainEqual(expect.stringMatching(/^of .*, which was accepted, no content is kept$/))
})

test('an attempt that has not ended is seen', async () => {
  const broken = await judge([
    `update goniec.attempt set state = 'transmitting' where id = (select min(id) from goniec.attempt where state = 'accepted')`,
  ])
  expect(broken).toContainEqual(expect.stringMatching(/^attempt \d+ is still transmitting$/))
})

test('a fence that was passed after a stop had returned is seen', async () => {
  const from = instantAt(0)
  expect(await judge([], { stops: [{ of: 'campaign', name: 'campaign-1', from }] })).toHaveLength(4)
  await copy?.drop()
  expect(await judge([], { stops: [{ of: 'recipient', name: 'lead2@people.example', from }] })).toHaveLength(2)
  await copy?.drop()
  expect(await judge([], { stops: [{ of: 'recipient', name: 'people.example', from }] })).toHaveLength(5)
  await copy?.drop()
  expect(await judge([], { stops: [{ of: 'all', from, until: instantAt(1) }] })).toEqual([])
})

test('a fence that was passed when the lease was over is seen', async () => {
  const broken = await judge([
    `update goniec.attempt set lease_until = transmitting_at - interval '1 ms' where transmitting_at is not null`,
  ])
  expect(broken.filter((what) => what.includes('passed its fence when it was no longer'))).toHaveLength(5)
})

test('what the audit finds is told', async () => {
  const broken = await judge([`update goniec.mailbox_day set campaign_taken = campaign_taken + 1`])
  expect(broken).toContainEqual(expect.stringMatching(/^the audit finds \d+ rows that break a-mailbox-day-counts/))
})

test('back-offs shrink to a sixtieth, and grow as they did', async () => {
  copy = await createProofDatabase(server)
  const seconds = (): Promise<unknown[]> =>
    (copy ?? finished).query(
      `select extract(epoch from goniec.backoff(n, 7))::float8 as mail, extract(epoch from goniec.mailbox_backoff(n, 7))::float8 as mailbox
       from generate_series(1, 5) n`,
    )
  const before = (await seconds()) as { mail: number; mailbox: number }[]
  await shrinkBackOffs(copy)
  const after = (await seconds()) as { mail: number; mailbox: number }[]
  for (const [index, { mail, mailbox }] of after.entries()) {
    expect(mail * 60).toBeCloseTo(before[index]?.mail ?? 0, 2)
    expect(mailbox * 60).toBeCloseTo(before[index]?.mailbox ?? 0, 2)
  }
})
