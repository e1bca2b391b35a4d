// SPDX-License-Identifier: Apache-2.0
// A route for each promise of `sluice:http` and `sluice:net`; test_javascript_api.py asks for them.
import { serve, request, proxy, upstreams, fetch as namedFetch } from 'sluice:http';
import { listen, connect, bindUdp } from 'sluice:net';

const routes = { __proto__: null };
const errors = [];
const state = { begun: 0, closed: 0, aborted: 0, finished: 0 };

function json(res, value, status = 200) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(value));
}

function caught(action) {
  try {
    action();
    return null;
  } catch (error) {
    return { name: error.name, code: error.code, message: error.message };
  }
}

routes['/request'] = async (req, res) => {
  const more = {
    method: req.method, url: req.url, headers: req.headers, rawHeaders: req.rawHeaders, httpVersion: req.httpVersion,
    remoteAddress: req.remoteAddress, remotePort: req.remotePort, localPort: req.localPort, hasBody: req.hasBody,
    contentLength: req.contentLength ?? null, host: req.header('HOST'), none: req.header('x-none') ?? null,
  };
  more.body = await req.text();
  more.trailers = req.trailers;
  json(res, more);
};

routes['/fields'] = (req, res) => {
  res.setHeader('X-One', 'first').setHeader('x-one', 'second').setHeader('X-Number', 5);
  res.setHeader('Set-Cookie', ['a=1', 'b=2']);
  res.appendHeader('Set-Cookie', 'c=3');
  res.setHeader('X-Gone', 'soon');
  res.removeHeader('x-gone');
  res.setHeader('X-Latin', 'caf\u00e9');
  const seen = { one: res.getHeader('X-ONE'), names: res.getHeaderNames(), has: res.hasHeader('x-gone'), cookies: res.getHeader('set-cookie') };
  res.writeHead(203, 'Quite Fine', { 'Content-Type': 'application/json' });
  seen.late = caught(() => res.setHeader('a', 'b')).code;
  seen.sent = res.headersSent;
  seen.ended = res.writableEnded;
  res.end(JSON.stringify(seen));
};

routes['/invalid'] = (req, res) => {
  json(res, {
    token: caught(() => res.setHeader('bad name', 'x')),
    empty: caught(() => res.setHeader('', 'x')),
    crlf: caught(() => res.setHeader('X-A', 'a\r\nX-B: b')),
    nul: caught(() => res.setHeader('X-A', 'a\0b')),
    wide: caught(() => res.setHeader('X-A', '\u20ac')),
    undefined: caught(() => res.setHeader('X-A', undefined)),
    status: caught(() => res.writeHead(99)),
    chunk: caught(() => res.end(17)),
    object: caught(() => res.write({})),
    length: caught(() => {
      res.setHeader('Content-Length', 3);
      try {
        res.end('four');
      } finally {
        res.removeHeader('Content-Length');
      }
    }),
  });
};

// Bodies of each kind that end() takes; ?kind=...&size=...
routes['/body'] = (req, res) => {
  const query = new URL(req.url, 'http://x').searchParams;
  const size = Number(query.get('size') ?? 0);
  switch (query.get('kind')) {
    case 'ascii': return void res.end('a'.repeat(size));
    case 'rope': return void res.end('a'.repeat(size >> 1) + 'b'.repeat(size - (size >> 1)));
    case 'latin1': return void res.end('\u00e9'.repeat(size));
    case 'wide': return void res.end('\u20ac'.repeat(size));
    case 'emoji': return void res.end('\u{1f600}'.repeat(size));
    case 'lone': return void res.end('\ud800x');
    case 'bytes': return void res.end(new Uint8Array(size).fill(7));
    case 'buffer': return void res.end(new Uint8Array(size).fill(8).buffer);
    case 'view': return void res.end(new Uint8Array(size + 10).fill(9).subarray(5, size + 5));
    case 'tiny': return void res.end(new Uint8Array([1, 2, 3]));
    case 'data': return void res.end(new DataView(new Uint8Array(size).fill(6).buffer));
    case 'none': return void res.end();
    case 'write': {
      res.write('caf\u00e9 ');
      res.write(new Uint8Array([65, 66]));
      return void res.end('\u20ac');
    }
    case 'length': {
      res.setHeader('Content-Length', 6);
      res.write('one');
      return void res.end('two');
    }
    case '204': return void res.writeHead(204).end();
    case '304': return void res.writeHead(304, { ETag: '"x"' }).end();
  }
};

