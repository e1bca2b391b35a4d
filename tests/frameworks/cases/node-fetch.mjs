// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert';
import fetch from 'node-fetch';
import { runOnRequest } from './announce.cjs';

const base = process.env.UPSTREAM;
runOnRequest({
  async get() { assert.strictEqual(await (await fetch(`${base}/hello`)).text(), 'hello'); },
  async json() { assert.deepStrictEqual(await (await fetch(`${base}/echo`, { method: 'POST', body: JSON.stringify({ a: 1 }) })).json(), { a: 1 }); },
  async gzip() { assert.strictEqual((await (await fetch(`${base}/gzip`)).text()).length, 100_000); },
  async redirect() { assert.strictEqual((await fetch(`${base}/redirect`)).redirected, true); },
  async stream() {
    let bytes = 0;
    for await (const chunk of (await fetch(`${base}/large`)).body) bytes += chunk.length;
    assert.strictEqual(bytes, 2_000_000);
  },
  async aborted() { await assert.rejects(fetch(`${base}/never`, { signal: AbortSignal.timeout(50) }), { name: 'AbortError' }); },
  async refused() { await assert.rejects(fetch('http://127.0.0.1:9/'), { code: 'ECONNREFUSED' }); },
});
