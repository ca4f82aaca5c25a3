/** A program that a test can tell how to answer probes, and ask what it sees of its files. It runs in a container. */
export const probedAppPath = '/app.cjs';
export const probedAppPorts = { control: 8000, http: 8080, tcp: 9000, grpc: 9001 };

export const probedApp = `
const fs = require('node:fs'), http = require('node:http'), http2 = require('node:http2'), net = require('node:net');
const state = { ready: false, started: true, alive: true, grpc: false, ...JSON.parse(process.env.STATE || '{}') };
const atStart = {};
for (const path of (process.env.LOOK_AT || '').split(',').filter(Boolean)) {
  try { atStart[path] = fs.readFileSync(path, 'utf8'); } catch (error) { atStart[path] = error.code; }
}
http.createServer((request, response) => {
  const ok = request.url === '/ready' ? state.ready : request.url === '/started' ? state.started : state.alive;
  response.writeHead(ok ? 200 : 503).end(ok ? 'fine' : 'not now');
}).listen(${probedAppPorts.http});
const tcp = net.createServer((socket) => socket.end());
tcp.on('error', () => {});
http2.createServer().on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, state.grpc ? 1 : 2]));
}).listen(${probedAppPorts.grpc});
const look = (path) => {
  try {
    const stat = fs.statSync(path);
    return { content: stat.isFile() ? fs.readFileSync(path, 'utf8') : fs.readdirSync(path).sort().join(' '), mode: (stat.mode & 0o7777).toString(8), uid: stat.uid, gid: stat.gid };
  } catch (error) { return { error: error.code }; }
};
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  const answer = (body) => response.end(JSON.stringify(body));
  if (url.pathname === '/set') {
    for (const [key, value] of url.searchParams) state[key] = value === 'true';
    if (url.searchParams.has('tcp')) state.tcp ? tcp.listen(${probedAppPorts.tcp}) : tcp.close();
    answer(state);
  } else if (url.pathname === '/look') answer(look(url.searchParams.get('path')));
  else if (url.pathname === '/at-start') answer(atStart);
  else if (url.pathname === '/write') {
    try { fs.writeFileSync(url.searchParams.get('path'), 'x'); answer(look(url.searchParams.get('path'))); } catch (error) { answer({ error: error.code }); }
  } else response.writeHead(404).end();
}).listen(${probedAppPorts.control});
process.on('SIGTERM', () => process.exit(0));
`;