routes['/same'] = (req, res) => {  // constant fields: block by block
  res.setHeader('Content-Type', 'text/plain');
  res.setHeader('X-Variant', req.header('x-variant') === 'b' ? 'b' : 'a');
  res.setHeader('Cache-Control', 'no-store');
  res.end('same');
};
routes['/own'] = (req, res) => {  // a field that differs each time
  res.setHeader('X-Id', req.header('x-id'));
  res.setHeader('Content-Type', 'text/plain');
  res.end('own');
};

routes['/throw'] = () => { throw new Error('thrown on purpose'); };
routes['/reject'] = async () => {
  await undefined;
  throw new Error('rejected on purpose');
};
routes['/late-throw'] = async (req, res) => {
  res.write('part');
  await new Promise((done) => setTimeout(done, 5));
  throw new Error('thrown after the head');
};
routes['/loop'] = () => { for (;;); };
routes['/errors'] = (req, res) => json(res, errors.splice(0));
routes['/state'] = (req, res) => json(res, state);

routes['/callback'] = (req, res) => { setTimeout(() => res.end('from a timer'), 5); };
routes['/async'] = async (req, res) => {
  await new Promise((done) => setTimeout(done, 5));
  res.end(`after a while ${req.url}`);
};
let kept = null;
routes['/keep'] = (req, res) => {
  kept = { req, url: req.url };
  res.end('kept');
};
routes['/kept'] = async (req, res) => {
  json(res, { url: kept.req.url, headers: caught(() => kept.req.headers), raw: caught(() => kept.req.rawHeaders), method: kept.req.method,
    body: await kept.req.text().catch((error) => error.code) });
};
routes['/after-end'] = async (req, res) => {
  res.end('first');
  const { url } = req;
  await new Promise((done) => setTimeout(done, 5));
  errors.push(`${url} ${req.headers['x-mark']}`);
};

routes['/echo'] = async (req, res) => {
  for await (const chunk of req) if (!res.write(chunk)) await res.drained;
  res.end();
};
routes['/json'] = async (req, res) => {
  try {
    json(res, { got: await req.limitBody(1000).json() });
  } catch (error) {
    json(res, { name: error.name, code: error.code }, error.statusCode ?? 400);
  }
};
routes['/twice'] = async (req, res) => {
  await req.text();
  json(res, { used: req.bodyUsed, code: await req.text().catch((error) => error.code) });
};
routes['/events'] = (req, res) => {
  let bytes = 0;
  req.on('data', (chunk) => { bytes += chunk.length; });
  req.on('end', () => res.end(String(bytes)));
};
routes['/ignore'] = (req, res) => { res.end('not interested'); };
routes['/break'] = async (req, res) => {
  for await (const chunk of req) {
    res.end(`first piece of ${chunk.length > 0}`);
    break;
  }
};
routes['/stream'] = (req, res) => res.sendStream((async function* pieces() {
  for (let i = 0; i < 5; i++) {
    await undefined;
    yield `piece ${i}\n`;
  }
})());
routes['/flood'] = async (req, res) => {
  const piece = 'x'.repeat(64 * 1024);
  let pauses = 0;
  for (let i = 0; i < 400; i++) {
    if (!res.write(piece)) {
      pauses++;
      await res.drained;
    }
  }
  res.end();
  state.pauses = pauses;
};
routes['/trailers'] = (req, res) => {
  res.writeHead(200, { Trailer: 'X-Sum' });
  res.write('body');
  res.addTrailers({ 'X-Sum': '42' });
  res.end();
};
routes['/hints'] = (req, res) => {
  res.writeEarlyHints({ Link: '</style.css>; rel=preload' });
  res.end('hinted');
};
routes['/wait'] = async (req, res) => {
  state.begun++;
  res.on('finish', () => state.finished++);
  req.on('aborted', () => state.aborted++);
  req.on('close', () => state.closed++);
  await new Promise((done) => req.signal.addEventListener('abort', done));
  state.reason = req.signal.reason.code;
};
routes['/read-aborted'] = async (req) => {
  state.begun++;
  try {
    await req.text();
  } catch (error) {
    state.read = error.code;
  }
};
routes['/many'] = (req, res) => {
  res.once('finish', () => state.finished++);
  res.end('x');
};

