/** The command lines of `npm run proof`, `bench` and `simulate`: what is not understood is told, and nothing is run, or none of it would go wrong. */
import { Command, InvalidArgumentError } from 'commander'

/** A command that ends with 2, and its usage, where it was called wrongly. */
export function commandNamed(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .showHelpAfterError()
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
}

/** Reads an option's whole number. */
export function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text)
    throw new InvalidArgumentError(`A whole number from ${least} on is wanted.`)
  }
}

/** Reads an option's number above 0, like 0.1. */
export function positive(text: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text) && Number(text) > 0) return Number(text)
  throw new InvalidArgumentError('A number above 0 is wanted, like 0.1.')
}
