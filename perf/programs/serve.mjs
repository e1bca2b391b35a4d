// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of the measurement: hello for a GET, the parsed and re-serialised body for a POST.
//   sluice serve.mjs PORT
import { serve } from 'sluice:http';

serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => {
  if (req.method === 'GET') {
    res.setHeader('Content-Type', 'text/plain');
    res.end('Hello, World!\n');
    return;
  }
  return req.json().then((value) => {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(value));
  });
});
