// SPDX-License-Identifier: Apache-2.0
// What proxy.mjs does, in Node with its own client and a keep-alive agent.
import { Agent, createServer, request } from 'node:http';

const upstream = new URL(process.argv[3]);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
createServer((req, res) => {
  const forwarded = request({
    host: upstream.hostname, port: upstream.port, method: req.method, path: req.url, agent,
    headers: { ...req.headers, host: upstream.host, 'x-from': 'proxy' },
  }, (answer) => {
    res.writeHead(answer.statusCode, { ...answer.headers, 'x-via': 'proxy' });
    answer.pipe(res);
  });
  forwarded.on('error', () => { res.statusCode = 502; res.end(); });
  req.pipe(forwarded);
}).listen(Number(process.argv[2]), '0.0.0.0', function () {
  console.log(`listening on port ${this.address().port}`);
});