// --- the client, against this server
const self = (path) => `http://127.0.0.1:${server.port}${path}`;
routes['/client'] = async (req, res) => {
  const plain = await request(self('/request?x=1'), { headers: { 'X-Sent': 'yes' } });
  const first = await plain.json();
  const posted = await (await request(self('/request'), { method: 'POST', body: 'caf\u00e9' })).json();
  const streamed = await request(self('/request'), { method: 'PUT', body: (async function* () { yield 'ab'; yield new Uint8Array([99]); })() });
  const chunks = [];
  for await (const chunk of (await request(self('/stream'))).body) chunks.push(...chunk);
  json(res, {
    status: plain.status, type: plain.headers['content-type'], url: first.url, sent: first.headers['x-sent'], host: first.headers.host,
    posted: posted.body, length: posted.contentLength, streamed: await streamed.json(), chunks: String.fromCharCode(...chunks),
    refused: await request('http://127.0.0.1:1/').then(() => 'answered', (error) => error.code),
    name: await request('http://no-such-name.invalid/').then(() => 'answered', (error) => error.code),
    https: await request('https://127.0.0.1/').then(() => 'answered', (error) => error.code),
    trailers: await request(self('/trailers')).then(async (answer) => [await answer.text(), answer.trailers]),
    large: await request(self('/body?kind=ascii&size=3000000')).then((answer) => answer.text()).then((text) => text.length),
    limited: await request(self('/body?kind=ascii&size=3000000')).then((answer) => answer.limitBody(1000).text()).catch((error) => error.code),
  });
};
routes['/abort-client'] = async (req, res) => {
  const controller = new AbortController();
  const waiting = request(self('/never'), { signal: controller.signal });
  setTimeout(() => controller.abort(), 5);
  json(res, { name: await waiting.catch((error) => error.name) });
};
routes['/never'] = () => {};
routes['/moved'] = (req, res) => res.writeHead(302, { Location: '/request?moved' }).end();
routes['/fetch'] = async (req, res) => {
  const answer = await fetch(self('/moved'), { headers: { accept: 'text/plain' } });
  const body = await answer.json();
  const posted = await fetch(new Request(self('/request'), { method: 'POST', body: new URLSearchParams({ a: '1 2', b: '&' }) }));
  const streamed = await fetch(self('/stream'));
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of streamed.body) text += decoder.decode(chunk, { stream: true });
  json(res, {
    same: fetch === namedFetch, redirected: answer.redirected, url: new URL(answer.url).pathname, ok: answer.ok, accept: body.headers.accept,
    posted: await posted.json(), text, status: (await fetch(self('/absent'))).status,
    failed: await fetch('http://127.0.0.1:1/').catch((error) => [error.message, error.cause.code]),
  });
};

