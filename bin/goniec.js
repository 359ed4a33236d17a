#!/usr/bin/env node
/* oxlint-disable no-console, promise/always-return -- this runs before anything of goniec is loaded */
// The command. Old syntax on purpose: a Node that is too old must get as far as saying so. It runs the sources of a checkout (src/)
// or the compiled package (dist/), and nothing else happens here.
var NEEDED = [22, 18]
var here = new URL('.', import.meta.url)

function isTooOld(version) {
  var parts = version.split('.').map(Number)
  return parts[0] < NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] < NEEDED[1])
}

function sayTooOld() {
  console.error('Error: goniec needs Node ' + NEEDED.join('.') + ' or newer, this is ' + process.versions.node)
  console.error('Try: install a newer Node (https://nodejs.org), or run "npm ci" in a checkout, which brings one along')
  process.exitCode = 1
}

// A checkout brings its own Node as a development dependency.
function runWithOwnNode(node) {
  return import('node:child_process').then(function (childProcess) {
    var child = childProcess.spawn(node, process.argv.slice(1), { stdio: 'inherit' })
    var signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    signals.forEach(function (signal) {
      process.on(signal, function () {
        // From a terminal the child gets its own Ctrl-C.
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
      })
    })
    child.on('exit', function (code, signal) {
      signals.forEach(function (name) {
        process.removeAllListeners(name)
      })
      if (signal) process.kill(process.pid, signal)
      else process.exitCode = code
    })
  })
}

// Node 22 announces on every start that it can run TypeScript.
function silenceTypeStripping() {
  process.removeAllListeners('warning')
  process.on('warning', function (warning) {
    if (warning.name !== 'ExperimentalWarning') console.error(warning.name + ': ' + warning.message)
  })
}

// A worker needs half the memory where garbage is looked for sooner, and with one arena for what is no object; so does what reckons whole forecasts
// before it answers. None of it can be set from within, so it begins once more, as the same process (docs/decisions/lean-worker.md).
var LEAN = ['--max-semi-space-size=8', '--initial-old-space-size=24', '--heap-growing-percent=50']
var ARENAS = '1'
var NEWEST_TRIED = 24

function isLarge(args) {
  return args[0] === 'worker' || args[0] === 'apply' || (args[0] === 'forecast' && args.indexOf('--fresh') > 0)
}

function beginLean() {
  // A flag that a Node does not know any more would keep it from starting.
  var isTried = Number(process.versions.node.split('.')[0]) <= NEWEST_TRIED && typeof process.execve === 'function'
  var isTold = process.execArgv.concat(process.env.NODE_OPTIONS || '').some(function (flag) {
    return flag.indexOf('-space-size') >= 0
  })
  if (!isLarge(process.argv.slice(2)) || process.platform === 'win32' || !isTried || isTold) return
  var args = [process.execPath].concat(process.execArgv, LEAN, process.argv.slice(1))
  process.execve(process.execPath, args, Object.assign({ MALLOC_ARENA_MAX: ARENAS }, process.env))
}

import('node:fs')
  .then(function (fs) {
    var source = new URL('../src/cli/main.ts', here)
    var isCheckout = fs.existsSync(source)
    if (isTooOld(process.versions.node)) {
      var node = new URL('../node_modules/.bin/node', here).pathname
      return isCheckout && fs.existsSync(node) ? runWithOwnNode(node) : sayTooOld()
    }
    silenceTypeStripping()
    beginLean()
    return import(isCheckout ? source.href : new URL('../dist/cli/main.js', here).href).then(function (cli) {
      return cli.main(process.argv.slice(2))
    })
  })
  .catch(function (error) {
    console.error(error)
    process.exitCode = 1
  })
