// SPDX-License-Identifier: Apache-2.0
// Requests to oneself: many events a turn, all answered, in order on each connection.
import { serve } from 'sluice:http';
const seen = [];
const server = serve({ port: 0, hostname: '127.0.0.1' }, (req, res) => {
  seen.push(req.url);
  res.end(req.url);
});
const { port } = server;
const answers = await Promise.all(Array.from({ length: 300 }, async (_, i) => (await fetch(`http://127.0.0.1:${port}/${i}`)).text()));
console.log(answers.every((text, i) => text === `/${i}`), new Set(seen).size);
server.close();
