// SPDX-License-Identifier: Apache-2.0
// Takes JSON and gives it back with one property more.
//
//   ./dev run examples/json.js
//   curl -d '{"name":"sluice","list":[1,2,3]}' http://127.0.0.1:8080/
import { serve } from 'sluice:http';

const port = Number(process.argv[2] ?? process.env.PORT ?? 8080);

serve({ hostname: '127.0.0.1', port }, async (req, res) => {
  if (req.method !== 'POST') {
    res.writeHead(405, { Allow: 'POST' });
    res.end();
    return;
  }
  let value;
  try {
    value = await req.limitBody(1 << 20).json();
  } catch (error) {
    res.writeHead(error.statusCode ?? 400, { 'Content-Type': 'text/plain' });
    res.end(`${error.message}\n`);
    return;
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify({ ...value, seen: true }));
});
