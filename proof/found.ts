/** What the proof has found: kept by hand, since a count does not say what a defect was. */
// long: data, a finding after the other
export interface Finding {
  /** Where: a cell's name, or the beginning of several. */
  where: string
  /** What was wrong, in a sentence or two. */
  what: string
  /** How it is mended, and where the test of it stands; or why it stays. */
  mended: string
  /** Runs on record that it broke. What their cells had been tried before counts no more: it was another goniec. */
  broke?: readonly BrokenRun[]
}

/** A run by its cell and its seed. */
export interface BrokenRun {
  cell: string
  seed: number
}

export const FOUND: readonly Finding[] = [
  {
    where: 'D/worker',
    what: 'A worker whose host was an hour behind the database booked its next wake-up by its own clock, so that it was due at once, again and again: 1,300 transactions a second for nothing. One whose host was ahead was woken too late.',
    mended: 'The database reckons when a job is due: `tests/worker/clock.test.ts`.',
  },
  {
    where: 'D/worker',
    what: 'A host that was a day ahead for a moment stopped, for a day and for every worker, what is done each minute (plan, recovery): the cron of the engine remembers the last minute by the wall clock of the host, in the database. A restart did not help.',
    mended: 'Workers take turns by their own monotonic clocks: `goniec.take_minute`, `tests/worker/clock.test.ts`.',
  },
  {
    where: 'D/database',
    what: 'A database whose clock was a day ahead for a moment, and was set back, held every mailbox and campaign that had sent meanwhile for a day: their last mail lay in the future. So did the lease of a worker that vanished.',
    mended: 'Such instants count as now: `goniec.mend_instants`, `tests/delivery/mend-instants.test.ts`.',
  },
  {
    where: 'B/*/endless',
    what: 'A server that sent empty lines without end held the worker for minutes: nodemailer works on each of them, long after the connection was over, and mails of other mailboxes outlived their leases meanwhile. Nobody was mailed twice.',
    mended:
      'Twenty empty lines in a row end the connection, as a reply of too many lines does (tests/delivery/dialogue-matrix.test.ts).',
  },
  {
    where: 'G',
    what: 'Two attempts at a mail in doubt, one after the other (a person had resolved the first as not sent), and then the server’s late answer to the first: it had taken the mail. The mail was not set aside, since it was in doubt again: a late refusal of the second attempt, or a second “not sent”, mailed the lead once more although goniec knew better.',
    mended: 'Such a mail is set aside in doubt too: `tests/delivery/settle-doubts.test.ts`, `tests/cli/doubt.test.ts`.',
  },
  {
    where: 'G/fence-lease',
    what: 'Two tests that a worker which slept, or whose name was taken, puts no byte behind the 354 could not fail: the server of the tests read no content behind a DATA that it had held up.',
    mended:
      'It does now, and both are red without the fence: `tests/crash/stopped.test.ts`, `tests/crash/usurped.test.ts`.',
  },
  {
    where: 'G',
    what: 'A mail of a step that had been taken out of its campaign could still go out, more than a day later: where it had been in doubt meanwhile and was resolved as not sent, or where every worker had been away. The sweep behind removed steps looked at those of the last day.',
    mended: 'Who resolves a doubt sweeps, and so does a worker that starts: `tests/campaigns/sweep-retired.test.ts`.',
  },
  {
    where: 'C/*/silent',
    what: 'Packets that vanish tell nobody, and nothing but the dialogue with the mail server had a time limit: a claim, an outcome or a plan waited for as long as the kernel does, a quarter of an hour, or for ever behind a proxy; a worker whose plan hung so did not go on when its database was back.',
    mended:
      'A connection that owes an answer for too long is broken, and the session asks whether its server is there: `tests/database/silence.test.ts`.',
  },
  {
    where: 'C/claim/request-late',
    what: 'A claim whose answer was lost and which committed only after it had been looked for stayed claimed, and its mailbox busy, until the worker was started again: recovery spares what is a worker’s own.',
    mended: 'It is looked for again when its lease is over: `tests/delivery/recover.test.ts`.',
  },
  {
    where: 'C/settle/cancelled-wait-forgotten',
    what: 'An outcome whose wait for a synchronous standby was cancelled counted as written. When that standby was promoted the mail was on its way for ever, as far as the database knew.',
    mended: 'The outcome is kept and written again until the standby has it: `tests/proof/postgres.test.ts`.',
  },
  {
    where: 'C/claim/cancelled-wait-forgotten',
    what: 'Read, not seen: after a failover that forgot a claim its number could be given to another claim of the same worker, and a dialogue that was still before its fence would have passed with it.',
    mended:
      'What was claimed before the session was lost passes no fence when it is back: `tests/worker/tenure.test.ts`.',
  },
  {
    where: 'C/failover',
    what: 'Read, then seen in SQL: an outcome named its attempt by number and worker. After a failover that forgot a claim the number can be given to another claim of the same worker; “ended before its fence” of the old one would have put a mail back that was on its way, and it would have been mailed twice.',
    mended: 'An outcome names the instant of its claim as well: `tests/delivery/settle.test.ts`.',
  },
  {
    where: 'logbook',
    what: 'A worker whose newest logbook was spoilt, and moved away as the error says, gave its number to the next one, and said after a restore that it knew all: what stood in it could have been sent again without anybody being asked.',
    mended: 'The number is not given again, and its gap tells: `tests/worker/logbook.test.ts`.',
  },
  {
    where: 'D/worker/-15m-out-of-summer-time/planning',
    what: 'A worker that was told to stop in the minute in which its logbook turns over to the next day’s file wrote to a file that was closed already, took its disk for broken, and ended with 1, when all was done.',
    mended:
      'What comes behind the closing is not written, and the turn is part of the write: `tests/worker/logbook.test.ts`.',
  },
  {
    where: 'E/7-workers',
    what: 'Nothing of goniec: the proof itself took slots back without saying why, to let time pass, and the audit found twelve such moves.',
    mended: 'It says that they are tried again, as whoever takes a slot back has to (proof/hurry.ts).',
    broke: [{ cell: 'E/7-workers', seed: 1 }],
  },
  {
    where: 'E/3-workers',
    what: 'Nothing of goniec: the proof itself let the time pass for which a mailbox was held back, and not for the mails that the plan had put off until then. When all others were out it took the two minutes in which nothing happened for the end.',
    mended: 'It takes those slots back as well (proof/many/world.ts).',
    broke: [{ cell: 'E/3-workers', seed: 2 }],
  },
  {
    where: 'B/rcpt/dripping',
    what: 'Nothing of goniec: the proof’s mail server said yes to a recipient, a byte at a time, and had not taken it: it refused the DATA that stood in the same packet.',
    mended: 'It takes whom it says yes to (proof/mail-server/faults.ts).',
    broke: [7, 12, 23, 25, 30, 45].map((seed) => ({ cell: 'B/rcpt/dripping', seed })),
  },
  {
    where: 'B/data/half-open',
    what: 'Nothing of goniec: with the answer to DATA the kernel dropped those to MAIL and RCPT, which had just been written. Goniec, which had heard nothing, put it down to the mailbox and sent the mail once, later; the proof wanted it put down to the mail.',
    mended: 'Either is right where the envelope is pipelined (proof/mail-server/judge.ts).',
    broke: [{ cell: 'B/data/half-open', seed: 45 }],
  },
  {
    where: 'B/body/dripping',
    what: 'Nothing of goniec: of two mails whose server read a little at a time, the buffers of a busy machine took the whole. Goniec had nothing left to write, waited for the answer to the dot, and put them in doubt; the proof, which wanted them aborted, had reckoned that no buffer is so large.',
    mended: 'Either is right there (proof/mail-server/judge.ts).',
    broke: [43, 44].map((seed) => ({ cell: 'B/body/dripping', seed })),
  },
  {
    where: 'B/*/disk full',
    what: 'Nothing of goniec: the proof tried mails again, many times a second, while the queue of the server had no room, and after ten tries goniec sets a mail aside or gives it up, as it should. The proof took that for a mail without an end.',
    mended: 'Nothing is hurried while the disk is full (proof/mail-server/scenarios.ts).',
    broke: [
      ...[16, 17, 18, 19, 20, 26, 28, 29, 30].map((seed) => ({ cell: 'B/opensmtpd/disk full', seed })),
      ...[6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20].map((seed) => ({ cell: 'B/postfix/disk full', seed })),
    ],
  },
  {
    where: 'C/standby',
    what: 'A worker says each minute that it is there, on the session that holds its name. With a synchronous standby away that commit waited without end; the worker gave the session up as silent, and the server went on holding the name for it, so that the worker could not take it back, nor start again under it, before the standby was there.',
    mended: 'That commit waits for no standby: `tests/crash/standby-away.test.ts`.',
  },
  {
    where: 'C/standby',
    what: 'A connection that was given up as silent lived on at the server while its statement waited for a lock, which a commit that waited for a standby held: each try took another connection, until the server had none left, not even for whoever came to help.',
    mended: 'The server ends what nobody waits for any more: `tests/database/silence.test.ts`.',
  },
  {
    where: 'logbook',
    what: 'A mail that was on the wire when a restored database was told of it was put in doubt, and stayed there: the server’s yes, which came a moment later and stands in the logbook, was told again each minute and left aside. Whoever had then resolved it as not sent would have had it mailed twice, though goniec knew better.',
    mended: 'A yes that is told later counts: `tests/delivery/recall-mails.test.ts`.',
  },
  {
    where: 'C/recover/reset',
    what: 'A connection that broke while graphile-worker waited for the answer to LISTEN, as its runner was let go of, was given back to its pool twice, and nobody took the error of the second time: the worker ended, and its mails waited until it was started again.',
    mended: 'The second time does nothing: `tests/worker/engine-pool.test.ts`.',
    broke: [{ cell: 'C/recover/reset', seed: 3 }],
  },
  {
    where: 'C/restored',
    what: 'A worker that was started after a person had let a restored database send held everything once more: the last position in its logbook was above that of the server that had been set back.',
    mended: 'What was reported is written down in the logbook: `tests/wire/restored.test.ts`.',
  },
  {
    where: 'C/restored',
    what: 'A mail that no plan had looked at when the backup was made had no time yet, so that it was not among those that were due in the forgotten time. Where its worker had lost its logbook, and was named as lost, the mail was sent once more.',
    mended: 'It is in doubt like the others: `tests/crash/restore.test.ts`.',
  },
  {
    where: 'C/restored/asynchronous-standby',
    what: 'A forgotten mail that was being claimed anew, after its lead had been imported again, was put on record with a fence before its claim, and the audit said so. Nobody was mailed twice.',
    mended:
      'It is left to its fence, which refuses it, and put on record a minute later: `tests/proof/restored.test.ts`.',
  },
  {
    where: 'G/recovered-as-unsent-unguarded',
    what: 'The test that a mail whose worker was killed behind the dot is not sent again could not fail: it looked for mails to send before the next worker had recovered anything.',
    mended:
      'It waits for the recovery and the plan behind it, and is red without the guards: `tests/wire/doubt.test.ts`.',
  },
  {
    where: 'C/restored',
    what: 'Suspected by a reader, then seen between two sessions: of two that put one forgotten mail on record at once (workers that report, a worker and a person who gives another one up, a claim just then) one failed, or both waited for each other until the server ended one. Its report was lost until the worker’s next look, and with it what it alone knew. Nobody was mailed twice in any of the orders tried.',
    mended:
      'They do it one after the other, and what is claimed just then waits for its fence: `tests/race/recall.test.ts`.',
  },
  {
    where: 'G/many-unknown-is-retried',
    what: 'A worker ended, and called it a defect of goniec, where the lease of its mail was over by the database’s clock while the mail server was slow: recovery had freed the mailbox, the next claim brought it a mail, and its connection was still at the one before. Nobody was mailed twice, and its supervisor started it again. Seen with a guard off, and then in a test with all of them on.',
    mended: 'The next mail waits for the end of that dialogue: `tests/wire/taken-away.test.ts`.',
    broke: [{ cell: 'G/many-unknown-is-retried', seed: 1 }],
  },
  {
    where: 'G/lead-all',
    what: 'Three tests could miss what was switched off: one looked in a world whose campaign ended meanwhile, which cancels what is left; one asked the claim in the worker’s stead and took back what it had set aside; one waited for a second connection that the worker’s own queue kept back.',
    mended:
      '`tests/wire/replied.test.ts`, `tests/wire/limits.test.ts` and `tests/wire/one-at-a-time.test.ts` turn red each time.',
    broke: [
      { cell: 'G/campaign-capacity-condition', seed: 1 },
      { cell: 'G/lead-all', seed: 1 },
      { cell: 'G/mailbox-lock-index-and-claim', seed: 1 },
    ],
  },
  {
    where: 'C/*/too-many-connections',
    what: 'Where the database had no connection left at the moment in which a worker took its engine up again, the engine never ran a job after that, and said nothing: graphile-worker keeps the answer to its very first question, which numbers its tasks have, and kept this refusal too. What was planned went out; new plans, which are jobs, were not made until the worker was started again. Seen on a machine that was busy with much else.',
    mended:
      'An engine that cannot ask for its jobs is said so, and started again: `tests/worker/engine.test.ts` "an engine that had no connection left when it asked for its first job runs jobs as soon as there is one".',
    broke: [
      { cell: 'C/claim/too-many-connections', seed: 13 },
      { cell: 'C/fence/too-many-connections', seed: 3 },
      { cell: 'C/settle/too-many-connections', seed: 6 },
      { cell: 'C/settle/too-many-connections', seed: 9 },
      { cell: 'C/settle/too-many-connections', seed: 12 },
      { cell: 'C/idle/too-many-connections', seed: 6 },
      { cell: 'C/plan/too-many-connections', seed: 25 },
    ],
  },
  {
    where: 'C/claim/killed',
    what: 'A database that was lost in the half second between a worker’s first claim and the end of its start ended the worker, as one does that is not there at all: what was in flight had its outcome written if the database came back soon enough, and was a doubt otherwise.',
    mended:
      'With its name taken, that is an outage like any other: `tests/worker/engine.test.ts` "a worker that loses its connection in the first thing that it does goes on when the database is back".',
    broke: [{ cell: 'C/claim/killed', seed: 11 }],
  },
  {
    where: 'E/3-workers',
    what: 'A worker whose session was cut in the moment in which its engine started ended, and called it a defect of goniec: the engine had been let go of with the lost database, its pool taken from it, and what it said of that came back as a failure of the start. Its supervisor started it again.',
    mended:
      'Whoever lets go of an engine starts it again, so that a start given up is no failure: `tests/worker/engine.test.ts` "an engine that is let go of while its start has hardly begun can be started again before that has ended".',
    broke: [{ cell: 'E/3-workers', seed: 12 }],
  },
  {
    where: 'E/2-workers',
    what: 'Nothing of goniec: the proof wanted a response sent whose lead had been blocked behind its asking. It waits, as is decided, for whoever has blocked him.',
    mended: 'Such a response is accounted for (`proof/invariants.ts`).',
    broke: [{ cell: 'E/2-workers', seed: 17 }],
  },
  {
    where: 'C/recover/promotion',
    what: 'Nothing of goniec: the harness let the time pass until which a mail was put off, and not the place that a plan had given it for then, five minutes later.',
    mended: 'It takes both away, as the other blocks do (`proof/hurry.ts`).',
    broke: [{ cell: 'C/recover/promotion', seed: 7 }],
  },
  {
    where: 'B/next-mail',
    what: 'Read, then seen: a mail that was handed to a kept connection in the very moment in which its server ended it got the refusal of the mail before; a lead could be marked as bounced, and suppressed, for another’s address.',
    mended: 'Nothing is known of a mail before it was spoken of: `tests/delivery/dialogue.test.ts`.',
  },
  {
    where: 'E/8-workers',
    what: 'Nothing of goniec: three runs at once are twenty-four workers, and the server had three hundred connections. A worker that began had its name, and none left for its engine; it said so and ended, as is decided, and the proof took that for an end without a reason.',
    mended: 'It is started again, as a supervisor would (`proof/many/crew.ts`).',
    broke: [
      { cell: 'E/8-workers', seed: 11 },
      { cell: 'E/8-workers', seed: 14 },
    ],
  },
]

/** Of all findings. */
export const MENDED: readonly BrokenRun[] = FOUND.flatMap(({ broke }) => broke ?? [])
