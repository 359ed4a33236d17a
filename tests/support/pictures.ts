/**
 * The pictures and outputs that docs/forecast.md shows, made by the program itself: the example's campaign, rehearsed with a list of 1,900
 * leads on a Thursday in November. `npm run pictures` writes them; a test sees that they are still what the program makes.
 */
import { Readable } from 'node:stream'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../src/campaigns/definition/read.ts'
import { drawBars } from '../../src/cli/drawing/bars.ts'
import { drawMonths } from '../../src/cli/drawing/calendar.ts'
import { drawCurve } from '../../src/cli/drawing/curve.ts'
import type { Drawn } from '../../src/cli/drawing/drawn.ts'
import { rehearse } from '../../src/reports/rehearsal/rehearse.ts'
import { Temporal } from '../../src/time.ts'

const NOW = Temporal.Instant.from('2026-11-26T07:00:00Z')
const LEADS = 1900

/** Text by path: the pictures, and between `start` and `end` of the page the output of the command. */
export interface Pictures {
  files: Record<string, string>
  output: string
}

/** Makes them. */
export async function makePictures(): Promise<Pictures> {
  const drawn = await rehearseExample()
  const [campaign] = drawn.campaigns
  if (!campaign) throw new Error('the example has a campaign')
  const [, december] = drawMonths(campaign, 'calendar')
  return {
    files: {
      'docs/images/forecast-curve.svg': `${drawCurve(campaign, 'curve')?.text}\n`,
      'docs/images/forecast-december.svg': `${/<svg.*<\/svg>/s.exec(december?.text ?? '')?.[0]}\n`,
    },
    output: drawBars(drawn, { columns: 80, mostRows: 100, dim: (text) => text }).join('\n'),
  }
}

async function rehearseExample(): Promise<Drawn> {
  const definition = parseDefinition(readDefinitionFiles(['examples/campaigns.yaml']))
  const columns = 'email,powitanie,firma,miasto,powierzchnia,zgoda'
  const list = [columns, ...Array.from({ length: LEADS }, (_, i) => lead(i))].join('\n')
  const { forecast } = await rehearse(null, definition, Readable.from([list]), {
    campaign: 'audyt-hal',
    now: NOW,
    keep: 0,
    rejectsFile: undefined,
    onPlan: () => undefined,
    onProgress: () => undefined,
  })
  return forecast
}

function lead(number: number): string {
  return `lead${number}@firma${number}.example,Dzień dobry,Firma ${number},Łódź,1200,targi`
}
