import { describe, expect, it } from 'vitest'
import { checkDeadlines, defaultDeadlines } from '../../src/delivery/deadlines.ts'
import { startMeasuring } from '../../src/delivery/elapsed.ts'

const LEASE_MS = 180_000

describe('deadlines', () => {
  it('fit each other and the lease as they are by default', () => {
    expect(checkDeadlines(defaultDeadlines, LEASE_MS)).toEqual([])
  })

  it.each([
    [
      { beforeFenceMs: 180_000, attemptMs: 1_000_000 },
      ['all before the fence (3m) must be shorter than the lease (3m)'],
    ],
    [
      { dotWithinMs: 200_000, attemptMs: 1_000_000 },
      ['the time from fence to dot (3m 20s) must be shorter than the lease (3m)'],
    ],
    [{ phaseMs: 130_000 }, ['one phase (2m 10s) may not last longer than all before the fence (2m)']],
    [{ attemptMs: 600_000 }, ['an attempt (10m) must be given at least what its parts take together (13m)']],
    [{ blockMs: 0 }, ['blockMs is 0; it must be above 0 and below 24 days']],
    [{ dotMs: Number.NaN }, ['dotMs is NaN; it must be above 0 and below 24 days']],
    [{ attemptMs: 3e9 }, ['attemptMs is 3000000000; it must be above 0 and below 24 days']],
  ])('say what does not fit: %j', (change, problems) => {
    expect(checkDeadlines({ ...defaultDeadlines, ...change }, LEASE_MS)).toEqual(problems)
  })
})

describe('elapsed time', () => {
  it.each(['monotonic', 'wall', 'uptime'] as const)('is what the %s clock says, if that moved most', (which) => {
    const now = { monotonic: 5, wall: 1e12, uptime: 9e6 }
    const elapsed = startMeasuring({ monotonic: () => now.monotonic, wall: () => now.wall, uptime: () => now.uptime })
    now.monotonic += 10
    now.wall += 10
    now.uptime += 10
    now[which] += 1_000
    expect(elapsed()).toBe(1_010)
  })

  it('does not run backwards with a clock that is set back', () => {
    let wall = 1e12
    const elapsed = startMeasuring({ monotonic: () => 0, wall: () => wall, uptime: () => 0 })
    wall -= 3_600_000
    expect(elapsed()).toBe(0)
  })

  it('is measured by this machine’s clocks by default', () => {
    expect(startMeasuring()()).toBeLessThan(5_000)
  })
})
