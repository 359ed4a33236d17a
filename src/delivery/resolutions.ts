/** What a person can say of a doubt. */
export const RESOLUTIONS = ['sent', 'not-sent'] as const
export type Resolution = (typeof RESOLUTIONS)[number]
