/**
 * A real terminal for tests of what draws on one: tmux holds a window, a shell runs in it, keys are typed, and what stands in it is read.
 * Each has a server of its own, so that it is in nobody's way, and a configuration of nobody's.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { expect } from 'vitest'

/** Whether there is a tmux; without it such tests are skipped. */
export const hasTmux = spawnSync('tmux', ['-V']).status === 0

export interface Terminal {
  /** Types; names such as `Enter` are keys. */
  type: (...keys: string[]) => void
  resize: (width: number, height: number) => void
  /** What stands in the window, line by line. */
  lines: () => string[]
  /** Resolves when the window shows it. */
  until: (shown: RegExp) => Promise<void>
  /** As a program left it: on the screen of the shell, with cursor and line wrap, input line by line. */
  isRestored: () => boolean
  close: () => void
}

let count = 0

/** Opens a window of this size with a shell, whose environment has these variables over ours. */
export function openTerminal(width: number, height: number, env: Record<string, string>): Terminal {
  count += 1
  const name = `goniec-test-${process.pid}-${count}`
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-L', name, '-f', '/dev/null', '-u', ...args], {
      encoding: 'utf8',
      env: { ...process.env, ...env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' },
    })
  const lines = (): string[] => tmux('capture-pane', '-p').split('\n').slice(0, -1)
  tmux('new-session', '-d', '-x', String(width), '-y', String(height), 'env', 'PS1=$ ', 'sh')
  return {
    type: (...keys) => void tmux('send-keys', ...keys),
    resize: (toWidth, toHeight) => void tmux('resize-window', '-x', String(toWidth), '-y', String(toHeight)),
    lines,
    until: async (shown) => await expect.poll(() => lines().join('\n')).toMatch(shown),
    isRestored: () => tmux('display-message', '-p', '#{alternate_on} #{cursor_flag} #{wrap_flag}').trim() === '0 1 1',
    close: () => void tmux('kill-server'),
  }
}
