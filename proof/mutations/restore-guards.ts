/** What stands between a database that has forgotten its mails, or is a copy, and a second mail. */
import type { Edit, Mutation } from './mutation.ts'

const STANDING = 'migrations/000001_installation.sql'
const LOOK_BACK = 'src/worker/look-back.ts'

const restored = (title: string) => ({ file: 'tests/wire/restored.test.ts', title })

const COPIED = restored('a copy of the database mails nobody whom its original mails')
const STANDBY = restored(
  'a standby that lacked the last commits mails nobody twice, although the worker has lost its logbook',
)
const SET_BACK = restored('a backup that is put back in place, on the timeline that it was of, mails nobody twice')
const PUT_ASIDE = restored(
  'a database that was put aside for its backup, and is taken up again after all, mails nobody whom the restored one has mailed since',
)
const IMPORTED = restored(
  'a lead that the backup did not know has no mail twice when it is imported again after the restore',
)

/** Mails beyond those that everybody was to have. */
const TWICE = /expected \[ .*'lead1@people\.example intro'.* \] to deeply equal/

const HOLD: Edit = {
  file: STANDING,
  from: 'is_restored := moved is not null or exists (select from goniec.restoration r where r.ended_at is null);',
  to: 'is_restored := false;',
}

const MISSING_MAILS: Edit = { file: LOOK_BACK, from: 'if (mails > 0) return', to: 'if (mails < 0) return' }

const POSITION: Edit = {
  file: LOOK_BACK,
  from: 'return compared[0]?.behind === true',
  to: 'return compared[0]?.behind === null',
}

/** A restore. */
export const RESTORE_GUARDS: readonly Mutation[] = [
  {
    name: 'restored-hold',
    off: 'that a database which was restored is asked for at each claim and fence: nothing is held',
    edits: [HOLD],
    test: COPIED,
    says: TWICE,
  },
  {
    name: 'restored-elsewhere',
    off: 'the comparison of cluster and database with where they were',
    edits: [{ file: STANDING, from: `then 'elsewhere'`, to: 'then null' }],
    test: COPIED,
    says: TWICE,
  },
  {
    name: 'restored-timeline',
    off: 'the comparison of the timeline with what it was',
    edits: [{ file: STANDING, from: `then 'promoted'`, to: 'then null' }],
    test: STANDBY,
    says: TWICE,
  },
  {
    name: 'restored-logbook',
    off: 'the worker’s look into its logbook for mails that the database lacks',
    edits: [MISSING_MAILS],
    test: SET_BACK,
    heldBy:
      'the position of the write-ahead log that the logbook has seen: the database is held, and then told of the mails',
  },
  {
    name: 'restored-position',
    off: 'the worker’s look into its logbook for a later position of the write-ahead log',
    edits: [POSITION],
    test: SET_BACK,
    heldBy: 'the mails that the database lacks',
  },
  {
    name: 'restored-logbook-and-position',
    off: 'both of them',
    edits: [MISSING_MAILS, POSITION],
    test: SET_BACK,
    says: TWICE,
  },
  {
    name: 'restored-beside',
    off: 'the worker’s look into its logbooks for mails that it has sent for another copy of the database',
    edits: [{ file: LOOK_BACK, from: 'if (mails === 0) return null', to: 'if (mails >= 0) return null' }],
    test: PUT_ASIDE,
    says: TWICE,
  },
  {
    name: 'recalled-at-the-fence',
    off: 'the fence’s look at the Message-IDs of mails that went out and have no row',
    edits: [{ file: 'migrations/000006_fence.sql', from: 'when v_recalled and goniec', to: 'when false and goniec' }],
    test: IMPORTED,
    says: /expected \[ .*'again@people\.example intro'.* \] to deeply equal/,
  },
]
