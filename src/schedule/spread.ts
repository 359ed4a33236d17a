/** The delay between two mails of a campaign, and its spread: no randomness, only a hash of what does not change. */

/** The delay to keep after a mail, drawn by something that stays the same about it: `delay * (1 ± jitter)`, whole milliseconds. */
export function drawnDelayMs(delayMs: number, jitter: number, seed: number): number {
  return Math.max(shortestDelayMs(delayMs, jitter), Math.round(delayMs * (1 + jitter * unitOf(seed))))
}

/** The least that may ever lie between two mails of a campaign: what claim and fence enforce. */
export function shortestDelayMs(delayMs: number, jitter: number): number {
  return Math.ceil(delayMs * (1 - jitter))
}

/** A number in [-1, 1) that looks random and depends on the seed alone (the finalizer of MurmurHash3). */
function unitOf(seed: number): number {
  let hash = Math.imul((seed >>> 0) ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e37_79b1), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  hash ^= hash >>> 16
  return (hash >>> 0) / 0x8000_0000 - 1
}
