// SPDX-License-Identifier: Apache-2.0
// The smallest server.
//
//   ./dev run examples/hello.js          serves on http://127.0.0.1:8080
//   build/sluice examples/hello.js 3000  or on another port (the environment variable PORT does as well)
//   curl -i http://127.0.0.1:8080/
import { serve } from 'sluice:http';

const port = Number(process.argv[2] ?? process.env.PORT ?? 8080);

serve({ hostname: '127.0.0.1', port }, (req, res) => {
  res.setHeader('Content-Type', 'text/plain');
  res.end('Hello from Sluice\n');
});
