/** Every invariant, in the order in which the audit tells them. */
import type { Check } from './check.ts'
import { counterChecks } from './counters.ts'
import { fenceChecks } from './fences.ts'
import { guardChecks } from './guards.ts'
import { identityChecks } from './identity.ts'
import { ledgerChecks } from './ledger.ts'
import { lifecycleChecks } from './lifecycle.ts'
import { planChecks } from './plan.ts'
import { recordChecks } from './record.ts'
import { sequenceChecks } from './sequence.ts'

export const CHECKS: readonly Check[] = [
  ...identityChecks,
  ...ledgerChecks,
  ...counterChecks,
  ...fenceChecks,
  ...planChecks,
  ...sequenceChecks,
  ...lifecycleChecks,
  ...recordChecks,
  ...guardChecks,
]
