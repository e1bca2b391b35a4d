// SPDX-License-Identifier: Apache-2.0
// What most end-to-end tests talk to: a route for each thing that a client may ask for.
import { serve } from 'sluice:http';

// Byte i of a download and of an upload is i % 251: a prime, so that lost, repeated or exchanged segments show.
const kPeriod = 251;
const kPiece = kPeriod * 256;
const pattern = new Uint8Array(kPiece + kPeriod);
for (let i = 0; i < pattern.length; i++) pattern[i] = i % kPeriod;

const port = Number(process.argv[2] ?? 8080);
const hostname = process.argv[3] ?? '';
let requests = 0, gone = 0;

async function download(res, size) {
  res.setHeader('Content-Type', 'application/octet-stream');
  res.setHeader('Content-Length', size);
  for (let sent = 0; sent < size; sent += kPiece) {
    const piece = pattern.subarray(0, Math.min(kPiece, size - sent));
    if (!res.write(piece)) await res.drained;
  }
  res.end();
}

async function upload(req, res) {
  let at = 0, wrong = 0;
  for await (const chunk of req) {
    for (let i = 0, expected = at % kPeriod; i < chunk.length; i++) {
      if (chunk[i] !== expected) wrong++;
      if (++expected === kPeriod) expected = 0;
    }
    at += chunk.length;
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ bytes: at, wrong }));
}

serve({ port, hostname }, async (req, res) => {
  requests++;
  const path = req.url;
  if (path === '/hello') {
    res.setHeader('Content-Type', 'text/plain');
    res.end('Hello, World!\n');
  } else if (path === '/echo') {
    const body = await req.bytes();
    res.setHeader('Content-Type', req.headers['content-type'] ?? 'application/octet-stream');
    res.end(body);
  } else if (path === '/headers') {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers }));
  } else if (path.startsWith('/download/')) {
    await download(res, Number(path.slice(10)));
  } else if (path === '/upload') {
    await upload(req, res);
  } else if (path === '/chunks') {
    res.write('one,');
    await new Promise((done) => setTimeout(done, 5));
    res.write('two,');
    res.end('three');
  } else if (path === '/slow') {
    await new Promise((done) => setTimeout(done, 300));
    res.end('slow');
  } else if (path === '/wait') {
    req.signal.addEventListener('abort', () => gone++);
    await new Promise(() => {});
  } else if (path === '/gone') {
    res.end(String(gone));
  } else if (path === '/throw') {
    throw new Error('thrown on purpose');
  } else if (path === '/count') {
    res.end(String(requests));
  } else {
    res.writeHead(404, { 'Content-Type': 'text/plain' });
    res.end('not found');
  }
});
