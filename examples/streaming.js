// SPDX-License-Identifier: Apache-2.0
// Bodies in pieces, both ways.
//
//   ./dev run examples/streaming.js
//   curl -N http://127.0.0.1:8080/events                     server-sent events, one a second
//   curl -N http://127.0.0.1:8080/count/1000000 | tail -1    a large answer; no faster than the peer takes it
//   head -c 100M /dev/zero | curl -T - http://127.0.0.1:8080/upload   counts what is sent, and keeps none of it
import { serve } from 'sluice:http';

const port = Number(process.argv[2] ?? process.env.PORT ?? 8080);

function events(req, res) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  let id = 0;
  const send = () => res.write(`id: ${++id}\ndata: ${JSON.stringify({ time: new Date().toISOString() })}\n\n`);
  const timer = setInterval(send, Number(process.env.INTERVAL_MS ?? 1000));
  req.on('close', () => clearInterval(timer));
  send();
}

async function count(req, res, to) {
  res.setHeader('Content-Type', 'text/plain');
  let lines = '';
  for (let i = 1; i <= to; i++) {
    lines += `${i}\n`;
    // write() says false when the peer does not keep up.
    if (lines.length >= 16384 || i === to) {
      if (!res.write(lines)) await res.drained;
      lines = '';
    }
  }
  res.end();
}

async function upload(req, res) {
  let bytes = 0, pieces = 0;
  for await (const chunk of req) {
    bytes += chunk.length;
    pieces++;
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(`${JSON.stringify({ bytes, pieces })}\n`);
}

serve({ hostname: '127.0.0.1', port }, (req, res) => {
  if (req.url === '/events') return events(req, res);
  if (req.url === '/upload') return upload(req, res);
  const counted = /^\/count\/(\d{1,9})$/.exec(req.url);
  if (counted) return count(req, res, Number(counted[1]));
  res.statusCode = 404;
  res.end('There are /events, /count/N and /upload\n');
});
