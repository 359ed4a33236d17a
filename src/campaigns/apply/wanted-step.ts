import type { StepDefinition, Wait } from '../definition/definition.ts'
import type { StoredStep } from './stored.ts'

/** A step as the file wants it, beside what is stored under its key. */
export interface WantedStep {
  key: string
  keyed: boolean
  position: number
  wait: Wait | null
  variants: StepDefinition['variants']
  stored: StoredStep | undefined
  /** Something of it is to be written. */
  changed: boolean
}
