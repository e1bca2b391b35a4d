// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert';
import { Agent, Client, fetch, Pool, request, stream } from 'undici';
import { PassThrough } from 'node:stream';
import { runOnRequest } from './announce.cjs';

const base = process.env.UPSTREAM;
runOnRequest({
  async request() {
    const { statusCode, headers, body } = await request(`${base}/hello`);
    assert.deepStrictEqual([statusCode, headers['x-upstream'], await body.text()], [200, 'yes', 'hello']);
  },
  async fetch() { assert.strictEqual(await (await fetch(`${base}/gzip`)).text().then((text) => text.length), 100_000); },
  async post() { assert.deepStrictEqual(await (await fetch(`${base}/echo`, { method: 'POST', body: JSON.stringify({ a: 1 }) })).json(), { a: 1 }); },
  async pool() {
    const pool = new Pool(base, { connections: 4, pipelining: 1 });
    const answers = await Promise.all(Array.from({ length: 40 }, async () => (await pool.request({ path: '/hello', method: 'GET' })).body.text()));
    assert.ok(answers.every((text) => text === 'hello'));
    await pool.close();
  },
  async client() {
    const client = new Client(base);
    let bytes = 0;
    await client.stream({ path: '/large', method: 'GET' }, () => new PassThrough().on('data', (chunk) => { bytes += chunk.length; }));
    assert.strictEqual(bytes, 2_000_000);
    await client.close();
  },
  async aborted() {
    await assert.rejects(request(`${base}/never`, { signal: AbortSignal.timeout(50) }), (error) => error.name === 'TimeoutError' || error.name === 'AbortError');
  },
  async timeout() { await assert.rejects(request(`${base}/never`, { headersTimeout: 100, dispatcher: new Agent({ headersTimeout: 100 }) }), { code: 'UND_ERR_HEADERS_TIMEOUT' }); },
});
