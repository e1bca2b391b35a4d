// SPDX-License-Identifier: Apache-2.0
// The reverse proxy of the measurement: one header added each way.
//   sluice proxy.mjs PORT UPSTREAM-URL
import { serve, proxy } from 'sluice:http';

const upstream = process.argv[3];
const options = { request: { set: { 'X-From': 'proxy' } }, response: { set: { 'X-Via': 'proxy' } } };
serve({ port: Number(process.argv[2]), hostname: '0.0.0.0' }, (req, res) => proxy(req, res, upstream, options));
