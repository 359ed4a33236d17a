/** Reads a page or picture as strictly as XML: every element is closed, every attribute quoted, every character that has to be is escaped. */

export interface Element {
  name: string
  attributes: Record<string, string>
}

const TOKEN = /<!--[\s\S]*?-->|<!DOCTYPE html>|<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+|</g

/** Its elements in their order, or the first thing that is wrong. */
export function readWellFormed(page: string): Element[] {
  const open: string[] = []
  const elements: Element[] = []
  for (const { 0: token, 1: closing, 2: name, 3: attributes = '', 4: empty, index } of page.matchAll(TOKEN)) {
    if (name === undefined) {
      if (token === '<') throw new Error(`a stray < at ${index}: ${page.slice(index, index + 60)}`)
      if (!token.startsWith('<') && open.at(-1) !== 'style') checkEntities(token)
      continue
    }
    if (closing === '/') {
      const expected = open.pop()
      if (expected !== name) throw new Error(`</${name}> closes <${expected}> at ${index}`)
      continue
    }
    checkEntities(attributes)
    elements.push({
      name,
      attributes: Object.fromEntries(
        [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
      ),
    })
    if (empty !== '/') open.push(name)
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`)
  return elements
}

/** The words of a page, without its style and with its entities as characters. */
export function textOf(page: string): string {
  return page
    .replaceAll(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}

function checkEntities(text: string): void {
  const stray = /&(?!(amp|lt|gt|quot|#39);)/.exec(text)
  if (stray) throw new Error(`a stray & in ${text.slice(stray.index, stray.index + 40)}`)
}
