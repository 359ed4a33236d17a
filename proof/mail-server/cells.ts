/** Block B: every fault at every stage of the dialogue, and the servers that people really run. */
import type { Cell } from '../cell.ts'
import { drawCourse } from './course.ts'
import { type FaultName, FAULTS } from './faults.ts'
import { makeOpensmtpd, opensmtpdIsMissing } from './opensmtpd.ts'
import { makePostfix, postfixIsMissing } from './postfix.ts'
import { realCell, type ServerKind } from './real.ts'
import { OPENSMTPD_SCENARIOS, POSTFIX_SCENARIOS } from './scenarios.ts'
import { openSevered } from './severed.ts'
import { type StageName, STAGES } from './stages.ts'
import { tryCourses } from './try.ts'

const POSTFIX: ServerKind = { name: 'postfix', make: makePostfix, missing: postfixIsMissing(), hasPolicy: true }
const OPENSMTPD: ServerKind = {
  name: 'opensmtpd',
  make: makeOpensmtpd,
  missing: opensmtpdIsMissing(),
  hasPolicy: false,
}

const matrix = STAGES.flatMap((stage) => FAULTS.map((fault) => cellOf(stage, fault)))

/** What happens to a real server; skipped where it is not installed. */
export const realCells: readonly Cell[] = [
  ...POSTFIX_SCENARIOS.map((scenario) => realCell(POSTFIX, scenario)),
  ...OPENSMTPD_SCENARIOS.map((scenario) => realCell(OPENSMTPD, scenario)),
]

export const cells: readonly Cell[] = [...matrix, ...realCells]

function cellOf(stage: StageName, fault: FaultName): Cell {
  return {
    name: `B/${stage}/${fault}`,
    block: 'B',
    runs: 50,
    // Long mails want memory and time.
    atOnce: stage === 'body' ? 10 : 50,
    async run(seeds, ground) {
      await using severed = await openSevered()
      return await tryCourses(
        seeds.map((seed) => drawCourse(stage, fault, seed, severed)),
        severed,
        ground,
      )
    },
  }
}
