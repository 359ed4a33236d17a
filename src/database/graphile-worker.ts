/**
 * graphile-worker's own schema: brought up to date by its own migrations, and opened to our workers. It locks its tables with row
 * level security for everybody but their owner, and grants nothing; the role goniec_worker owns nothing, so it is let in here.
 */
import { openDatabase, type Database } from './pool.ts'

/** Brings the schema `graphile_worker` up to date; it keeps count by itself. */
export async function migrateGraphileWorker(url: string): Promise<void> {
  // Imported here: it is seventy files, and every command looks at the schema.
  const { Logger, runMigrations } = await import('graphile-worker')
  const silent = new Logger(() => () => undefined)
  await withPool(url, async ({ pool }) => runMigrations({ pgPool: pool, schema: 'graphile_worker', logger: silent }))
}

/** Lets goniec_worker use it, where that role exists. Again after each migration, since a release may bring new tables. */
export async function openGraphileWorker(url: string): Promise<void> {
  await withPool(url, async ({ query }) => query(OPEN))
}

const OPEN = `
  do $$
  declare
    locked name;
  begin
    if not exists (select from pg_roles where rolname = 'goniec_worker') then
      return;
    end if;
    grant usage on schema graphile_worker to goniec_worker;
    grant select, insert, update, delete on all tables in schema graphile_worker to goniec_worker;
    grant usage on all sequences in schema graphile_worker to goniec_worker;
    grant execute on all functions in schema graphile_worker to goniec_worker;
    for locked in
      select c.relname from pg_class c
      where c.relnamespace = 'graphile_worker'::regnamespace and c.relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'goniec_worker')
    loop
      execute format('create policy goniec_worker on graphile_worker.%I to goniec_worker using (true) with check (true)', locked);
    end loop;
  end $$`

async function withPool(url: string, work: (database: Database) => Promise<unknown>): Promise<void> {
  const database = openDatabase(url, { name: 'migrate', size: 1 })
  try {
    await work(database)
  } finally {
    await database.close()
  }
}
