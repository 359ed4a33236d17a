/** The colours of pages. Dark text on all of them, or white on the dark ones, with a contrast of 4.5 and more; nothing is told by colour alone. */
export const INK = '#1b1f24'
/** Of words that explain. */
export const FAINT = '#57606a'
/** Of frames and grids. */
export const LINE = '#c9d1d9'
/** Of areas and bars. */
export const FIRST_MAILS = '#1f5c99'
/** Of areas, hatched. */
export const FOLLOW_UPS = '#f0b429'
/** Days on which nothing can go out. */
export const FREE = '#f3f4f6'

/** From few mails a day to many. */
export const SHADES = ['#dbe9f6', '#b3d2ec', '#6fa8d8', '#3577b5', '#174a7c'] as const

/** The colour of what is written on a shade. */
export function inkOn(shade: number): string {
  return shade >= 3 ? '#ffffff' : INK
}