// --- the proxy, from this server to itself
let set = null;
routes['/proxied'] = async (req, res) => {
  const query = new URL(req.url, 'http://x').searchParams;
  set ??= upstreams({ servers: ['127.0.0.1:1', `127.0.0.1:${server.port}`], balance: 'failover' });
  const outcome = await proxy(req, res, set, {
    target: query.get('to'),
    request: { set: { 'X-Added': 'on the way' }, remove: ['X-Secret'] },
    response: { set: { 'X-Through': 'proxy', 'Content-Type': 'text/x-proxied' } },
  });
  state.outcome = { ...outcome, statusCode: res.statusCode, ended: res.writableEnded, upstream: outcome.upstream === `http://127.0.0.1:${server.port}` };
};
routes['/proxied-nowhere'] = async (req, res) => {
  state.outcome = await proxy(req, res, ['http://127.0.0.1:1', 'http://127.0.0.1:2']);
};
const changed = { target: '/request', request: { set: {}, via: '' } };
routes['/proxied-options'] = (req, res) => {
  const query = new URL(req.url, 'http://x').searchParams;
  const number = query.get('number'), via = `edge-${number}`;
  let options = { target: '/request', request: { set: { 'X-Number': number }, via } };
  if (query.get('kind') === 'same') {
    changed.request.set['X-Number'] = number;
    changed.request.via = via;
    options = changed;
  } else if (query.get('kind') === 'iterable') {
    options.request.set = new Map([['X-Number', number]]);
  }
  return proxy(req, res, [`127.0.0.1:${server.port}`], options);
};
routes['/proxied-wrong'] = (req, res) => {
  const codes = [];
  for (const request of [{ via: 'two words' }, { via: '' }, { set: { 'X-A': 'a\nb' } }]) {
    try {
      proxy(req, res, 'http://127.0.0.1:1', { request });
    } catch (error) {
      codes.push(error.code);
    }
  }
  json(res, { codes });
};
routes['/proxied-late'] = async (req, res) => {
  await req.text();
  json(res, caught(() => undefined) ?? await proxy(req, res, 'http://127.0.0.1:1').catch((error) => ({ code: error.code })));
};

// --- streams and datagrams
const echo = listen({ hostname: '127.0.0.1', port: 0 }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('end', () => socket.end());
});
const udp = bindUdp({ hostname: '127.0.0.1', port: 0 }, (message, from, socket) => socket.send(message, from));
routes['/ports'] = (req, res) => json(res, { tcp: echo.port, udp: udp.port });
routes['/net'] = async (req, res) => {
  const socket = connect({ hostname: '127.0.0.1', port: echo.port });
  socket.write('written before ');
  await socket.ready;
  const port = socket.remotePort === echo.port;
  socket.write('and after');
  socket.end();
  let text = '';
  for await (const chunk of socket) text += String.fromCharCode(...chunk);
  const refused = connect({ hostname: '127.0.0.1', port: 1 });
  const code = await refused.ready.catch((error) => error.code);

  const answered = await new Promise((done) => {
    const peer = bindUdp({ hostname: '127.0.0.1' }, (message, from) => {
      done([String.fromCharCode(...message), from.port === udp.port]);
      peer.close();
    });
    peer.send('datagram', udp.port, '127.0.0.1');
  });
  json(res, { text, code, port, answered, late: caught(() => socket.write('x')).code, big: caught(() => udp.send(new Uint8Array(70000), 9, '127.0.0.1')).code });
};

const server = serve({
  port: Number(process.argv[2] ?? 0), hostname: '127.0.0.1', headerTimeoutMs: 5000, limits: { bodyBytes: 50_000_000 },
  onError(error, req) { errors.push(`${req.method} ${error.message}`); },
  upgrade(req, socket, head) {
    if (req.url !== '/upgrade') {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
    socket.write(`<${req.headers.upgrade} ${head.length}>`);
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end());
  },
}, (req, res) => {
  const path = req.url.split('?')[0];
  const route = routes[path];
  if (route === undefined) {
    res.statusCode = 404;
    res.end();
    return undefined;
  }
  return route(req, res);
});
