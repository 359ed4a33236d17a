/** Reads a mail back with Python's email module, where there is Python: a reader that shares nothing with the writer. */
import { spawnSync } from 'node:child_process'

export interface ReadMail {
  subject: string
  from: [name: string, address: string][]
  to: [name: string, address: string][]
  defects: string[]
  parts: { type: string; filename: string | null; text?: string; base64?: string }[]
}

export const hasPython = spawnSync('python3', ['-c', 'import email.policy']).status === 0

/** Line ends of texts come back as `\n`. */
export function readByPython(bytes: Buffer): ReadMail {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READER], {
    input: bytes,
    env: { ...process.env, PYTHONIOENCODING: 'utf8' },
  })
  if (status !== 0) throw new Error(`python3 could not read the mail: ${stderr.toString()}`)
  return JSON.parse(stdout.toString()) as ReadMail
}

const READER = `
import sys, json, base64, email, email.policy, email.header, email.utils
raw = sys.stdin.buffer.read()
mail = email.message_from_bytes(raw, policy=email.policy.default)
# Names by the older reader: the newer one puts a space between two encoded words of a name (RFC 2047 6.2 says not to).
older = email.message_from_bytes(raw)
def decoded(text): return str(email.header.make_header(email.header.decode_header(text)))
def people(header): return [[decoded(name), address] for name, address in email.utils.getaddresses([older[header]])]
def part(p):
    found = {'type': p.get_content_type(), 'filename': p.get_filename()}
    if p.get_content_maintype() == 'text' and not p.is_attachment(): found['text'] = p.get_content().replace('\\r\\n', '\\n').rstrip('\\n')
    else: found['base64'] = base64.b64encode(p.get_payload(decode=True) or b'').decode()
    return found
defects = [repr(d) for p in mail.walk() for d in p.defects] + [repr(d) for v in mail.values() for d in getattr(v, 'defects', [])]
print(json.dumps({'subject': mail['subject'], 'from': people('from'), 'to': people('to'), 'defects': defects,
  'parts': [part(p) for p in mail.walk() if not p.is_multipart()]}))
`
