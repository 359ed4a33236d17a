/** The named points of the protocol at which a worker dies, and the ways in which it does. */

/** How a worker ends, or seems to: killed; stopped until its work is no longer its own, and continued; hanging for as long. */
export const WAYS = ['SIGKILL', 'SIGSTOP', 'blocked'] as const

export type Way = (typeof WAYS)[number]

export interface Point {
  name: string
  /** Where the worker is at that instant. */
  what: string
  /** What must be there for it to come: mails without slots, or what a worker before has left. */
  wants?: 'unplanned' | 'leftovers'
}

/** In the order in which a mail comes to them. */
export const POINTS = [
  { name: 'plan-sent', what: 'its plan’s slots are sent to the database, and not answered', wants: 'unplanned' },
  { name: 'plan-committed', what: 'its plan’s slots are committed', wants: 'unplanned' },
  { name: 'recover-sent', what: 'its recovery is sent to the database, and not answered', wants: 'leftovers' },
  { name: 'recover-committed', what: 'its recovery is committed', wants: 'leftovers' },
  { name: 'claim-sent', what: 'its claim is sent to the database, and not answered' },
  { name: 'claim-committed', what: 'its claim is committed, and nothing is done with it yet' },
  { name: 'connected', what: 'the connection to the mail server is there, the greeting is not' },
  { name: 'greeting', what: 'the greeting has come' },
  { name: 'ehlo', what: 'EHLO is written' },
  { name: 'auth', what: 'the login is written' },
  { name: 'mail', what: 'MAIL FROM is written' },
  { name: 'rcpt', what: 'RCPT TO is written' },
  { name: 'go-ahead', what: 'the 354 to DATA has come' },
  { name: 'fence-before', what: 'the fence is about to be asked' },
  { name: 'fence-sent', what: 'the fence is asked, and has not answered' },
  { name: 'fence-committed', what: 'the fence has let the mail pass, and nothing of it is written yet' },
  { name: 'first-byte', what: 'the first piece of the content is written' },
  { name: 'last-byte', what: 'all of the content is written, and whether the dot may follow is not decided yet' },
  { name: 'dot-before', what: 'the dot may follow, and is about to be written' },
  { name: 'dot-written', what: 'the dot is written' },
  { name: 'dot-to-reply', what: 'the server has taken the mail, and has not said so yet' },
  { name: 'reply-heard', what: 'the server’s yes has come, and nothing is done with it yet' },
  { name: 'settle-before', what: 'the outcome is about to be written down' },
  { name: 'settle-sent', what: 'the outcome is sent to the database, and not answered' },
  { name: 'settle-committed', what: 'the outcome is committed, and with it the next step’s mail' },
  { name: 'follow-up-made', what: 'the next step’s mail exists, and a plan for it is about to be asked for' },
] as const satisfies readonly Point[]

export type PointName = (typeof POINTS)[number]['name']

/** What the worker's own process is told, in its environment, as JSON: `GONIEC_PROOF_STRIKE`. */
export interface StrikeOrder {
  point: PointName
  /** The how-many-eth time that the point comes. */
  occurrence: number
  way: Way
  /** Where it notes, on the disk, that the point has come, before it dies. */
  notes: string
  /** One that hangs does so until this file exists. */
  release: string
  smtpPort: number
}

/** A line of the notes. */
export interface Note {
  event: 'struck' | 'awake'
  at: string
}
