/** Who sleeps, and who is just passing. */
import type { Edit, Mutation } from './mutation.ts'

const ASLEEP = {
  file: 'tests/wire/asleep.test.ts',
  title: 'a mail that was sent by another meanwhile is not completed by a worker that slept',
}

const PASSING = {
  file: 'tests/wire/just-passing.test.ts',
  title: 'a pause tells of every mail of its campaign that comes to the server after it',
}

/** A mail came of which the pause had not told. */
const UNTOLD = /expected \{ told: \+0, came: 1 \}/

const DOT_CLOCKS: Edit = {
  file: 'src/delivery/gated-mail.ts',
  from: 'if (elapsedMs > this.#options.dotWithinMs)',
  to: 'if (Number.isNaN(elapsedMs))',
}

const DOT_TIMER: Edit = {
  file: 'src/delivery/dialogue.ts',
  from: 'dotTimer = setTimeout(() => session.end(tooLate(dotWithinMs, dotWithinMs)), dotWithinMs)',
  to: 'dotTimer = setTimeout(() => undefined, dotWithinMs)',
}

/** The dot, and the barrier. */
export const TIME_GUARDS: readonly Mutation[] = [
  {
    name: 'dot-clocks',
    off: 'the look at three clocks before the end of the content is released (a process that wakes sees to its sockets before its timers: the timer alone comes too late)',
    edits: [DOT_CLOCKS],
    test: ASLEEP,
    says: /expected \[ 'lead1@people\.example', …\(1\) \] to deeply equal/,
  },
  {
    name: 'dot-timer',
    off: 'the timer from fence to dot',
    edits: [DOT_TIMER],
    test: ASLEEP,
    heldBy: 'the look at three clocks before the end of the content is released',
  },
  {
    name: 'pause-takes-no-barrier',
    off: 'the pause barrier: who pauses does not wait for the fences that are just passing',
    edits: [
      {
        file: 'migrations/000006_fence.sql',
        from: `perform pg_advisory_xact_lock(goniec.lock_key('barrier'));`,
        to: '',
      },
    ],
    test: PASSING,
    says: UNTOLD,
  },
  {
    name: 'fence-takes-no-barrier',
    off: 'the other side of it: the fence does not take the barrier',
    edits: [
      {
        file: 'migrations/000006_fence.sql',
        from: `perform pg_advisory_xact_lock_shared(goniec.lock_key('barrier'));`,
        to: '',
      },
    ],
    test: PASSING,
    says: UNTOLD,
  },
]
