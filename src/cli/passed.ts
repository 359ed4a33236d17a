/** What to say of mails that a brake could not hold any more. */
export function alreadyPassedSentence(count: number): string {
  if (count === 0) return 'Nothing more goes out.'
  const mails =
    count === 1 ? '1 mail was on the wire already, and ends' : `${count} mails were on the wire already, and end`
  return `${mails} as the server says; nothing more goes out.`
}
