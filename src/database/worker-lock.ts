/** The first key of the advisory lock that a worker's session holds for as long as it lives; the second is the hash of the worker's name. */
export const WORKER_NAME_LOCK = 20_201
