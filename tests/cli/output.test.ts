import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createOutput, type Output } from '../../src/cli/output.ts'
import { confirm } from '../../src/cli/prompt.ts'
import { Temporal } from '../../src/time.ts'

/** An output onto streams that can be read afterwards. */
function capture({ json = false, terminal = false } = {}): {
  output: Output
  stdout: () => string
  stderr: () => string
} {
  const [stdout, stderr] = [stream(terminal), stream(terminal)]
  return {
    output: createOutput(() => json, { stdout, stderr }),
    stdout: () => String(stdout.read() ?? ''),
    stderr: () => String(stderr.read() ?? ''),
  }
}

function stream(isTTY: boolean): NodeJS.WriteStream {
  return Object.assign(new PassThrough(), { isTTY, columns: 40 }) as unknown as NodeJS.WriteStream
}

const AT = Temporal.Instant.from('2026-12-01T08:00:05.123456Z')

test('a table is aligned, with numbers to the right, local times and no trailing blanks', () => {
  const { output, stdout } = capture()
  output.table(
    [
      { name: 'wiosna', mails: 7, at: AT },
      { name: 'żółć', mails: 120, at: null },
    ],
    [
      { header: 'campaign', value: ({ name }) => name },
      { header: 'mails', value: ({ mails }) => mails },
      { header: 'next', value: ({ at }) => at },
    ],
  )
  expect(stdout()).toBe(
    ['campaign  mails  next', 'wiosna        7  2026-12-01 09:00', 'żółć        120  –', ''].join('\n'),
  )
})

test('a wide character takes two columns, and what turns the direction of writing none', () => {
  const { output, stdout } = capture()
  const names = ['\u{1F680} go', 'wiosna', 'a\u202Eb']
  output.table(names, [
    { header: 'name', value: (name) => name },
    { header: 'is', value: () => 'x' },
  ])
  expect(stdout()).toBe(['name    is', '\u{1F680} go   x', 'wiosna  x', 'ab      x', ''].join('\n'))
})

test('local times are those of the installation’s zone, with seconds where asked', () => {
  const { output, stdout } = capture()
  output.timeZone = 'America/New_York'
  output.table([AT], [{ header: 'at', value: (at) => at, seconds: true }])
  expect(stdout()).toBe('at\n2026-12-01 03:00:05\n')
})

test('an empty table is a word on stderr, and nothing on stdout', () => {
  const { output, stdout, stderr } = capture()
  output.table([], [])
  expect([stdout(), stderr()]).toEqual(['', 'Nothing to show.\n'])
})

test('control characters in somebody’s name do not reach the terminal', () => {
  const { output, stdout } = capture()
  output.properties([['name', 'Jan\u001b[2J\nKowalski']])
  expect(stdout()).toBe('name  Jan [2J Kowalski\n')
})

test('JSON has instants with Z, to the millisecond, at every depth', () => {
  const { output, stdout } = capture({ json: true })
  output.data({ at: AT, deep: [{ at: AT }] }, () => output.line('for people'))
  expect(JSON.parse(stdout())).toEqual({ at: '2026-12-01T08:00:05.123Z', deep: [{ at: '2026-12-01T08:00:05.123Z' }] })
})

test('progress shows on a terminal only, and what is said next takes its place', () => {
  const pipe = capture()
  pipe.output.progress('1 of 2')
  expect(pipe.stderr()).toBe('')
  const terminal = capture({ terminal: true })
  terminal.output.progress('1 of 2')
  terminal.output.say('done')
  expect(terminal.stderr()).toBe('\r\u001b[K1 of 2\r\u001b[Kdone\n')
})

test('without a terminal a question needs --yes', async () => {
  await expect(confirm('Cancel 12 mails?', { yes: false })).rejects.toMatchObject({
    code: 'confirmation_needed',
    exitCode: 2,
    hint: expect.stringMatching(/--yes/),
  })
  await expect(confirm('Cancel 12 mails?', { yes: true })).resolves.toBe(undefined)
})
