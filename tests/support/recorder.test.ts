import { connect } from 'node:net'
import { createTransport } from 'nodemailer'
import { expect, test } from 'vitest'
import { startRecorder, type Recorder } from './recorder.ts'

const MAIL = {
  from: 'anna@firma.example',
  to: 'jan@klient.example',
  subject: 'Oferta',
  text: 'Dzień dobry\r\n.\r\nkropka',
}

function send(
  recorder: Recorder,
  mail: Partial<typeof MAIL> = {},
  auth?: { user: string; pass: string },
): Promise<unknown> {
  const { host, port } = recorder
  return createTransport({ host, port, ignoreTLS: true, ...(auth ? { auth } : {}) }).sendMail({ ...MAIL, ...mail })
}

test('the recorder hands out each accepted mail once, in order, with its envelope', async () => {
  await using recorder = await startRecorder()
  const first = recorder.next()
  await send(recorder)
  await send(recorder, { subject: 'Przypomnienie' })
  expect(await first).toMatchObject({ from: MAIL.from, to: [MAIL.to] })
  expect((await first).headers.get('subject')).toBe('Oferta')
  expect((await recorder.next()).headers.get('subject')).toBe('Przypomnienie')
  expect(await recorder.until(2)).toHaveLength(2)
})

test('the recorder refuses where it is told to, and records nothing of it', async () => {
  await using recorder = await startRecorder({
    refuse: {
      rcpt: ({ to }) => (to === 'gone@klient.example' ? '550 5.1.1 no such user' : undefined),
      dot: () => '451 4.3.0 later',
    },
  })
  await expect(send(recorder, { to: 'gone@klient.example' })).rejects.toMatchObject({ responseCode: 550 })
  await expect(send(recorder)).rejects.toMatchObject({ responseCode: 451 })
  expect(recorder.mails).toEqual([])
})

test('the recorder asks for a login where it was given one', async () => {
  await using recorder = await startRecorder({ login: { user: 'anna', password: 'tajne' } })
  await expect(send(recorder, {}, { user: 'anna', pass: 'zle' })).rejects.toMatchObject({ responseCode: 535 })
  await send(recorder, {}, { user: 'anna', pass: 'tajne' })
  expect(await recorder.next()).toMatchObject({ user: 'anna' })
})

test('the recorder does not count a mail that breaks off before its dot', async () => {
  await using recorder = await startRecorder()
  const socket = connect(recorder.port, recorder.host)
  const dialogue = [
    'EHLO x\r\n',
    'MAIL FROM:<a@b.pl>\r\n',
    'RCPT TO:<c@d.pl>\r\n',
    'DATA\r\n',
    'Subject: x\r\n\r\nhalf',
  ]
  await new Promise<void>((resolve) => {
    socket.on('data', () => {
      const line = dialogue.shift()
      if (line !== undefined) socket.write(line)
      if (dialogue.length === 0) socket.end()
    })
    socket.on('close', () => resolve())
  })
  await send(recorder)
  expect(await recorder.until(1)).toHaveLength(1)
})
