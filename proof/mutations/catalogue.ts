/** Every guard that is switched off. */
import { CLAIM_GUARDS } from './claim-guards.ts'
import { DOUBT_GUARDS } from './doubt-guards.ts'
import { FENCE_GUARDS } from './fence-guards.ts'
import { LEAD_GUARDS } from './lead-guards.ts'
import { MANY_GUARDS } from './many-guards.ts'
import type { Mutation } from './mutation.ts'
import { RESTORE_GUARDS } from './restore-guards.ts'
import { ROW_GUARDS } from './row-guards.ts'
import { TIME_GUARDS } from './time-guards.ts'

/** In the order in which the page has them. */
export const MUTATIONS: readonly Mutation[] = [
  ...ROW_GUARDS,
  ...FENCE_GUARDS,
  ...TIME_GUARDS,
  ...CLAIM_GUARDS,
  ...LEAD_GUARDS,
  ...DOUBT_GUARDS,
  ...RESTORE_GUARDS,
  ...MANY_GUARDS,
]
