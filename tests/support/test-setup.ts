/** Runs in every test file: gives the databases of passed tests back. Set-up hooks run last, after the file's own clean-up. */
import { afterAll, afterEach, type RunnerTask } from 'vitest'
import { releaseTestDatabases } from './database.ts'

afterEach(async ({ task }) => releaseTestDatabases(task, hasFailed(task)))
// oxlint-disable-next-line no-empty-pattern -- vitest takes the parameter apart and insists on a pattern
afterAll(async ({}, file) => releaseTestDatabases(undefined, hasFailed(file)))

function hasFailed(task: RunnerTask): boolean {
  if (task.result?.state === 'fail') return true
  return 'tasks' in task && task.tasks.some(hasFailed)
}
