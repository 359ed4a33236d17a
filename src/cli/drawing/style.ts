/** The style sheet of pages: a column of A4 on the screen as on paper. Nothing is loaded from anywhere. */
import { FAINT, FREE, INK, LINE } from './colours.ts'

/**
 * Breaks of pages fall between figures and rows, never through them; colours are printed as they are. The heading, the legend and the first months
 * keep together as one block: as a chain of three that may not be parted, Chromium gave them up and broke the page before the whole campaign.
 */
export const STYLE = `
@page { size: A4 portrait; margin: 14mm 14mm 16mm }
* { box-sizing: border-box }
html { background: #ffffff; color: ${INK}; -webkit-print-color-adjust: exact; print-color-adjust: exact }
body { margin: 0 auto; padding: 8mm 4mm; max-width: 190mm; font: 10.5pt/1.45 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 20pt; line-height: 1.2; margin: 0 0 1mm }
h2 { font-size: 15pt; line-height: 1.25; margin: 0 0 2mm }
h3 { font-size: 11.5pt; margin: 5mm 0 1.5mm; break-after: avoid }
p { margin: 0 0 2mm }
.faint, figcaption { color: ${FAINT} }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(36mm, 1fr)); gap: 2.5mm; margin: 3mm 0 }
.figures div { border: 0.3mm solid ${LINE}; border-radius: 1.5mm; padding: 2mm 3mm; break-inside: avoid }
.figures dt { color: ${FAINT}; font-size: 9pt }
.figures dd { margin: 0; font-size: 11pt; font-weight: bold; line-height: 1.25 }
.campaign { margin-top: 6mm }
.list { margin-top: 8mm }
.curve { display: block; width: 100%; height: auto; break-inside: avoid }
.months { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4mm 5mm; align-items: start }
.month { margin: 0; break-inside: avoid }
.month svg { display: block; width: 100%; height: auto }
.notes { list-style: none; margin: 1mm 0 0; padding: 0; font-size: 8.5pt; line-height: 1.3 }
.legend { break-inside: avoid; break-after: avoid }
.shades { display: flex; flex-wrap: wrap; gap: 1mm 5mm; margin: 0 0 3mm; padding: 0; list-style: none; font-size: 9pt }
.shades svg { width: 4mm; height: 4mm; vertical-align: -0.6mm; margin-right: 1mm }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt }
thead { display: table-header-group }
tr { break-inside: avoid }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm 1mm 0; border-bottom: 0.2mm solid ${LINE} }
th { font-weight: bold; background: ${FREE} }
th:first-child, td:first-child { padding-left: 1.5mm }
.number { text-align: right; white-space: nowrap; padding-right: 4mm; width: 1% }
.date { white-space: nowrap }
.name { min-width: 24mm }
.warning { border-left: 1mm solid #b42318; padding: 1.5mm 3mm; margin: 3mm 0; break-inside: avoid }
.span svg { display: block; width: 100%; min-width: 35mm; height: 6mm }
footer { margin-top: 8mm; font-size: 8.5pt; color: ${FAINT}; break-inside: avoid }
@media screen and (max-width: 560px) { .span { display: none } .date { white-space: normal } .months { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) } table { font-size: 8.5pt } }
@media print { body { padding: 0; max-width: none } .campaign + .campaign, .overview + .campaign { break-before: page; margin-top: 0 } }
`
