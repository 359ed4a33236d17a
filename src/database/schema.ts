/** The tables of the schema `goniec` for kysely. Generated from a migrated database by `npm run schema`: do not edit. */
export type Schema = Record<string, Record<string, unknown>>
