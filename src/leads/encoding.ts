/**
 * Which encoding a table was saved in. The whole file is read for it, since a file that begins in plain ASCII says nothing, and
 * a wrong guess would greet a person as `Pani GraÅ¼yna`. Reading is cheap beside what follows: about a second for a gigabyte.
 *
 * - A byte order mark decides.
 * - Valid UTF-8 from end to end is UTF-8.
 * - Otherwise the characters are counted: where more of the non-ASCII ones are whole than broken, it is UTF-8 with damaged lines (which
 *   become rejects); else it has one byte for each letter. Then it is Windows-1250, which Polish spreadsheets write, unless its ą ś ź stand where ISO 8859-2
 *   has them, as older databases write it: read as Windows-1250 they would be signs, `Zaj±c`.
 */
import { isUtf8 } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'

export type Encoding = 'utf8' | 'utf16le' | 'utf16be' | 'windows1250' | 'iso88592'

const CHUNK_BYTES = 1 << 18

/** The encoding of an open file of text. */
export async function detectEncoding(file: FileHandle): Promise<Encoding> {
  const { value: first = Buffer.alloc(0) } = await chunksOf(file, 4096).next()
  if (first[0] === 0xff && first[1] === 0xfe) return 'utf16le'
  if (first[0] === 0xfe && first[1] === 0xff) return 'utf16be'
  if (first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf) return 'utf8'
  const wide = unmarkedUtf16(first)
  if (wide !== undefined) return wide
  if ((await isWholeUtf8(file)) || (await isMostlyUtf8(file))) return 'utf8'
  return (await isIso(file)) ? 'iso88592' : 'windows1250'
}

/** The bytes of a file from its start, in chunks. A chunk is good until the next one is asked for. */
export async function* chunksOf(file: FileHandle, chunkBytes = CHUNK_BYTES): AsyncGenerator<Buffer, undefined> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  let position = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position)
    if (bytesRead === 0) return undefined
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Text in which every other byte is zero, and hardly one of those between. */
function unmarkedUtf16(sample: Buffer): Encoding | undefined {
  const half = Math.floor(sample.length / 2)
  if (half < 2) return undefined
  const zeros = [0, 0]
  for (const [i, byte] of sample.subarray(0, half * 2).entries()) if (byte === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  if (odd > half * 0.7 && even < half * 0.05) return 'utf16le'
  return even > half * 0.7 && odd < half * 0.05 ? 'utf16be' : undefined
}

async function isWholeUtf8(file: FileHandle): Promise<boolean> {
  let cut: Buffer = Buffer.alloc(0)
  for await (const chunk of chunksOf(file)) {
    const bytes = cut.length > 0 ? Buffer.concat([cut, chunk]) : chunk
    const end = bytes.length - openSequence(bytes)
    if (!isUtf8(bytes.subarray(0, end))) return false
    cut = Buffer.from(bytes.subarray(end))
  }
  return cut.length === 0
}

/** How many bytes at the end may be the start of a character that the next chunk ends. */
function openSequence(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0
  }
  return 0
}

async function isMostlyUtf8(file: FileHandle): Promise<boolean> {
  const decoder = new StringDecoder('utf8')
  let whole = 0
  let broken = 0
  for await (const chunk of chunksOf(file)) {
    for (const [character] of decoder.write(chunk).matchAll(/[\u0080-\u{10FFFF}]/gu)) {
      if (character === '\uFFFD') broken++
      else whole++
    }
  }
  return whole > broken
}

/** Bytes as Latin-1 has them. From 0x80 to 0x9F ISO 8859-2 has no character, and Windows-1250 its ś, ź and quotes. */
const NO_ISO = /[\u0080-\u009F]/
/**
 * Where ISO 8859-2 has ą ś ź Ą Ś Ź, Windows-1250 has ± ¶ Ľ ˇ ¦ ¬: signs that touch no letter, but for the Ľ, which begins a Slovak word, or stands
 * in one of capitals (KRÁĽ), where no ź does.
 */
const ISO_LETTERS = /[A-Za-zÀ-ÿ][±¶¡¦¬]|[±¶¡¦¬][A-Za-zÀ-ÿ]|[a-zß-ÿ]¼|[A-ZÀ-Þ]¼(?=[a-zß-ÿ])/g
/** ą and Ą of Windows-1250. */
const WINDOWS_LETTERS = /[¹¥]/g

async function isIso(file: FileHandle): Promise<boolean> {
  let iso = 0
  let windows = 0
  for await (const chunk of chunksOf(file)) {
    const text = chunk.toString('latin1')
    if (NO_ISO.test(text)) return false
    iso += text.match(ISO_LETTERS)?.length ?? 0
    windows += text.match(WINDOWS_LETTERS)?.length ?? 0
  }
  return iso > windows
}
