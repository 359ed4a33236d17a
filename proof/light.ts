/** Workers that begin quickly: the proof starts thousands of them, and what they load is the same each time. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For `NODE_OPTIONS`. One that was given a size begins once; it begins lean, which is twice, in every test but these. */
export const BEGINS_ONCE = '--max-old-space-size=1024'

/** For the environment. */
export const LIGHT: Readonly<Record<string, string>> = {
  NODE_OPTIONS: BEGINS_ONCE,
  NODE_COMPILE_CACHE: join(tmpdir(), 'goniec-proof-cache'),
}
