/** The mail server of a benchmark, in a process of its own: takes every mail, and keeps nothing but when each recipient's came. */
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

const acceptedAtMs = new Map<string, number>()

const server = createServer({ noDelay: true }, (socket) => {
  let to = ''
  let rest = ''
  let isContent = false
  socket.setEncoding('latin1')
  socket.on('error', () => undefined)
  socket.write('220 recorder ESMTP\r\n')
  socket.on('data', (chunk: string) => {
    rest += chunk
    for (;;) {
      const end = isContent ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n')
      if (end < 0) return
      const piece = rest.slice(0, end)
      rest = rest.slice(end + (isContent ? 5 : 2))
      if (isContent) {
        acceptedAtMs.set(to, Date.now())
        socket.write('250 2.0.0 Ok\r\n')
        isContent = false
        continue
      }
      to = /^RCPT TO:<([^>]*)>/i.exec(piece)?.[1] ?? to
      isContent = piece.toUpperCase() === 'DATA'
      socket.write(answerTo(piece))
    }
  })
})

function answerTo(line: string): string {
  const verb = line.slice(0, 4).toUpperCase()
  if (verb === 'EHLO') return '250-recorder\r\n250 PIPELINING\r\n'
  if (verb === 'DATA') return '354 Go on\r\n'
  return verb === 'QUIT' ? '221 Bye\r\n' : '250 Ok\r\n'
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : undefined })}\n`)
})

// Whoever started it asks by a line, and gets everything; when he is gone, so is this.
createInterface({ input: process.stdin })
  .on('line', () => process.stdout.write(`${JSON.stringify([...acceptedAtMs])}\n`))
  .on('close', () => process.exit(0))
