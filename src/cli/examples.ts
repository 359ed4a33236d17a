import type { Command } from 'commander'

/** Shows examples in the help of a command, after its flags. */
export function addExamples(command: Command, examples: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}\n`).join('')}`)
}
