// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert';
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import got from 'got';
import { runOnRequest } from './announce.cjs';

const base = process.env.UPSTREAM;
runOnRequest({
  async get() { assert.strictEqual(await got(`${base}/hello`).text(), 'hello'); },
  async json() { assert.deepStrictEqual(await got.post(`${base}/echo`, { json: { a: 1 } }).json(), { a: 1 }); },
  async gzip() { assert.strictEqual((await got(`${base}/gzip`).text()).length, 100_000); },
  async redirect() { assert.strictEqual(await got(`${base}/redirect`).text(), 'hello'); },
  async stream() {
    let bytes = 0;
    await pipeline(got.stream(`${base}/large`), new Writable({ write(chunk, encoding, done) { bytes += chunk.length; done(); } }));
    assert.strictEqual(bytes, 2_000_000);
  },
  async retry() { assert.strictEqual(await got(`${base}/flaky`, { retry: { limit: 3, backoffLimit: 10 } }).text(), 'now'); },
  async timeout() { await assert.rejects(got(`${base}/never`, { timeout: { request: 100 }, retry: { limit: 0 } }), { name: 'TimeoutError' }); },
  async failure() { await assert.rejects(got(`${base}/status/404`, { retry: { limit: 0 } }), (error) => error.response.statusCode === 404); },
});
