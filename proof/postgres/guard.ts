/** Servers of a proof that is killed end with it: a small shell waits for the end of a pipe that only we hold. */
import { spawn } from 'node:child_process'

/** Watches over every server below this directory; returns what ends the watch without harm. */
export function guard(directory: string): () => void {
  const script = `
    read word; [ "$word" = done ] && exit
    for file in '${directory}'/*/data/postmaster.pid '${directory}'/*/*/data/postmaster.pid; do
      [ -f "$file" ] && kill -QUIT "$(head -n 1 "$file")"
    done
    sleep 1
    [ -d '${directory}/disk' ] && umount -l '${directory}/disk'
    rm -rf '${directory}'`
  const watch = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watch.unref()
  return () => watch.stdin.end('done\n')
}
