import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/global-setup.ts'],
    setupFiles: ['tests/support/test-setup.ts'],
    // Processes, not threads: tests send signals, and a test that hangs in a loop can be ended.
    pool: 'forks',
    // One for each of two cores: vitest leaves one of them to itself, and most of a test's time is its server's or its worker's.
    maxWorkers: 2,
    // Generous: nothing waits for time to pass, and a laptop may be busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // The commands that tests start must not see colours, another database or a style of the terminal they run in.
    env: { NO_COLOR: '1', DATABASE_URL: '', GONIEC_EMBEDDED: '' },
  },
})
