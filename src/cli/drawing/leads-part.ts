/** What a rehearsal says of the list of leads: who fails, and why. */
import { counted, grouped } from './day-words.ts'
import type { DrawnLeads } from './drawn.ts'
import { markup, type Markup } from './markup.ts'

/** The part of the page. The first lines that fail are named, the others counted. */
export function drawLeads({ file, rows, valid, rejected, rejects, failing, failures }: DrawnLeads): Markup {
  return markup`<section class="list">
<h2>The list</h2>
<p>${file}: ${counted(rows, 'line')}, ${counted(valid, 'lead')} to mail, ${grouped(rejected)} rejected, ${grouped(failing)} whose mails cannot be made.</p>
${
  rejects.length === 0
    ? null
    : markup`<h3>Lines that are rejected</h3>${table(
        ['line', 'reason'],
        rejects.map(({ line, reason }) => [line, reason]),
      )}${more(rejected - rejects.length)}`
}
${
  failures.length === 0
    ? null
    : markup`<h3>Leads whose mails cannot be made</h3>${table(
        ['line', 'lead', 'what is missing'],
        failures.map(({ line, lead, what }) => [line, lead, what]),
      )}${more(failing - failures.length)}`
}
</section>
`
}

function table(headers: readonly string[], rows: readonly (readonly (string | number)[])[]): Markup {
  const kind = (i: number): string => (headers[i] === 'line' ? 'number' : '')
  return markup`<table>
<thead><tr>${headers.map((header, i) => markup`<th scope="col" class="${kind(i)}">${header}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => markup`<tr>${row.map((cell, i) => markup`<td class="${kind(i)}">${cell}</td>`)}</tr>\n`)}</tbody>
</table>`
}

function more(count: number): Markup | null {
  return count <= 0 ? null : markup`<p class="faint">… and ${grouped(count)} more.</p>`
}
