/**
 * Every fault at every stage of the dialogue, one run each, all through one worker process: `npm run proof -- --block B` tries each fifty times.
 * A cell here is what it is there; only that all stages share their world is different.
 */
import { afterEach, beforeAll, expect, test } from 'vitest'
import type { Run } from '../../proof/cell.ts'
import { onGround } from '../../proof/gather.ts'
import { drawCourse } from '../../proof/mail-server/course.ts'
import { FAULTS } from '../../proof/mail-server/faults.ts'
import { openSevered } from '../../proof/mail-server/severed.ts'
import { STAGES } from '../../proof/mail-server/stages.ts'
import { tryCourses } from '../../proof/mail-server/try.ts'
import { endWorkers } from '../support/worker-process.ts'
import { serverOfTests } from './sample.ts'

/** What a busy machine has missed is tried again. */
const SEEDS = [1, 2, 3]

const server = serverOfTests()
const tried = new Map<string, Run>()

beforeAll(async () => {
  await using severed = await openSevered()
  const all = STAGES.flatMap((stage) => FAULTS.map((fault) => ({ stage, fault, name: `${stage}/${fault}` })))
  for (const seed of SEEDS) {
    const left = all.filter(({ name }) => !isOver(tried.get(name)))
    const courses = left.map(({ stage, fault }) => drawCourse(stage, fault, seed, severed))
    if (courses.length === 0) return
    const runs = await onGround(server, (ground) => tryCourses(courses, severed, ground))
    for (const [index, run] of runs.entries()) tried.set(left[index]?.name ?? '', run)
  }
}, 900_000)

afterEach(endWorkers)

function isOver(run: Run | undefined): boolean {
  return run !== undefined && (run.hit !== null || run.violations.length > 0)
}

test.each(STAGES.flatMap((stage) => FAULTS.map((fault) => ({ stage, fault }))))(
  'after $fault at $stage each mail has ended as it must, and nobody has got one twice',
  ({ stage, fault }) => {
    const run = tried.get(`${stage}/${fault}`)
    expect(run?.violations).toEqual([])
    expect(run?.hit).toMatch(stage === 'next-mail' ? /^next-mail, connection 1, mail 2/ : new RegExp(`^${stage}, `))
  },
)

test('a doubt is what the server took or lost behind the dot without a whole answer, and nothing else', () => {
  const doubtful = [...tried].filter(([, { doubts }]) => doubts > 0).map(([name]) => name)
  expect(doubtful.length).toBeGreaterThan(5)
  expect(doubtful.filter((name) => !name.startsWith('dot/'))).toEqual([])
})
