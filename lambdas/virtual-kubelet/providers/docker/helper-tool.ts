/**
 * `/nodeless/tool`, the one program of the helper image: what has to happen inside the engine, atomically or in a
 * namespace there. Two forms with the same commands, because what the image is built from differs from machine to machine.
 *
 *   pause                        stay until TERM, reaping what is left to it as process 1
 *   swap DIR NEW                 make DIR/..data point to NEW in one step, then renew the visible links and drop old versions
 *   rm PATH...                   remove with everything below
 *   under ROOT PATH MODE OWNER   print the real path of ROOT/PATH, made as a folder if absent; exit 3 when it leads outside
 *   hostpath TYPE PATH           check or make a hostPath volume; exit 4 with the kubelet's message
 *   relay HOST PORT              join stdin and stdout to a TCP connection
 *   size PATH                    print the KiB of the file system below PATH
 */
export const shellTool = `#!/bin/sh
set -e
command=$1
shift
case $command in
pause)
  trap 'exit 0' TERM INT
  while :; do sleep 3600 & wait $! || true; done
  ;;
swap)
  cd "$1"
  if [ "$(readlink ..data 2>/dev/null)" != "$2" ]; then
    ln -s "$2" ..data_tmp 2>/dev/null || { rm -f ..data_tmp; ln -s "$2" ..data_tmp; }
    mv -T ..data_tmp ..data
  fi
  for entry in "$2"/* "$2"/.[!.]*; do
    name=\${entry##*/}
    if [ -e "$entry" ] || [ -L "$entry" ]; then
      [ -L "$name" ] || ln -s "..data/$name" "$name"
    fi
  done
  for name in * .[!.]*; do
    if [ -L "$name" ] && [ ! -e "$name" ]; then rm -f "$name"; fi
  done
  for old in ..v_*; do
    if [ "$old" != "$2" ]; then rm -rf "$old"; fi
  done
  ;;
rm)
  rm -rf "$@"
  ;;
under)
  root=$(readlink -f "$1")
  [ -e "$1/$2" ] || { mkdir -p "$1/$2"; chmod "$3" "$1/$2"; chown "$4" "$1/$2"; }
  real=$(readlink -f "$1/$2") || exit 3
  case $real/ in
  "$root"/*) echo "$real" ;;
  *) exit 3 ;;
  esac
  ;;
hostpath)
  fail() { echo "hostPath type check failed: $1"; exit 4; }
  case $1 in
  '') [ -e "$2" ] || mkdir -p "$2" ;;
  DirectoryOrCreate) [ -e "$2" ] || mkdir -p "$2"; [ -d "$2" ] || fail "$3 is not a directory" ;;
  Directory) [ -d "$2" ] || fail "$3 is not a directory" ;;
  FileOrCreate) [ -e "$2" ] || { mkdir -p "\${2%/*}"; : > "$2"; }; [ -f "$2" ] || fail "$3 is not a file" ;;
  File) [ -f "$2" ] || fail "$3 is not a file" ;;
  Socket) [ -S "$2" ] || fail "$3 is not a socket file" ;;
  CharDevice) [ -c "$2" ] || fail "$3 is not a character device" ;;
  BlockDevice) [ -b "$2" ] || fail "$3 is not a block device" ;;
  esac
  ;;
relay)
  exec nc "$1" "$2"
  ;;
size)
  df -k "$1" | tail -n 1 | awk '{ print $(NF-4) }'
  ;;
*)
  echo "tool: no command $command" >&2
  exit 2
  ;;
esac
`;

export const nodeTool = `#!/bin/node
const fs = require('node:fs');
const path = require('node:path');
const [command, ...args] = process.argv.slice(2);
const exists = (p) => { try { fs.lstatSync(p); return true; } catch { return false; } };
const isA = (p, test) => { try { return fs.statSync(p)[test](); } catch { return false; } };
const commands = {
  pause() {
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
    setInterval(() => {}, 1 << 30);
  },
  swap(dir, next) {
    const at = (name) => path.join(dir, name);
    let current;
    try { current = fs.readlinkSync(at('..data')); } catch {}
    if (current !== next) {
      fs.rmSync(at('..data_tmp'), { force: true });
      fs.symlinkSync(next, at('..data_tmp'));
      fs.renameSync(at('..data_tmp'), at('..data'));
    }
    for (const name of fs.readdirSync(at(next))) if (!exists(at(name))) fs.symlinkSync('..data/' + name, at(name));
    for (const name of fs.readdirSync(dir)) {
      if (fs.lstatSync(at(name)).isSymbolicLink() && !fs.existsSync(at(name))) fs.rmSync(at(name));
      else if (name.startsWith('..v_') && name !== next) fs.rmSync(at(name), { recursive: true, force: true });
    }
  },
  rm(...paths) {
    for (const p of paths) fs.rmSync(p, { recursive: true, force: true });
  },
  under(root, sub, mode, owner) {
    const wanted = path.join(root, sub);
    if (!exists(wanted)) {
      fs.mkdirSync(wanted, { recursive: true });
      fs.chmodSync(wanted, Number.parseInt(mode, 8));
      fs.chownSync(wanted, ...owner.split(':').map(Number));
    }
    let real;
    try { real = fs.realpathSync(wanted); } catch { process.exit(3); }
    if (!(real + '/').startsWith(fs.realpathSync(root) + '/')) process.exit(3);
    console.log(real);
  },
  hostpath(type, p, shown) {
    const must = (ok, text) => { if (!ok) { console.log('hostPath type check failed: ' + shown + ' is not ' + text); process.exit(4); } };
    if ((type === '' || type === 'DirectoryOrCreate') && !fs.existsSync(p)) fs.mkdirSync(p, { recursive: true });
    if (type === 'FileOrCreate' && !fs.existsSync(p)) { fs.mkdirSync(path.dirname(p), { recursive: true }); fs.writeFileSync(p, ''); }
    if (type.startsWith('Directory')) must(isA(p, 'isDirectory'), 'a directory');
    if (type.startsWith('File')) must(isA(p, 'isFile'), 'a file');
    if (type === 'Socket') must(isA(p, 'isSocket'), 'a socket file');
    if (type === 'CharDevice') must(isA(p, 'isCharacterDevice'), 'a character device');
    if (type === 'BlockDevice') must(isA(p, 'isBlockDevice'), 'a block device');
  },
  relay(host, port) {
    const socket = require('node:net').connect({ host, port: Number(port), allowHalfOpen: true });
    socket.on('error', (error) => { console.error(error.message); process.exit(1); });
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
    socket.on('end', () => process.exit(0));
  },
  size(p) {
    const stats = fs.statfsSync(p);
    console.log(Math.floor((stats.blocks * stats.bsize) / 1024));
  },
};
if (!commands[command]) { console.error('tool: no command ' + command); process.exit(2); }
commands[command](...args);
`;

export const toolPath = '/nodeless/tool';
