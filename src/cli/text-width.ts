/** Texts on a terminal: how many columns they take, cut to fit, and without what could draw there by itself. Pure. */

/** A name or a server's words as they may be shown: no control characters, no line ends, no change of direction. */
export function harmless(text: string): string {
  if (PLAIN.test(text)) return text
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/g, '')
}

/** The columns that a text takes: two for a wide character, none for a mark above another. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of SEGMENTER.segment(text)) width += widthOf(segment)
  return width
}

/** Exactly so many columns: padded, or cut with an ellipsis. */
export function fit(text: string, width: number, toRight = false): string {
  const cut = cutTo(text, width)
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)))
  return toRight ? space + cut : cut + space
}

/** At most so many columns; what is cut off leaves an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  if (width <= 0) return ''
  let kept = ''
  let used = 1
  for (const { segment } of SEGMENTER.segment(text)) {
    used += widthOf(segment)
    if (used > width) break
    kept += segment
  }
  return `${kept}…`
}

const PLAIN = /^[\x20-\x7e]*$/
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'grapheme' })

function widthOf(grapheme: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]*$/u.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}

/** East Asian wide and full-width characters, and what is shown as a picture. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\uFE0F|\p{Emoji_Presentation}/u
