/** What a campaign holds that is paused or cancelled, and a lead that is taken out of one: responses still go. */
export const MAIL_OF_STEPS = 'no more mail of its steps'

/** What to say of mails that a brake could not hold any more; `what` it holds, if that is not everything. */
export function alreadyPassedSentence(count: number, what = 'nothing more'): string {
  const held = `${what} goes out.`
  if (count === 0) return held.charAt(0).toUpperCase() + held.slice(1)
  const mails =
    count === 1 ? '1 mail was on the wire already, and ends' : `${count} mails were on the wire already, and end`
  return `${mails} as the server says; ${held}`
}
