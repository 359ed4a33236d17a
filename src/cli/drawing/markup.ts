/**
 * Pieces of a page. Whatever is put into a template is escaped, unless it is a piece itself: a campaign called `<script>` is text. All
 * pieces are XML as well as HTML, so that an image can be taken out of a page and stand alone.
 */

/** A piece that is safe to be put into another one as it is. Made by `markup` and nothing else. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Piece = Markup | string | number | null | readonly Piece[]

/** A template of a page: its values are escaped, lists are joined, null is nothing. */
export function markup(strings: TemplateStringsArray, ...values: readonly Piece[]): Markup {
  return new Markup(strings.map((string, i) => string + (i < values.length ? textOf(values[i] ?? null) : '')).join(''))
}

function textOf(piece: Piece): string {
  if (piece === null) return ''
  if (piece instanceof Markup) return piece.text
  if (typeof piece === 'string' || typeof piece === 'number') return escape(String(piece))
  return piece.map(textOf).join('')
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Control characters and half characters are none that a page may hold. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\n\t]+/gu, ' ')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
