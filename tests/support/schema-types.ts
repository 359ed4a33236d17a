/** The types of the tables and views of `goniec` for kysely, read from a live database: what `src/database/schema.ts` holds. */
import { format, resolveConfig } from 'prettier'
import type { Database } from '../../src/database/pool.ts'

const HEADER = `/** The tables and views of the schema \`goniec\` for kysely. Generated from a migrated database by \`npm run schema\`: do not edit. */
// long: generated, one line for each column
`

interface CatalogueColumn {
  relation: string
  column: string
  type: string
  is_array: boolean
  nullable: boolean
  /** The database fills it in: never (''), unless told otherwise ('default'), always ('always'). */
  filled: '' | 'default' | 'always'
  /** The words that a check constraint allows. */
  words: string[] | null
  comment: string | null
}

/** The whole file, formatted. */
export async function describeTypes(database: Pick<Database, 'query'>): Promise<string> {
  const columns = await database.query<CatalogueColumn>(COLUMNS)
  const relations = [...Map.groupBy(columns, ({ relation }) => relation)]
  const source = [
    HEADER,
    IMPORTS,
    `export interface Schema { ${relations.map(([name]) => `${name}: ${interfaceName(name)}`).join('\n')} }`,
    ...relations.map(
      ([name, members]) => `export interface ${interfaceName(name)} { ${members.map(describe).join('\n')} }`,
    ),
  ].join('\n\n')
  const used = source.includes('GeneratedAlways<') ? source : source.replace('GeneratedAlways, ', '')
  return format(used, { ...(await resolveConfig('src/database/schema.ts')), parser: 'typescript' })
}

const IMPORTS = `import type { Generated, GeneratedAlways } from 'kysely'\nimport type { Instant } from '../time.ts'`

function interfaceName(relation: string): string {
  return `${relation.replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Table`
}

function describe({ column, nullable, filled, comment, ...type }: CatalogueColumn): string {
  const single = typeOf(type)
  const plain = nullable && single !== 'unknown' ? `${single} | null` : single
  const wrapped = { '': plain, default: `Generated<${plain}>`, always: `GeneratedAlways<${plain}>` }[filled]
  return `${comment === null ? '' : `/** ${comment.replaceAll('*/', '*\\/')} */\n`}${column}: ${wrapped}`
}

const TYPES: Record<string, string> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  float4: 'number',
  float8: 'number',
  timestamptz: 'Instant',
  json: 'unknown',
  jsonb: 'unknown',
  bytea: 'Buffer',
}

/** Everything else pg hands over as text: numeric, date, time, interval, uuid, inet. */
function typeOf({ type, is_array, words }: Pick<CatalogueColumn, 'type' | 'is_array' | 'words'>): string {
  const single = words?.map((word) => `'${word}'`).join(' | ') ?? TYPES[type] ?? 'string'
  if (!is_array) return single
  return /\|/.test(single) ? `(${single})[]` : `${single}[]`
}

/** A status column has a check of the form "status = any (array['pending', …])", whatever else the table demands of it. */
const COLUMNS = `
  select c.relname as relation, a.attname as column, coalesce(e.typname, t.typname) as type, e.oid is not null as is_array,
    not a.attnotnull as nullable,
    case when a.attidentity = 'a' or a.attgenerated <> '' then 'always' when a.atthasdef or a.attidentity = 'd' then 'default' else '' end as filled,
    (select array_agg(word[1] order by place)
     from pg_constraint k,
       regexp_matches(pg_get_constraintdef(k.oid), '''([^'']+)''::text', 'g') with ordinality as found(word, place)
     where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
       and pg_get_constraintdef(k.oid) ~ ('^CHECK \\(\\(' || a.attname || ' = ANY \\(ARRAY\\[(''[^'']+''::text(, )?)+\\]\\)\\)\\)$')) as words,
    col_description(c.oid, a.attnum) as comment
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
  where c.relnamespace = 'goniec'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
  order by c.relname collate "C", a.attnum`
