// SPDX-License-Identifier: Apache-2.0
// What is soaked: a server with the ways in which programs answer, and fail to.
'use strict';
const http = require('node:http');

const large = Buffer.alloc(1 << 20, 'large ');
const counts = { requests: 0, finished: 0, closed: 0, thrown: 0, upgraded: 0, upgradesOpen: 0 };
process.on('uncaughtException', (error) => {
  if (error.message !== 'on purpose') throw error;
  counts.thrown++;
});

const routes = {
  '/hello': (req, res) => res.end('hello\n'),
  '/json': (req, res) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ url: req.url, agent: req.headers['user-agent'] }));
  },
  '/large': (req, res) => res.end(large),
  '/stream': (req, res) => {
    let left = 20;
    const next = () => {
      while (left-- > 0) {
        if (!res.write('x'.repeat(4096))) {
          res.once('drain', next);
          return;
        }
      }
      res.end();
    };
    next();
  },
  '/later': (req, res) => setTimeout(() => res.end('later\n'), 30),
  '/count': (req, res) => {
    let bytes = 0;
    req.on('data', (chunk) => { bytes += chunk.length; });
    req.on('end', () => res.end(`${bytes}\n`));
  },
  '/echo': (req, res) => req.pipe(res),
  '/throw': (req, res) => {
    res.statusCode = 500;
    res.end('thrown\n');
    setImmediate(() => { throw new Error('on purpose'); });
  },
  // What becomes of the connection then is not said; that of others is.
  '/throw-now': () => { throw new Error('on purpose'); },
  '/stats': (req, res) => {
    if (typeof gc === 'function') gc();
    server.getConnections((error, connections) => {
      const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
      res.end(JSON.stringify({ ...counts, connections, rss, heapUsed, external, arrayBuffers }));
    });
  },
};
const server = http.createServer((req, res) => {
  counts.requests++;
  res.on('finish', () => counts.finished++);
  res.on('close', () => counts.closed++);
  const route = routes[req.url.split('?')[0]];
  if (route) route(req, res);
  else {
    res.statusCode = 404;
    res.end('nothing here\n');
  }
});
server.on('upgrade', (req, socket, head) => {
  counts.upgraded++;
  counts.upgradesOpen++;
  socket.on('close', () => counts.upgradesOpen--);
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  if (head.length > 0) socket.write(head);
  socket.pipe(socket);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.PORT || 0), process.env.HOST, () => console.log(`listening on http://${process.env.HOST}:${server.address().port}`));
