/** What can be wrong with the encryption on the way to a database, and with the files that a URL names for it. */

/** How a failure is told: its code, what happened to which database, and the way out. */
export type Explanation = (database: string, text: string) => [code: string, message: string, hint: string]

/** A certificate has openssl's name for what is wrong with it. A file that the URL names fails as a socket does, but for its path. */
export function explanationOfTls(error: unknown, code: string, url: string): Explanation | undefined {
  if (error instanceof Error && 'path' in error && namedFiles(url).includes(String(error.path))) return noFile
  if (code.startsWith('ERR_OSSL_')) return unusableFile
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') return noAgreement
  return /CERT|^UNABLE_TO_/.test(code) ? untrusted : undefined
}

/** The same where pg has no code, only words. */
export function explanationOfTlsText(text: string): Explanation | undefined {
  if (/does not support SSL/i.test(text)) return noTls
  return /error establishing an SSL connection/i.test(text) ? noAgreement : undefined
}

function namedFiles(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { searchParams } = new URL(url)
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap((name) => searchParams.getAll(name))
}

const noTls: Explanation = (database, text) => [
  'database_tls',
  `${database} speaks no TLS: ${text}`,
  'switch ssl on at the server; or, where the way to it is a private one, take sslmode out of DATABASE_URL, and PGSSLMODE out of the environment',
]

// A server that answers in TLS and refuses us (it wants a certificate of an authority that it knows, or a newer protocol), or that is no Postgres.
const noAgreement: Explanation = (database, text) => [
  'database_tls',
  `no TLS connection comes about with ${database}: ${text.trim()}`,
  'correct host and port in DATABASE_URL; where the server wants a certificate (sslcert, sslkey), name one of an authority that it knows; its log says what it refused',
]

const untrusted: Explanation = (database, text) => [
  'database_certificate',
  `the certificate of ${database} is not trusted: ${text}`,
  'add sslrootcert=/path/to/ca.pem to DATABASE_URL, the certificate of the authority that signed it, and give the host the name that it is for; sslmode=no-verify encrypts without looking at it, as require does for psql',
]

const noFile: Explanation = (database, text) => [
  'database_certificate_file',
  `a file that DATABASE_URL names cannot be read, and ${database} was not asked: ${text}`,
  'correct sslrootcert, sslcert or sslkey in DATABASE_URL, or let this user read the file',
]

const unusableFile: Explanation = (database, text) => [
  'database_certificate_file',
  `a file that DATABASE_URL names cannot be used, and ${database} was not asked: ${text}`,
  'sslcert and sslkey in DATABASE_URL have to be PEM files that belong together, the key without a passphrase',
]
