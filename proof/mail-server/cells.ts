/** Block B: every fault at every stage of the dialogue, and the servers that people really run. */
import type { Cell } from '../cell.ts'
import { drawCourse } from './course.ts'
import { type FaultName, FAULTS } from './faults.ts'
import { openSevered } from './severed.ts'
import { type StageName, STAGES } from './stages.ts'
import { tryCourses } from './try.ts'

export const cells: readonly Cell[] = STAGES.flatMap((stage) => FAULTS.map((fault) => cellOf(stage, fault)))

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
