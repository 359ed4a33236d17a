/** The test clock: `goniec.now()` of one test database says what a test wants. Databases of people have no such switch. */
import type { Instant } from '../../src/time.ts'
import type { TestDatabase } from './database.ts'

/**
 * Sets the clock: it stands still at `instant` (or goes on from there with `running`); null: the real time again.
 * Every session sees it with its next statement.
 */
export async function setClock(
  database: Pick<TestDatabase, 'pool'>,
  instant: Instant | null,
  { running = false }: { running?: boolean } = {},
): Promise<void> {
  await installClock(database)
  await database.pool.query(
    `update goniec_test.clock
     set now = case when not $2 then $1::timestamptz end,
       ahead = case when $2 then $1::timestamptz - clock_timestamp() else interval '0' end`,
    [instant, running],
  )
}

async function installClock({ pool }: Pick<TestDatabase, 'pool'>): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>(`select to_regclass('goniec_test.clock') is not null as there`)
  if (!rows[0]?.there) await pool.query(INSTALL)
}

const INSTALL = `
  create schema goniec_test;
  create table goniec_test.clock (
    only_row boolean primary key default true check (only_row),
    now timestamptz,
    ahead interval not null default '0'
  );
  insert into goniec_test.clock default values;
  grant usage on schema goniec_test to public;
  grant select on goniec_test.clock to public;
  create or replace function goniec.now() returns timestamptz
  language sql volatile parallel safe
  as $$ select coalesce(now, clock_timestamp() + ahead) from goniec_test.clock $$;
`
