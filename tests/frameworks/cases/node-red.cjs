// SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const express = require('express4');
const RED = require('node-red');
const { announce, host, port } = require('./announce.cjs');

const userDir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-node-red-'));
process.on('exit', () => fs.rmSync(userDir, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit(0));
fs.writeFileSync(path.join(userDir, 'flows.json'), JSON.stringify([
  { id: 'tab', type: 'tab', label: 'Flow' },
  { id: 'in', type: 'http in', z: 'tab', url: '/hello/:name', method: 'get', x: 1, y: 1, wires: [['f']] },
  { id: 'f', type: 'function', z: 'tab', func: "msg.payload = { hello: msg.req.params.name, from: 'node-red' }; return msg;", outputs: 1, x: 2, y: 1, wires: [['out']] },
  { id: 'out', type: 'http response', z: 'tab', x: 3, y: 1, wires: [] },
]));
const app = express();
const server = http.createServer(app);
RED.init(server, { httpAdminRoot: '/red', httpNodeRoot: '/', userDir, flowFile: 'flows.json', logging: { console: { level: 'error' } }, telemetry: { enabled: false, updateNotification: false } });
app.use('/red', RED.httpAdmin);
app.use('/', RED.httpNode);
RED.start().then(() => new Promise((resolve) => {
  if (RED.runtime.flows) RED.events.once('flows:started', resolve);
  else resolve();
})).then(() => server.listen(port, host, () => announce(server)));
