/**
 * Text that goes into a mail's header. Subjects, names and file names may come from a spreadsheet's cell and hold line breaks; in
 * a header a line break begins another one. So every control character becomes a space here; nothing of the sort is refused,
 * since a stray line break in a cell is no reason not to send.
 */

/** The text on one line, without control characters, with single spaces, trimmed, and without words that no line of a mail can hold. */
export function toHeaderText(text: string): string {
  return text.replace(CONTROLS, ' ').replace(/ {2,}/g, ' ').trim().replace(LONG_WORD, '$& ')
}

// Controls, line and paragraph separators, and the marks that turn the direction of text around (a file name `gpj.exe` can be
// made to read `exe.jpg` with them). Lone surrogates cannot be written as UTF-8.
const CONTROLS = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** A line has at most 998 characters (RFC 5322 §2.1.1) and is folded at spaces only; quoting can make two of one. */
const LONG_WORD = /[^ ]{450}(?=[^ ])/gu
