// SPDX-License-Identifier: Apache-2.0
// A reverse proxy before two servers: one header is added each way, and when a server cannot be reached the other is asked.
// Bodies pass through in C++; JavaScript sees none of their bytes.
//
//   ./dev run examples/hello.js 9001 &   build/sluice examples/hello.js 9002 &
//   ./dev run examples/proxy.js          on http://127.0.0.1:8080; UPSTREAMS=host:port,host:port names others
//   curl -i http://127.0.0.1:8080/       stop one of the two, and it goes on
import { serve, proxy, upstreams } from 'sluice:http';

const port = Number(process.argv[2] ?? process.env.PORT ?? 8080);
const servers = (process.env.UPSTREAMS ?? '127.0.0.1:9001,127.0.0.1:9002').split(',');

const backend = upstreams({ servers, balance: 'round-robin', failTimeoutMs: 5000 });
const options = {
  request: { set: { 'X-Proxied-By': 'sluice' } },
  response: { set: { 'X-Served-Through': 'sluice' }, remove: ['Server'] },
};

serve({ hostname: '127.0.0.1', port }, (req, res) => proxy(req, res, backend, options));
