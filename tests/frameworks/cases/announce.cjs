// SPDX-License-Identifier: Apache-2.0
// Where a case listens (HOST and PORT of the environment), and how its driver learns of it.
'use strict';

exports.host = process.env.HOST || '127.0.0.1';
exports.port = Number(process.env.PORT || 0);
exports.announce = (server) => {
  const { port } = server.address();
  console.log(`listening on http://${exports.host}:${port}`);
};

// A case of a client: each GET /run runs `checks` (name -> async function that throws) and answers { name: 'ok' | error }.
exports.runOnRequest = (checks) => {
  const server = require('node:http').createServer(async (req, res) => {
    const results = {};
    for (const [name, check] of Object.entries(checks)) {
      try {
        await check();
        results[name] = 'ok';
      } catch (error) {
        results[name] = error && error.stack || String(error);
      }
    }
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(results));
  });
  server.listen(exports.port, exports.host, () => exports.announce(server));
};
